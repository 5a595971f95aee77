"""The bodies of forms: read whole, with a bound on size, time and memory for each."""

from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from shared.platform.errors import PayloadTooLarge, UnsupportedMediaType
from shared.platform.web.request_body import read_body

SMALL_FORM_BYTES = 16 << 10  # bytes, for forms that people fill in before they are known, and those of an account
FORM_BYTES = 256 << 10  # bytes
LONG_FORM_BYTES = 5 << 20  # bytes, for forms with whole payloads, leads or form drafts in them
MAX_FORM_FIELDS = 10_000
URLENCODED_TYPE = "application/x-www-form-urlencoded"
WRONG_TYPE_MESSAGE = f"Send a form as {URLENCODED_TYPE}."
TOO_MANY_FIELDS_MESSAGE = f"A form may have at most {MAX_FORM_FIELDS:,} fields."


async def read_form_body(
    request: web.Request, limit: int, seconds: float, account_id: int | None
) -> MultiDictProxy[str]:
    """Return the fields of a form. `limit` is in bytes; the body has `seconds` to arrive, at its slowest.

    Raises PayloadTooLarge, RequestTimeout, BadRequest, UnsupportedMediaType, and ServiceUnavailable if all bodies of
    the account that are arriving hold too much memory.
    """
    if not request.can_read_body:
        return MultiDictProxy(MultiDict())
    if request.content_type != URLENCODED_TYPE:
        raise UnsupportedMediaType(WRONG_TYPE_MESSAGE)
    body = await read_body(request, limit, seconds, owner=("account", account_id) if account_id else None)
    try:
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise PayloadTooLarge(TOO_MANY_FIELDS_MESSAGE) from None
    return MultiDictProxy(MultiDict(fields))
