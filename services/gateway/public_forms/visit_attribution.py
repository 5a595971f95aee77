"""Where a visitor came from: what the form's script remembers of first and last touch, else the page's address. Pure.

The script sends JSON: `{"first": T, "last": T, "page_url", "consent": {name: bool}, "browser_ids": {name: text}}`, T as
`{"utm_source"…, "click_ids": {…}, "referrer", "landing_page", "at"}`. Members that are not known are missing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from services.gateway.public_forms.visitor_text import storable_text
from shared.integrations.attribution import UTM_FIELDS, Attribution, make_attribution
from shared.platform.validation.types import is_url

MAX_NAMED_VALUES = 20  # consents or ids that are kept of those sent
MAX_NAME_LENGTH = 64  # characters
MAX_ID_LENGTH = 255  # characters


class VisitTouches(NamedTuple):
    """The attribution of a submission, and of the visitor's first touch, if the script sent one."""

    attribution: Attribution
    first_touch: Attribution | None


def read_touches(text: str, page_url: str, referrer: str, consents: Mapping[str, bool]) -> VisitTouches:
    """Return where a visitor came from.

    `text`: the script's JSON, or nothing. `page_url`: the page of the form, `referrer`: the header of that name.
    `consents`: the answers to the form's questions for consent, by field.
    """
    known = _read_object(text)
    page = _first_address(known.get("page_url"), page_url, referrer)
    flags = {**_named_flags(known.get("consent")), **consents}
    shared = {"page_url": page, "consent": flags, "browser_ids": _named_texts(known.get("browser_ids"))}
    first, last = known.get("first"), known.get("last")
    attribution = _touch_attribution(last if isinstance(last, Mapping) else {}, shared)
    if not isinstance(first, Mapping) or not first:
        return VisitTouches(attribution, None)
    return VisitTouches(attribution, _touch_attribution(first, {"consent": flags}))


def _touch_attribution(touch: Mapping[str, Any], known: Mapping[str, Any]) -> Attribution:
    click_ids = touch.get("click_ids")
    parameters = {
        **(_named_texts(click_ids) if isinstance(click_ids, Mapping) else {}),
        **{name: _text(touch.get(name)) for name in UTM_FIELDS},
    }
    return make_attribution(
        parameters,
        landing_page=_first_address(touch.get("landing_page")),
        referrer=_first_address(touch.get("referrer")),
        at=_read_time(touch.get("at")),
        **known,
    )


def _read_object(text: str) -> Mapping[str, Any]:
    try:
        document = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _named_flags(value: Any) -> dict[str, bool]:
    pairs = value.items() if isinstance(value, Mapping) else ()
    flags = [(_name(name), flag) for name, flag in pairs if isinstance(flag, bool)]
    return dict(flags[:MAX_NAMED_VALUES])


def _named_texts(value: Any) -> dict[str, str]:
    pairs = value.items() if isinstance(value, Mapping) else ()
    texts = [(_name(name), _text(text)[:MAX_ID_LENGTH]) for name, text in pairs]
    return dict([pair for pair in texts if pair[1]][:MAX_NAMED_VALUES])


def _name(text: str) -> str:
    return storable_text(text)[:MAX_NAME_LENGTH]


def _text(value: Any) -> str:
    return storable_text(value) if isinstance(value, str) else ""


def _first_address(*values: Any) -> str | None:
    return next((text for value in values if (text := _text(value)) and is_url(text)), None)


def _read_time(value: Any) -> str | None:
    try:
        return datetime.fromisoformat(_text(value)).isoformat() if value else None
    except ValueError:
        return None
