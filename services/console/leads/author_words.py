"""Who did what an entry of a timeline tells."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from services.console.leads.timeline_entry import Names
from services.console.leads.timeline_reads import author_key
from services.console.submissions.timeline import quoted
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

AUTHOR_WORDS = {
    "user": _("by %(name)s"),
    "api": _("through the API, with the key %(name)s"),
    "automation": _("by the automation %(name)s"),
}
NAMELESS_AUTHOR_WORDS = {
    "user": _("by somebody who has left"),
    "api": _("through the API"),
    "automation": _("by an automation that was deleted"),
    "scoring": _("by the scoring rules"),
    "import": _("by an import"),
}


def author_words(view: PageView, by: Mapping[str, Any], names: Names) -> Markup | str:
    """Return who did something, for the second line of an entry. Empty if nobody is named."""
    kind = str(by.get("kind") or "")
    key = author_key(by)
    if kind in AUTHOR_WORDS and key and key in names:
        return quoted(view.translate(AUTHOR_WORDS[kind]), name=names[key])
    if kind in NAMELESS_AUTHOR_WORDS:
        return view.translate(NAMELESS_AUTHOR_WORDS[kind])
    return quoted(view.translate(AUTHOR_WORDS["user"]), name=kind) if kind else ""
