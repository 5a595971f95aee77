"""Find the form that a public address names."""

import re

from services.gateway.context import Gateway
from shared.forms.definition import FormDefinition
from shared.platform.errors import NotFound

_is_public_id = re.compile(r"[A-Za-z0-9_-]{1,100}").fullmatch  # others are no form's, and not looked up
FORM_CLOSED_MESSAGE = "There is no such form, or it takes no submissions."


async def find_public_form(gateway: Gateway, public_id: str) -> FormDefinition:
    """Return an active form. Raises NotFound, and ServiceUnavailable if it is unknown and the database is away."""
    form = await gateway.public_forms.get(public_id) if _is_public_id(public_id) else None
    if form is None or not form.is_active:
        raise NotFound(FORM_CLOSED_MESSAGE)
    return form
