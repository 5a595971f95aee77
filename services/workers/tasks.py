"""The Celery tasks. Each passes its message to one method of the worker and does nothing else."""

import time

from celery import Task

from services.workers.app import app, get_worker
from services.workers.stale_hints import purge_stale_hints
from shared.intake import hints
from shared.intake.hints import Hint


def _purge_if_stale(task: "Task[..., None]", hint: Hint) -> None:
    purge_stale_hints(app, hint.queue, task.request.get("sent") or time.time())


@app.task(name=hints.INGEST_HINT.task, ignore_result=True, bind=True)
def ingest_journal(task: "Task[..., None]") -> None:
    """Ingest rows that wait in the journal."""
    _purge_if_stale(task, hints.INGEST_HINT)
    get_worker().ingest_journal()


@app.task(name=hints.AUTOMATIONS_HINT.task, ignore_result=True, bind=True)
def run_automations(task: "Task[..., None]") -> None:
    """Run automations for events and for runs that are due."""
    _purge_if_stale(task, hints.AUTOMATIONS_HINT)
    get_worker().run_automations()


@app.task(name=hints.DELIVERIES_HINT.task, ignore_result=True, bind=True)
def send_deliveries(task: "Task[..., None]") -> None:
    """Send deliveries that are due."""
    _purge_if_stale(task, hints.DELIVERIES_HINT)
    get_worker().send_deliveries()


@app.task(name=hints.JOBS_HINT.task, ignore_result=True, bind=True)
def run_jobs(task: "Task[..., None]") -> None:
    """Run chunks of jobs that are due."""
    _purge_if_stale(task, hints.JOBS_HINT)
    get_worker().run_jobs()


@app.task(name=hints.FETCHES_HINT.task, ignore_result=True, bind=True)
def fetch_leads(task: "Task[..., None]") -> None:
    """Fetch leads of which only ids came."""
    _purge_if_stale(task, hints.FETCHES_HINT)
    get_worker().fetch_leads()


@app.task(name=hints.LIKENESS_HINT.task, ignore_result=True, bind=True)
def find_likenesses(task: "Task[..., None]") -> None:
    """Compare leads that came or changed."""
    _purge_if_stale(task, hints.LIKENESS_HINT)
    get_worker().find_likenesses()
