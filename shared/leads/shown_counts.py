"""Numbers of leads that somebody confirms while leads arrive. Pure."""

MOST_GROWTH = 100  # that is no surprise, however few leads there were
MOST_TIMES = 2


def has_moved(shown: int, count: int) -> bool:
    """Return whether a number of leads is another one than was shown: smaller, or far larger.

    What came in the meantime is meant as well. Where no lead was shown, nobody confirmed any.
    """
    if count < shown or not shown:
        return count != shown
    return count > MOST_TIMES * shown and count - shown > MOST_GROWTH
