"""Errors of PostgreSQL, by kind: contention, an unavailable server, a deadline that passed."""

import psycopg

# The server ended a statement or session because it took too long.
TIME_LIMIT_ERRORS = (
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.QueryCanceled,
)

# The tables belong to another version, and `migrate` has not run yet. No statement is built from client input, so this
# cannot be the fault of a request.
UNMIGRATED_ERRORS = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction)

# The errors of a database that is away, slow, restarting or full, as opposed to errors in the data.
# psycopg's OperationalError leaves out two cases: a server that takes no writes, such as during a failover, and a
# session that was ended because its transaction idled or took too long.
UNAVAILABLE_ERRORS: tuple[type[Exception], ...] = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    *TIME_LIMIT_ERRORS,
    *UNMIGRATED_ERRORS,
    TimeoutError,
    OSError,
)


class ContentionError(Exception):
    """Other transactions interfered. The same transaction may succeed when it is run again."""


def is_contention(error: BaseException) -> bool:
    """Return whether running the transaction again may help.

    This is so for a deadlock, a serialisation failure, a lock timeout, and a prepared statement that was deallocated.
    """
    error = _driver_error(error)
    return isinstance(error, ContentionError) or getattr(error, "sqlstate", None) in (
        "40001",
        "40P01",
        "55P03",
        "26000",
    )


def is_unavailable(error: BaseException) -> bool:
    """Return whether the error is due to the state of the database (away, full, read-only, not migrated), not to data.

    psycopg also counts SQLSTATE class 54 (a program limit exceeded, such as too long an index key) as operational. That
    class is excluded here, because the data causes it and a retry would fail again.
    """
    error = _driver_error(error)
    state = getattr(error, "sqlstate", None) or ""
    return isinstance(error, UNAVAILABLE_ERRORS) and not state.startswith("54")


def is_timeout(error: BaseException) -> bool:
    """Return whether the server ended the statement or its session because it took too long."""
    return isinstance(_driver_error(error), TIME_LIMIT_ERRORS)


def _driver_error(error: BaseException) -> BaseException:
    """Return the error of psycopg if SQLAlchemy has wrapped it."""
    return getattr(error, "orig", None) or error
