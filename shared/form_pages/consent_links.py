"""Turn the text of a consent into HTML: everything is escaped, and `[text](https://…)` becomes a link. Pure."""

import re

from markupsafe import Markup

# A title without brackets, and an address without spaces and parentheses: what else looks like a link stays text.
_find_links = re.compile(r"\[([^\[\]\r\n]{1,300})\]\((https?://[^\s()<>\"']{1,2000})\)", re.IGNORECASE).finditer

# In a tab of its own, so that what was typed is not lost.
_LINK = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>')


def link_consent(text: str) -> Markup:
    """Return the text with its links."""
    markup, end = Markup(), 0
    for found in _find_links(text):
        markup += Markup.escape(text[end : found.start()]) + _LINK.format(found[2], found[1])
        end = found.end()
    return markup + Markup.escape(text[end:])
