"""What the values of settings are checked with: lists of addresses, names of hosts, URLs."""

import re
from urllib.parse import urlsplit

_match_host = re.compile(r"[A-Za-z0-9._-]+|[0-9a-fA-F:.]+").fullmatch


def split_addresses(text: str) -> list[str]:
    """Split comma-separated addresses."""
    return [part.strip() for part in text.split(",") if part.strip()]


def is_host(text: str) -> bool:
    """Return whether a text names a host, perhaps with a port."""
    try:
        parts = urlsplit(f"//{text}")
        name = parts.hostname or ""
        return "@" not in text and parts.netloc == text and _match_host(name) is not None and (parts.port or 1) > 0
    except ValueError:
        return False


def is_readable_url(url: str) -> bool:
    """Return whether the parts of a URL can be read."""
    try:
        parts = urlsplit(url)
        return not parts.netloc.endswith(":") and (parts.port or 0) >= 0
    except ValueError:  # not chained: the message may quote a part of the password
        return False


def has_valid_database_number(url: str) -> bool:
    """Return whether a Redis URL names no database, or one by its number."""
    path = urlsplit(url).path.strip("/")
    return not path or (path.isascii() and path.isdigit())
