"""What the values of settings are checked with: lists of addresses, names of hosts, URLs."""

import re
from urllib.parse import urlsplit

BROKER_SCHEMES = ("redis://", "rediss://", "redis+socket://", "amqp://", "amqps://")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
POSTGRES_SCHEMES = ("postgresql://", "postgres://")
STORE_SCHEMES = (BROKER_SCHEMES, REDIS_SCHEMES, POSTGRES_SCHEMES)
HOST_REQUIRING_SCHEMES = ("https://", "smtp://", "s3://")  # schemes of URLs that need a host
WEB_URL_NAMES = (
    *("public_url", "docs_url", "docs_site_url", "alarm_slack_url", "twilio_url", "mailgun_url"),
    *("meta_url", "linkedin_url", "hubspot_url", "google_data_manager_url", "google_accounts_url", "files_endpoint"),
    *("otlp_url", "trace_page_url"),
)
ALLOWED_SCHEMES = {
    **dict.fromkeys(WEB_URL_NAMES, ("https://", "http://")),
    "database_url": POSTGRES_SCHEMES,
    "broker_url": BROKER_SCHEMES,
    "redis_url": REDIS_SCHEMES,
    "spool_url": REDIS_SCHEMES,
    "replica_url": POSTGRES_SCHEMES,
    "smtp_url": ("smtp://", "smtps://"),
    "alarm_smtp_url": ("smtp://", "smtps://"),
    "files_url": ("s3://",),
}

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
