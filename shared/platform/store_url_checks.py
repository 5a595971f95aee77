"""Checks of the URLs of PostgreSQL, Redis and RabbitMQ: their parameters, and the files that these name.

Clients notice a wrong one late and each in its own way, or ignore it and verify less than the URL says.
"""

from urllib.parse import SplitResult, parse_qsl, urlsplit

from shared.platform.setting_checks import POSTGRES_SCHEMES, REDIS_SCHEMES

NUMBERED_DATABASE_SCHEMES = ("redis://", "rediss://")
TLS_SCHEMES = ("rediss", "amqps")  # by which the certificate of a Redis or a RabbitMQ is verified

TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
TLS_PARAMETERS = (*TLS_FILES, "ssl_cert_reqs", "ssl_check_hostname")  # of a Redis or a RabbitMQ
REDIS_PARAMETERS = ("db", "protocol")
BROKER_PARAMETERS = {  # by scheme, beside those of TLS
    **dict.fromkeys(("amqp", "amqps"), ("login_method",)),
    "redis+socket": ("virtual_host",),
}
PARAMETER_CHOICES = {
    "ssl_cert_reqs": ("required", "none"),
    "ssl_check_hostname": ("true", "false"),
    "protocol": ("2", "3"),
    "login_method": ("PLAIN", "AMQPLAIN", "EXTERNAL"),
}
NUMBER_PARAMETERS = ("db", "virtual_host")  # of a database of Redis

POSTGRES_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
POSTGRES_PATHS = (*POSTGRES_FILES, "sslcrldir", "passfile")
SSL_WORD = ("ssl", "true")
SYSTEM_AUTHORITIES = ("sslrootcert", "system")  # the one value of such a parameter that is no path
POSTGRES_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
POSTGRES_PARAMETERS = (  # of libpq 18; written down, since modules that are pure read settings
    *("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service", "options", "replication"),
    *("application_name", "fallback_application_name", "client_encoding", "target_session_attrs", "load_balance_hosts"),
    *("connect_timeout", "tcp_user_timeout", "keepalives", "keepalives_idle", "keepalives_interval"),
    *("keepalives_count", "min_protocol_version", "max_protocol_version", "channel_binding", "require_auth"),
    *("requirepeer", "scram_client_key", "scram_server_key", "gssencmode", "krbsrvname", "gsslib", "gssdelegation"),
    *("oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"),
    *("sslmode", "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslcertmode", "sslpassword", "sslrootcert"),
    *("sslcrl", "sslcrldir", "sslsni", "ssl_min_protocol_version", "ssl_max_protocol_version", "sslkeylogfile"),
)
VERIFYING_MODES = ("require", "verify-ca", "verify-full")  # in which libpq uses the file of `sslrootcert`

UNREADABLE_PARAMETERS = "has parameters that cannot be read: they go ?NAME=VALUE&NAME=VALUE, and a ? elsewhere is %3F"


def find_store_url_mistake(url: str, schemes: tuple[str, ...]) -> str:
    """Return what is wrong with a store's URL, or an empty text. `schemes` are those that its setting may have."""
    parts = urlsplit(url)
    if url.startswith(NUMBERED_DATABASE_SCHEMES) and not _is_database_number(parts.path.strip("/") or "0"):
        return "ends with the number of a database, as redis://HOST:6379/0"
    if schemes is POSTGRES_SCHEMES:
        return _find_postgres_mistake(parts)
    plain = REDIS_PARAMETERS if schemes is REDIS_SCHEMES else BROKER_PARAMETERS.get(parts.scheme, ())
    return _find_parameter_mistake(parts, plain)


def find_unreadable_file(url: str) -> str:
    """Return which file of a store's URL this process cannot read, and why; an empty text if there is none."""
    for name, path in _parameters(urlsplit(url)).items():
        if name in (*TLS_FILES, *POSTGRES_FILES) and (name, path) != SYSTEM_AUTHORITIES:
            try:
                open(path, "rb").close()
            except OSError as error:
                return f"names {path} in {name}, which cannot be read: {error.strerror}"
    return ""


def _find_postgres_mistake(parts: SplitResult) -> str:
    query = _parameters(parts)
    # In a URL libpq takes ssl=true for sslmode=require.
    if unknown := [name for name in query if name not in POSTGRES_PARAMETERS and (name, query[name]) != SSL_WORD]:
        return _unknown_parameter(parts, unknown[0], "PostgreSQL's documentation has them, as Parameter Key Words")
    if "sslmode" in query and query["sslmode"] not in POSTGRES_MODES:
        return f"has an unknown sslmode: it may be {', '.join(POSTGRES_MODES)}"
    if "sslrootcert" in query and query.get("sslmode") not in VERIFYING_MODES:
        return "names sslrootcert, which verifies nothing without sslmode=verify-full"
    return _find_relative_path(query, POSTGRES_PATHS)


def _find_parameter_mistake(parts: SplitResult, plain: tuple[str, ...]) -> str:
    query, has_tls = _parameters(parts), parts.scheme in TLS_SCHEMES
    if not has_tls and any(name.startswith("ssl") for name in query):
        return "has parameters of TLS, and TLS only if it begins with rediss:// or amqps://"
    known = (*plain, *TLS_PARAMETERS) if has_tls else plain
    if unknown := [name for name in query if name not in known]:
        return _unknown_parameter(parts, unknown[0], f"it may have {', '.join(known)}" if known else "it takes none")
    for name, value in query.items():
        if value not in PARAMETER_CHOICES.get(name, (value,)):
            return f"has a parameter {name} that is not one of {', '.join(PARAMETER_CHOICES[name])}"
        if name in NUMBER_PARAMETERS and not _is_database_number(value):
            return f"has a parameter {name} that is not the number of a database"
    return _find_relative_path(query, TLS_FILES)


def _find_relative_path(query: dict[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        if name in query and not query[name].startswith("/") and (name, query[name]) != SYSTEM_AUTHORITIES:
            return f"has a parameter {name} that is no path from / on: services and commands start in different folders"
    return ""


def _unknown_parameter(parts: SplitResult, name: str, remedy: str) -> str:
    """Name the parameter, unless it may be a part of a password with a question mark."""
    is_readable = name.isidentifier() and "@" not in parts.query
    return f"has the unknown parameter {name}: {remedy}" if is_readable else UNREADABLE_PARAMETERS


def _parameters(parts: SplitResult) -> dict[str, str]:
    """Return the parameters as the store's client reads them: to libpq a plus sign is no space."""
    is_postgres = f"{parts.scheme}://" in POSTGRES_SCHEMES
    query = parts.query.replace("+", "%2B") if is_postgres else parts.query
    return dict(parse_qsl(query, keep_blank_values=True))


def _is_database_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
