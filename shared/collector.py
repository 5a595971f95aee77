"""Python's garbage collector, told what kind of process this is."""

import gc


def settle() -> None:
    """Called once a service has started: what lives now lives for ever, and is not walked again.

    A full collection over Celery's and SQLAlchemy's objects takes 50–100 ms. With the default thresholds a batch of a
    few hundred leads sets one off every second or so.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
