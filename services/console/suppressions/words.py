"""Sentences of the page of suppressions: why an address gets no mail, who added it, and what a change came to."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.console.suppressions.address_file import MAX_ADDRESS_FILE_BYTES, MAX_FILE_ADDRESSES, FileAddresses
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.outbound.suppression_fields import MAX_NOTE_LENGTH, MAX_PASTED_ADDRESSES
from shared.outbound.suppressions import COUNTED_SUPPRESSIONS, MAX_ADDED, ManagedSuppression

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
        parts.append(
            view.translate_count(
                "%(n)s address gets no mail from now on.", "%(n)s addresses get no mail from now on.", added
            )
        )
    if known:
        parts.append(view.translate_count("%(n)s was on the list.", "%(n)s were on the list.", known))
    return " ".join(parts)


def unreadable_problem(view: PageView, unreadable: Sequence[str]) -> str:
    """Return which pieces of a pasted text are no addresses."""
    quoted = [_short_text(text) for text in unreadable]
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


def file_sentences(view: PageView, addresses: FileAddresses, added: int, known: int) -> list[str]:
    """Return what became of a file of addresses, a sentence for each part."""
    sentences = [added_sentence(view, added, known)]
    if addresses.repeated_count:
        repeated = addresses.repeated_count
        sentences.append(
            view.translate_count(
                "%(n)s line repeats an address of another.", "%(n)s lines repeat an address of another.", repeated
            )
        )
    if addresses.unreadable_count:
        sentences.append(unreadable_lines(view, addresses))
    return [sentence for sentence in sentences if sentence]


def unreadable_lines(view: PageView, addresses: FileAddresses) -> str:
    """Return which lines of a file are no addresses, the first of them quoted."""
    quoted = [
        view.translate("line %(n)s: %(text)s", n=view.formatting.number(line), text=_short_text(text) or "–")
        for line, text in addresses.unreadable
    ]
    return view.translate_count(
        "%(n)s line is no e-mail address, and was left out: %(texts)s",
        "%(n)s lines are no e-mail addresses, and were left out: %(texts)s",
        addresses.unreadable_count,
        texts=" · ".join(quoted) + (" …" if addresses.unreadable_count > len(quoted) else ""),
    )


def long_file_problem(view: PageView) -> str:
    """Return that a file has more addresses than are taken at once."""
    most = view.formatting.number(MAX_FILE_ADDRESSES)
    return view.translate("Nothing was added. A file may have %(n)s addresses at most: cut it into parts.", n=most)


def large_file_problem(view: PageView) -> str:
    """Return that a file is too large."""
    most = view.formatting.number(MAX_ADDRESS_FILE_BYTES >> 20)
    return view.translate("Nothing was added. A file may have %(n)s MB at most: cut it into parts.", n=most)


def empty_file_problem(view: PageView, addresses: FileAddresses) -> str:
    """Return that a file has no address."""
    sentence = view.translate("Nothing was added: the file has no e-mail address.")
    return f"{sentence} {unreadable_lines(view, addresses)}" if addresses.unreadable_count else sentence


def full_problem(view: PageView) -> str:
    """Return that the list is full."""
    most = view.formatting.number(MAX_ADDED)
    return view.translate("Nothing was added: a list holds %(n)s addresses that your team adds.", n=most)


def removed_sentence(view: PageView, count: int) -> str:
    """Return that addresses were taken off the list again."""
    return view.translate_count("%(n)s address gets mail again.", "%(n)s addresses get mail again.", count)


def missing_problem(view: PageView) -> str:
    """Return that there is no address."""
    return view.translate("Enter at least one e-mail address.")


def note_problem(view: PageView) -> str:
    """Return what is wrong with a note."""
    most = view.formatting.number(MAX_NOTE_LENGTH)
    return view.translate("At most %(n)s characters, and no control characters.", n=most)


def _short_text(text: str) -> str:
    return text if len(text) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…"


def _author_kind(author: Mapping[str, Any] | None) -> str:
    return str((author or {}).get("kind") or "")
