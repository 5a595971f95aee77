"""Normalise and hash what identifies a person, in the way that both platforms want it. Pure.

Sources: https://developers.facebook.com/documentation/ads-commerce/conversions-api/parameters/customer-information-parameters,
https://developers.google.com/data-manager/api/devguides/concepts/formatting.
"""

import hashlib
import re
import unicodedata

GMAIL_DOMAINS = ("gmail.com", "googlemail.com")
_match_phone = re.compile(r"\+([1-9][0-9]{6,14})").match
_match_country = re.compile(r"[a-z]{2}").fullmatch


def sha256_hex(text: str) -> str:
    """Return the digest of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def normalise_address(email: str | None) -> str | None:
    """Return an email address in lower case, without whitespace; None for anything else."""
    text = "".join((email or "").lower().split())
    name, at, domain = text.partition("@")
    return text if at and name and "." in domain and "@" not in domain else None


def normalise_for_google(email: str | None) -> str | None:
    """Return an address as Google compares it: dots in the names of Gmail addresses mean nothing."""
    address = normalise_address(email)
    name, _, domain = (address or "").partition("@")
    if domain not in GMAIL_DOMAINS:
        return address
    name = name.replace(".", "")
    return f"{name}@{domain}" if name else None


def phone_digits(phone: str | None) -> str | None:
    """Return the digits of a number in E.164, with the country's code and without the plus. None for anything else."""
    found = _match_phone(phone or "")
    return found[1] if found else None


def normalise_person_name(name: str | None) -> str | None:
    """Return a name in lower case, without punctuation; None if nothing is left."""
    text = "".join(one for one in (name or "").lower() if not unicodedata.category(one).startswith("P"))
    return " ".join(text.split()) or None


def country_code(country: str | None) -> str | None:
    """Return a country's code of two letters in lower case; None for a country's name."""
    text = (country or "").strip().lower()
    return text if _match_country(text) else None
