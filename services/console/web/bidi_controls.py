"""Signs that turn the direction of a text. In what strangers send they are shown, and turn nothing round. Pure."""

import re

_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# The text between two tags. What is in a field is sent back as it is, and stays.
_TEXT_NODES = re.compile(r"<textarea\b[^>]*>[^<]*</textarea>|>[^<]+")


def show_controls(text: str) -> str:
    """Return a text with its signs of direction as `[U+202E]`."""
    return _CONTROLS.sub(lambda sign: f"[U+{ord(sign[0]):04X}]", text)


def show_controls_in_html(html: str) -> str:
    """Return a page in whose texts signs of direction are shown. The console has none of its own."""
    if not _CONTROLS.search(html):
        return html
    return _TEXT_NODES.sub(lambda part: part[0] if part[0].startswith("<") else show_controls(part[0]), html)
