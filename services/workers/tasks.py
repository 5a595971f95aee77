"""Message to use case. A task does nothing else."""

from services.workers.app import app, the_worker
from shared import hints


@app.task(name=hints.TASK, ignore_result=True)
def ingest() -> None:
    """Rows wait in the journal."""
    the_worker().ingest()
