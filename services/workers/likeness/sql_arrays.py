"""Parameters of statements that are arrays. Pure."""

from collections.abc import Iterable


def bigint_array(numbers: Iterable[int]) -> str:
    """Return the text of a PostgreSQL array: psycopg would dump it element by element, ten times as slowly."""
    return "{" + ",".join(map(str, numbers)) + "}"
