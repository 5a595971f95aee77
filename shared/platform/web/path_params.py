"""Ids in paths and queries. Text that cannot be an id is answered like an id that does not exist: 404."""

import uuid

from aiohttp import web

from shared.platform.errors import NotFound

MAX_ID = 2**63 - 1


def path_id(request: web.Request, name: str = "id") -> int:
    """Return a positive 64-bit integer of the path. Raises NotFound."""
    return read_id(request.match_info[name])


def read_id(text: str) -> int:
    """Return a positive 64-bit integer. Raises NotFound for text that is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID):
        raise NotFound
    return int(text)


def path_uuid(request: web.Request, name: str = "id") -> uuid.UUID:
    """Return a UUID of the path, in its usual form. Raises NotFound."""
    text = request.match_info[name]
    try:
        uuid_ = uuid.UUID(text)
    except ValueError:
        raise NotFound from None
    if str(uuid_) != text.lower():
        raise NotFound
    return uuid_
