"""A time limit for reads, and another answer for those that failed on the replica.

A frozen PostgreSQL server ends no statement, and would block its reader without end.
"""

from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from services.api.context import STATEMENT_TIMEOUT_SECONDS
from services.api.list_replica import LIST_REPLICA
from shared.platform.db.connections import with_deadline
from shared.platform.fair_limiter import SLOT_TIMEOUT_SECONDS

# A large list waits for a connection, for a slot, and for a connection again. It takes two statements.
READ_TIMEOUT_SECONDS = 3 * SLOT_TIMEOUT_SECONDS + 2 * STATEMENT_TIMEOUT_SECONDS


def with_timeout(handler: Handler) -> Handler:
    """Return the handler with a time limit. It raises TimeoutError, which is answered like a database that is down.

    Only for handlers that change nothing: the outcome of a write would be unknown.
    """

    @wraps(handler)
    async def time_limited(request: web.Request) -> web.StreamResponse:
        try:
            return await with_deadline(READ_TIMEOUT_SECONDS, handler(request))
        except Exception as error:
            replica = request.app.get(LIST_REPLICA)
            if replica is None or not replica.should_answer_again(request, error):
                raise
        return await with_deadline(READ_TIMEOUT_SECONDS, handler(request))

    return time_limited
