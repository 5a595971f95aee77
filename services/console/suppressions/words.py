"""Sentences of the page of suppressions: why an address gets no mail, who added it, and what a change came to."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.outbound.suppression_fields import MAX_NOTE_LENGTH, MAX_PASTED_ADDRESSES
from shared.outbound.suppressions import COUNTED_SUPPRESSIONS, ManagedSuppression

NAMED_UNREADABLE: Final = 5  # pieces that a problem quotes
MAX_QUOTED_LENGTH: Final = 60  # characters of each

REASON_WORDS: Final[dict[str, str]] = {
    "unsubscribed": _("unsubscribed by the link in a mail"),
    "manual": _("added by your team"),
}


def reason_words(view: PageView, suppression: ManagedSuppression) -> str:
    """Return why an address gets no mail."""
    if suppression.reason == "manual" and _author_kind(suppression.created_by) == "key":
        return view.translate("added over the API")
    return view.translate_choice(REASON_WORDS, suppression.reason)


def author_words(view: PageView, suppression: ManagedSuppression) -> str:
    """Return who added an address, a name as it was then."""
    if suppression.reason == "unsubscribed":
        return view.translate("the person")
    author = suppression.created_by or {}
    name = str(author.get("name") or "")
    if not name:
        return view.translate("not kept")
    return view.translate("API key %(name)s", name=name) if _author_kind(author) == "key" else name


def count_sentence(view: PageView, count: int) -> str:
    """Return how many addresses get no mail, as far as they are counted."""
    if count >= COUNTED_SUPPRESSIONS:
        return view.translate("%(n)s addresses or more get no mail.", n=view.formatting.number(count))
    return view.translate_count("%(n)s address gets no mail.", "%(n)s addresses get no mail.", count)


def added_sentence(view: PageView, added: int, known: int) -> str:
    """Return what became of the addresses that were sent."""
    parts = []
    if added:
        words = "%(n)s address gets no mail from now on.", "%(n)s addresses get no mail from now on."
        parts.append(view.translate_count(*words, added))
    if known:
        parts.append(view.translate_count("%(n)s was on the list.", "%(n)s were on the list.", known))
    return " ".join(parts)


def unreadable_problem(view: PageView, unreadable: Sequence[str]) -> str:
    """Return which pieces of a pasted text are no addresses."""
    quoted = [text if len(text) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…" for text in unreadable]
    return view.translate_count(
        "Nothing was added. This is no e-mail address: %(texts)s",
        "Nothing was added. %(n)s are no e-mail addresses, such as: %(texts)s",
        len(unreadable),
        texts=" · ".join(quoted[:NAMED_UNREADABLE]),
    )


def too_many_problem(view: PageView) -> str:
    """Return that more was pasted than is taken at once."""
    most = view.formatting.number(MAX_PASTED_ADDRESSES)
    return view.translate("Nothing was added. At most %(n)s addresses are taken at once.", n=most)


def missing_problem(view: PageView) -> str:
    """Return that there is no address."""
    return view.translate("Enter at least one e-mail address.")


def note_problem(view: PageView) -> str:
    """Return what is wrong with a note."""
    most = view.formatting.number(MAX_NOTE_LENGTH)
    return view.translate("At most %(n)s characters, and no control characters.", n=most)


def _author_kind(author: Mapping[str, Any] | None) -> str:
    return str((author or {}).get("kind") or "")
