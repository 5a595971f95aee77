"""Read what messengers have in common: numbers without a plus, answers in JSON, places. Pure."""

from collections.abc import Iterator
from typing import Any

from shared.integrations.reading.contact_reading import AnsweredField
from shared.integrations.reading.untrusted_json import text_at
from shared.integrations.webhook_exchange import UnreadableBody, parse_json_leniently


def international_phone(number: str) -> str:
    """Return a number that messengers send without its plus, with it. Any other text stays as it is."""
    return f"+{number}" if number.isascii() and number.isdigit() else number


def json_answers(text: str) -> dict[str, Any]:
    """Return the object of a JSON text, such as the answers of a form within a chat. Empty if it is none."""
    try:
        value = parse_json_leniently(text.encode(errors="surrogatepass"))
    except UnreadableBody:
        return {}
    return value if isinstance(value, dict) else {}


def custom_fields(node: Any, labels: dict[str, str]) -> Iterator[AnsweredField]:
    """Return members of an object as custom fields under readable labels."""
    return (AnsweredField(text_at(node, member), label=label, kind="custom") for member, label in labels.items())


def lines_of(*parts: str) -> str:
    """Return the parts that are not empty, one a line."""
    return "\n".join(filter(None, parts))


def place_text(place: Any, latitude: str, longitude: str) -> str:
    """Return a shared place as text: its name, its address and its coordinates, under these names of members."""
    names = (text_at(place, member) for member in ("name", "title", "address", "url"))
    position = ", ".join(filter(None, (text_at(place, latitude), text_at(place, longitude))))
    return lines_of(*names, position)
