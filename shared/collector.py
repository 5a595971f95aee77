"""Python's garbage collector, told what kind of process this is."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def settle() -> None:
    """Called once a service has started: what lives now lives for ever, and is not walked again.

    A full collection over Celery's and SQLAlchemy's objects takes 50–100 ms. With the default thresholds a batch of a
    few hundred leads sets one off every second or so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@contextmanager
def without_collection() -> Iterator[None]:
    """No collection begins in this block: its time would count as the time of what the block measures."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
