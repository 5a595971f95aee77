"""A read ends, whatever PostgreSQL does: a frozen server ends no statement, and would keep its reader for ever."""

from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from services.api.state import STATEMENT_TIMEOUT
from services.api.turns import PATIENCE
from shared.db import within

# Seconds. A large list waits for a connection, for its turn, and for a connection; it is counted, and it is read.
READ_TIMEOUT = 3 * PATIENCE + 2 * STATEMENT_TIMEOUT


def in_time(handler: Handler) -> Handler:
    """The same handler, which raises TimeoutError where it takes longer: answered as all is where the database is away.

    For what changes nothing. A write's outcome would be unknown.
    """

    @wraps(handler)
    async def limited(request: web.Request) -> web.StreamResponse:
        return await within(READ_TIMEOUT, handler(request))

    return limited
