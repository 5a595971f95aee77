"""The Celery application of the ordinary stack. Broker and result backend are one Redis."""

import os
from typing import Any

from celery import Celery

from bench.naive.store import store_payload

celery = Celery("naive", broker=os.environ["NAIVE_BROKER_URL"], backend=os.environ["NAIVE_BROKER_URL"])


@celery.task(ignore_result=True)
def store_lead(payload: dict[str, Any]) -> None:
    store_payload(payload)


@celery.task
def store_lead_for_verdict(payload: dict[str, Any]) -> dict[str, Any]:
    return store_payload(payload)
