"""The Celery tasks. Each passes its message to one method of the worker and does nothing else."""

import time

from celery import Task

from services.workers.app import app, the_worker
from services.workers.backlog import drop_behind
from shared import hints
from shared.hints import Hint


def _heard(task: "Task[..., None]", hint: Hint) -> None:
    drop_behind(app, hint.queue, task.request.get("sent") or time.time())


@app.task(name=hints.INGEST.task, ignore_result=True, bind=True)
def ingest(task: "Task[..., None]") -> None:
    """Ingest rows that wait in the journal."""
    _heard(task, hints.INGEST)
    the_worker().ingest()


@app.task(name=hints.AUTOMATIONS.task, ignore_result=True, bind=True)
def automate(task: "Task[..., None]") -> None:
    """Run automations for events and for runs that are due."""
    _heard(task, hints.AUTOMATIONS)
    the_worker().automate()


@app.task(name=hints.DELIVERIES.task, ignore_result=True, bind=True)
def deliver(task: "Task[..., None]") -> None:
    """Send deliveries that are due."""
    _heard(task, hints.DELIVERIES)
    the_worker().deliver()
