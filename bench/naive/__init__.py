"""NAIVE: the ordinary stack, as a good developer writes it by default, for comparison.

FastAPI validates and calls `task.delay()`; a Celery worker selects, inserts or updates, and commits, lead by lead.
"""
