"""Tests of a form, which somebody who is signed in to the console sends: they make no lead, and are not counted."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from aiohttp import hdrs, web

from services.gateway.public_forms.forms_context import PUBLIC_FORMS
from shared.forms.definition import FormDefinition
from shared.forms.trial_tokens import TRIAL_PARAMETER, is_trial_token
from shared.leads.submission import FORM_KEY, SOURCE_KEY


def trial_token(request: web.Request, form: FormDefinition) -> str:
    """Return the valid token of a test, from the address or from that of the page that asks; otherwise nothing."""
    own = request.query.get(TRIAL_PARAMETER) or _token_of(request.headers.get(hdrs.REFERER, ""))
    if not own:
        return ""
    return own if is_trial_token(request.app[PUBLIC_FORMS].cipher.signing_key(), form.public_id, own) else ""


def trial_body(lead: Mapping[str, Any], part: Mapping[str, Any]) -> bytes:
    """Return the body of a test: what would be ingested, marked so that it makes no lead."""
    return orjson.dumps({**lead, FORM_KEY: dict(part), SOURCE_KEY: {"is_test": True}})


def _token_of(address: str) -> str:
    try:
        return parse_qs(urlsplit(address).query).get(TRIAL_PARAMETER, [""])[-1]
    except ValueError:
        return ""
