"""Refuse query parameters that an endpoint does not know: a mistyped filter would list what nobody asked for."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice

from aiohttp import web

from shared.platform.errors import FieldErrors, ValidationFailed
from shared.platform.web.openapi import operation_description

FREE_PREFIX = "_"  # names with it pass, such as `_` against caches
MAX_SUGGESTIONS = 10  # in one answer: a comparison of names costs some microseconds
MAX_COMPARED_LENGTH = 50  # characters of a name that is compared
UNKNOWN_PARAMETER_MESSAGE = "There is no parameter {name} here."


def check_query_names(request: web.Request) -> None:
    """Raise ValidationFailed for parameters that the request's handler does not describe."""
    handler = request.match_info.handler
    if not request.query_string or not hasattr(handler, "description"):  # none at an address that does not exist
        return
    if errors := _name_errors(dict.fromkeys(request.query), operation_description(handler).query_names):
        raise ValidationFailed(errors)


def _name_errors(names: Iterable[str], known: Collection[str]) -> FieldErrors:
    unknown = [name for name in names if name not in known and not name.startswith(FREE_PREFIX)]
    errors = {name: [UNKNOWN_PARAMETER_MESSAGE.format(name=name)] for name in unknown}
    for name in islice(unknown, MAX_SUGGESTIONS):
        if nearest := get_close_matches(name.lower()[:MAX_COMPARED_LENGTH], known, 1):
            errors[name][0] += f" Did you mean `{nearest[0]}`?"
    return errors
