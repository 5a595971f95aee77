"""What a form sends back to confirm a count: the number that was typed, and when it was counted. Pure."""

from datetime import UTC, datetime


def typed_digits(text: str) -> str:
    """Return the digits of a number as people type it, with commas or spaces between thousands."""
    return "".join(letter for letter in text if letter.isascii() and letter.isdigit())


def parsed_moment(text: str) -> datetime | None:
    """Return a moment in ISO 8601, in UTC where it names no offset; None if it cannot be read."""
    try:
        moment = datetime.fromisoformat(text[:40])
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
