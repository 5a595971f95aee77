"""The cause of a failure: its type, its place in the code, and its message without anything that belongs to one case.

A message may quote the lead that failed. A title, which operators read and which outlives the lead, therefore keeps
only the words of a fixed vocabulary: whatever a payload holds does not get through. Pure.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePath
from types import TracebackType
from typing import Literal

from shared.operations.vocabulary import ERROR_WORDS, PROPER_WORDS

FailureKind = Literal["submission", "delivery", "automation_run"]

MAX_TITLE_LENGTH = 200  # characters
MAX_MESSAGE_LENGTH = 1_000  # characters of a message that are read
CAUSE_ID_BITS = 52  # so that a JSON number is exact in every language
PRODUCT_FOLDERS = ("shared", "services")
OMITTED, NUMBER = "…", "#"

_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;]+")
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s\"'<>)\]]*", re.IGNORECASE)
# The schema's own names, which say where PostgreSQL refused a row.
_CONSTRAINT = re.compile(r'\b(constraint|index) "((?:pk|uq|ix|fk|ck)_[a-z0-9_]{1,60})"')
_QUOTED = re.compile(
    r"(?<!\w)'.*?'(?!\w)|\".*?\"(?!\w)|`[^`]*`|“[^”]*”|«[^»]*»|‘[^’]*’|=\(.*?\)|\{.*\}|\[.*\]", re.DOTALL
)
_UNCLOSED = re.compile(r"(?<!\w)['\"`“«‘{\[].*$", re.DOTALL)
_WORD = re.compile(r"__[a-z0-9_]+|\+?[^\W_]+(?:[_'’.-][^\W_]+)*")
_WORD_PART = re.compile(r"[a-z]+")
_PLACEHOLDERS = re.compile(rf"[{OMITTED}{NUMBER}](?:[\s,;.:()/+=_%-]*[{OMITTED}{NUMBER}])+")
_SPACES = re.compile(r"\s+")
_ERROR_TYPE = re.compile(r"[A-Z][A-Za-z0-9_]{1,63}")


@dataclass(frozen=True, slots=True)
class FailureCause:
    """The cause of a failure. Failures of one kind with the same type, place and title have the same cause."""

    kind: FailureKind
    error_type: str
    place: str
    title: str

    @property
    def fingerprint(self) -> str:
        """The digest that identifies the cause within a workspace, in hexadecimal."""
        said = "\0".join((self.kind, self.error_type, self.place, self.title))
        return hashlib.sha256(said.encode()).hexdigest()

    @property
    def id(self) -> int:
        """The id of the cause in every workspace. It follows from the fingerprint, so that nobody has to look it up."""
        return (int(self.fingerprint[:16], 16) & ((1 << CAUSE_ID_BITS) - 1)) or 1


def cause_of_exception(kind: FailureKind, error: BaseException) -> FailureCause:
    """Return the cause of an error that was raised."""
    return FailureCause(kind, type(error).__name__, error_place(error.__traceback__), clean_message(str(error)))


def cause_of_text(kind: FailureKind, text: str, *, error_type: str = "", place: str = "") -> FailureCause:
    """Return the cause of an error of which only a text is left, such as `ValueError: not this one`.

    Without an `error_type` the text has to begin with it.
    """
    if not error_type:
        first, colon, rest = text.partition(":")
        error_type, text = (first, rest) if colon and _ERROR_TYPE.fullmatch(first) else ("Error", text)
    return FailureCause(kind, error_type, place, clean_message(text))


def error_place(traceback: TracebackType | None) -> str:
    """Return the innermost function of the product that the error passed.

    Such as `shared/leads/duplicate_policy.py:merge_lead`.
    """
    place = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        parts = PurePath(code.co_filename).parts
        start = next((at for at, part in enumerate(parts) if part in PRODUCT_FOLDERS), None)
        if start is not None and "site-packages" not in parts:
            place = f"{'/'.join(parts[start:])}:{code.co_name}"
        traceback = traceback.tb_next
    return place


def clean_message(message: str) -> str:
    """Return the first line of a message without numbers, quotations, addresses and words that may be data."""
    text = next(iter(message[:MAX_MESSAGE_LENGTH].strip().splitlines()), "")
    text = _CONSTRAINT.sub(r"\1 __\2", text)
    text = _URL.sub(rf"\1{OMITTED}", _EMAIL.sub(OMITTED, text))
    text = _UNCLOSED.sub(OMITTED, _QUOTED.sub(OMITTED, text))
    text = _WORD.sub(_replace_word, text)
    text = _PLACEHOLDERS.sub(lambda found: OMITTED if OMITTED in found[0] else NUMBER, text)
    return _SPACES.sub(" ", text).strip()[:MAX_TITLE_LENGTH]


def _replace_word(match: re.Match[str]) -> str:
    word = match[0]
    if word.startswith("__"):  # a constraint; those of partitions differ by a number
        return re.sub(r"\d+", NUMBER, word[2:])
    if any(char.isdigit() for char in word):
        return NUMBER
    if not word.isascii():
        return OMITTED
    # A capital within a sentence is that of a name, even where the word is a common one: Page, Field.
    if word[0].isupper() and match.start() and not match.string[: match.start()].rstrip().endswith((".", ":")):
        return word if word in PROPER_WORDS else OMITTED
    return word if all(part in ERROR_WORDS for part in _WORD_PART.findall(word.lower())) else OMITTED
