"""The contacts by which nobody is recognised: a workspace's list of emails, local parts and phones. Pure.

Such a contact stays on its lead and claims no identity. What was recognised by it before stays together.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.leads.phone_normalization import normalise_phone

MAX_NEVER_JOIN = 500  # entries of a workspace: every worker keeps them
_PROBE_DOMAIN = "example.com"  # makes an address of a local part, so that the library judges it


class NeverJoin(NamedTuple):
    """The entries, so that each contact is looked up once."""

    emails: frozenset[str] = frozenset()
    local_parts: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()

    @classmethod
    def from_entries(cls, entries: Iterable[str] | None, *, fold_gmail: bool) -> "NeverJoin":
        """Sort stored entries by what they are. A folded list has folded addresses, as identities are."""
        if not entries:
            return NOTHING_LISTED
        emails, locals_, phones = set[str](), set[str](), set[str]()
        for entry in entries:
            if entry.endswith("@"):
                locals_.add(entry[:-1])
            elif "@" in entry:
                emails.add(normalise_email(entry, fold_gmail=fold_gmail))
            else:
                phones.add(entry)
        return cls(frozenset(emails), frozenset(locals_), frozenset(phones))

    def lists_email(self, key: str) -> bool:
        """Return whether nobody is recognised by an email, in the spelling of its identity."""
        return bool(self.emails or self.local_parts) and (
            key in self.emails or key.rpartition("@")[0] in self.local_parts
        )

    def lists_phone(self, identity: str) -> bool:
        """Return whether nobody is recognised by a phone. A switchboard's number stands for all its extensions."""
        return bool(self.phones) and (identity in self.phones or identity.partition(";")[0] in self.phones)

    def lists(self, kind: str, value: str) -> bool:
        """Return whether nobody is recognised by an identity. The ids of providers are never listed."""
        return self.lists_email(value) if kind == "email" else kind == "phone" and self.lists_phone(value)

    def without_listed(self, lead: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a lead's record without what says nothing about who it is: of a listed email the domain remains."""
        if self == NOTHING_LISTED:
            return lead
        email, phone = lead.get("email") or "", lead.get("phone") or ""
        changes: dict[str, Any] = {}
        if self.lists_email(email):
            changes["email"] = f"@{email.rpartition('@')[2]}"
        if self.lists_phone(phone):
            changes["phone"] = None
        return {**lead, **changes} if changes else lead


NOTHING_LISTED = NeverJoin()


def normalise_entry(text: str, country: str | None) -> str:
    """Return an entry as it is stored: `info@` for a local part, an email, or a phone's identity.

    A phone without a prefix is read as dialled in `country`. Raises InvalidContact.
    """
    text = text.strip()
    if text.endswith("@"):
        return normalise_email(f"{text}{_PROBE_DOMAIN}").removesuffix(_PROBE_DOMAIN)
    if "@" in text:
        return normalise_email(text)
    if not any(sign.isdecimal() for sign in text):
        raise InvalidContact("No email, local part or phone.")
    return normalise_phone(text, country).identity
