"""The same events told again: in another order, in part, and several of them in one body."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.provider_corpus import corpus_json

JSON = "application/json"
RECEIVED = "com.twilio.messaging.inbound-message.received"


def reordered(body: bytes, media_type: str) -> bytes | None:
    """Return the body with its members, fields or parts in the opposite order. None for a plain text."""
    if media_type.startswith("multipart/"):
        mark = b"--" + media_type.partition("boundary=")[2].encode()
        *parts, end = body.split(mark)
        return mark.join([parts[0], *reversed(parts[1:]), end])
    if media_type.startswith("application/x-www-form-urlencoded"):
        return b"&".join(reversed(body.split(b"&")))
    if not media_type.startswith(JSON):
        return None
    return json.dumps(reversed_members(json.loads(body))).encode()


def reversed_members(value: Any) -> Any:
    """Return a JSON value with the members of all objects in the opposite order. Lists stay as they are."""
    if isinstance(value, dict):
        return {name: reversed_members(value[name]) for name in reversed(value)}
    return [reversed_members(one) for one in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class SeveralItems:
    """A body of several items of a type. `item` makes the one with that number, and `wrap` the body of a few."""

    type: str
    item: Callable[[int], Any]
    wrap: Callable[[Sequence[Any]], Any]

    def body(self, items: Sequence[Any]) -> bytes:
        """Return the JSON of a body with these items."""
        return json.dumps(self.wrap(items)).encode()


def email_of(number: int) -> str:
    """Return the email of the person behind an item."""
    return f"ada{number}@example.com"


def several_items(type_: str) -> SeveralItems:
    """Return how a type tells of several items in one body, after our own body of the type."""
    return SeveralItems(type_, *_SEVERAL[type_]())


ItemMaker = tuple[Callable[[int], Any], Callable[[Sequence[Any]], Any]]


def _meta() -> ItemMaker:
    document = corpus_json("meta_lead_ads", "notice.json")
    [entry] = document["entry"]
    change = entry["changes"][0]

    def item(number: int) -> Any:
        return {**change, "value": {**change["value"], "leadgen_id": 9000 + number}}

    return item, lambda items: {**document, "entry": [{**entry, "changes": list(items)}]}


def _linkedin() -> ItemMaker:
    notice = corpus_json("linkedin", "created.json")
    return lambda number: {**notice, "leadGenFormResponse": f"urn:li:leadGenFormResponse:response-{number}"}, list


def _hubspot() -> ItemMaker:
    event = corpus_json("hubspot", "events.json")[0]
    return lambda number: {**event, "eventId": 700 + number, "objectId": 100 + number}, list


def _tiktok() -> ItemMaker:
    document = corpus_json("tiktok", "leads.json")
    entry = document["entry"][0]

    def item(number: int) -> Any:
        return {**entry, "id": f"lead-{number}", "changes": [{"field": "email", "value": email_of(number)}]}

    return item, lambda items: {**document, "entry": list(items)}


def _whatsapp() -> ItemMaker:
    document = corpus_json("whatsapp", "text_from_an_ad.json")
    [entry] = document["entry"]
    [change] = entry["changes"]
    [message] = change["value"]["messages"]

    def item(number: int) -> Any:
        """A message without a business-scoped id, which would be one person's."""
        kept = {name: message[name] for name in ("timestamp", "type", "text")}
        return {**kept, "from": f"1650555012{number}", "id": f"wamid.{number}"}

    def wrap(items: Sequence[Any]) -> Any:
        contacts = [{"profile": {"name": f"Ada {one['id']}"}, "wa_id": one["from"]} for one in items]
        value = {**change["value"], "messages": list(items), "contacts": contacts}
        return {**document, "entry": [{**entry, "changes": [{**change, "value": value}]}]}

    return item, wrap


def _twilio() -> ItemMaker:
    """Return events of a sink, which name the parameters of a message in camelCase."""

    def item(number: int) -> Any:
        data = {"messageSid": f"SM{number:032}", "from": f"+1650555012{number}", "body": "Hi"}
        return {"specversion": "1.0", "type": RECEIVED, "id": f"EZ{number}", "data": data}

    return item, list


def _pinterest() -> ItemMaker:
    return lambda number: {"lead_id": f"lead-{number}", "EMAIL": email_of(number)}, list


def _standard() -> ItemMaker:
    document = corpus_json("standard_webhooks", "contact.json")

    def item(number: int) -> Any:
        return {"fullName": "Ada Example", "email": email_of(number)}

    return item, lambda items: {**document, "data": list(items)}


def _generic() -> ItemMaker:
    def item(number: int) -> Any:
        return {"name": "Ada Example", "email": email_of(number), "event_id": f"event-{number}"}

    return item, list


_SEVERAL: dict[str, Callable[[], ItemMaker]] = {
    "meta_lead_ads": _meta,
    "linkedin": _linkedin,
    "hubspot": _hubspot,
    "tiktok": _tiktok,
    "whatsapp": _whatsapp,
    "twilio": _twilio,
    "pinterest": _pinterest,
    "standard_webhooks": _standard,
    **dict.fromkeys(("zapier", "make", "n8n", "microsoft_ads", "webhook"), _generic),
}
TYPES_WITH_SEVERAL = tuple(_SEVERAL)
