"""Numbers that a reader types to confirm how many something concerns."""

import re
from collections.abc import Mapping

SHOWN_PATTERN = re.compile(r"[0-9]{1,18}", re.ASCII)


def plain_digits(text: str) -> str:
    """Return a number as it is typed, in any digits and with any separators, in plain digits."""
    return "".join(str(int(sign)) for sign in text[:100] if sign.isdecimal())


def confirmed_count(form: Mapping[str, str], count: int) -> int | None:
    """Return the number that the form showed, if it was typed; 0 needs no typing. Otherwise None.

    The number may be another one by now. A form that does not say what it showed stands for the `count` of now.
    """
    shown = int(form["shown"]) if SHOWN_PATTERN.fullmatch(form.get("shown", "")) else count
    return shown if not shown or plain_digits(form.get("count", "")) == str(shown) else None
