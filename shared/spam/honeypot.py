"""The honeypot of a form: an input that no visitor sees and that programs fill in. Pure."""

import hashlib
import re

from shared.forms.definition import FormDefinition

# Names that say nothing of a trap, that programs like to fill in, and that browsers fill in for nobody.
_TRAP_WORDS = ("homepage", "subject", "reference", "remark", "website", "topic", "details", "link")
_SUFFIX_LENGTH = 3  # characters: an input that a site's own form has beside those of the form is not taken for the trap
_remove_separators = re.compile(r"[\W_]+").sub


def honeypot_name(form: FormDefinition) -> str:
    """Return the name of the form's trap: the same for all pages of a version, and no key or label of a field."""
    return _trap_name(form, form.version)


def trap_names(form: FormDefinition) -> tuple[str, ...]:
    """Return the names to look for in a post: of this version, and of the one before, whose pages are still open."""
    return tuple(dict.fromkeys(_trap_name(form, version) for version in (form.version, max(form.version - 1, 1))))


def _trap_name(form: FormDefinition, version: int) -> str:
    digest = hashlib.sha256(f"{form.public_id}:{version}".encode()).hexdigest()
    taken_names = {_plain_name(text) for field in form.fields for text in (field["key"], field["label"])}
    start = int(digest[:4], 16)
    words = [_TRAP_WORDS[(start + step) % len(_TRAP_WORDS)] for step in range(len(_TRAP_WORDS))]
    word = next((one for one in words if one not in taken_names), words[0])
    suffixes = (digest[at : at + _SUFFIX_LENGTH] for at in range(4, len(digest) - _SUFFIX_LENGTH))
    return next(name for name in (f"{word}_{suffix}" for suffix in suffixes) if _plain_name(name) not in taken_names)


def _plain_name(text: str) -> str:
    return _remove_separators("", text).casefold()
