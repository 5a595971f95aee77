"""Message to use case. A task does nothing else."""

from services.workers.app import app, the_worker
from shared import hints


@app.task(name=hints.INGEST.task, ignore_result=True)
def ingest() -> None:
    """Rows wait in the journal."""
    the_worker().ingest()


@app.task(name=hints.AUTOMATIONS.task, ignore_result=True)
def automate() -> None:
    """Something happened, or is due, that automations may wait for."""
    the_worker().automate()


@app.task(name=hints.DELIVERIES.task, ignore_result=True)
def deliver() -> None:
    """Deliveries are due."""
    the_worker().deliver()
