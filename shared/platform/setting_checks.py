"""What the values of settings are checked with: lists of addresses, names of hosts, URLs."""

import re
from urllib.parse import parse_qsl, urlsplit

BROKER_SCHEMES = ("redis://", "rediss://", "redis+socket://", "amqp://", "amqps://")
NUMBERED_DATABASE_SCHEMES = ("redis://", "rediss://")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
TLS_SCHEMES = ("rediss", "amqps")  # by which the certificate of a Redis or a RabbitMQ is verified
# What the URL of such a server may say of TLS, and the values of parameters that are no path.
TLS_PARAMETERS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
TLS_CHOICES = {"ssl_cert_reqs": ("required", "none"), "ssl_check_hostname": ("true", "false")}
VERIFYING_MODES = ("require", "verify-ca", "verify-full")  # in which libpq uses the file of `sslrootcert`
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


def has_valid_database_number(url: str) -> bool:
    """Return whether a Redis URL names no database, or one by its number."""
    path = urlsplit(url).path.strip("/")
    return not path or (path.isascii() and path.isdigit())


def find_tls_mistake(url: str) -> str:
    """Return what is wrong with the TLS parameters of a store's URL, or an empty text.

    Each of them would have the connection verify less than it says, or fail with an error that names no setting.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if url.startswith(POSTGRES_SCHEMES):
        is_ignored = "sslrootcert" in query and query.get("sslmode") not in VERIFYING_MODES
        return "names sslrootcert, which verifies nothing without sslmode=verify-full" if is_ignored else ""
    tls_names = [name for name in query if name.startswith("ssl")]
    if tls_names and parts.scheme not in TLS_SCHEMES:
        return "has parameters of TLS, and TLS only if it begins with rediss:// or amqps://"
    if unknown := [name for name in tls_names if name not in TLS_PARAMETERS]:
        return f"has the unknown parameter {unknown[0]}: those of TLS are {', '.join(TLS_PARAMETERS)}"
    for name, choices in TLS_CHOICES.items():
        if name in query and query[name] not in choices:
            return f"has a parameter {name} that is neither {' nor '.join(choices)}"
    return ""
