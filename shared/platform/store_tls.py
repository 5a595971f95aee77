"""TLS to PostgreSQL, Redis and RabbitMQ: what their clients do not do by themselves, and why a connection failed.

kombu verifies nothing with `rediss://` unless it is told to, and no host name with `amqps://`. redis-py verifies both.
"""

import ssl
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from shared.platform.store_url_checks import TLS_PARAMETERS, TLS_SCHEMES

UNKNOWN_AUTHORITY_CODES = (18, 19, 20, 21)  # OpenSSL's numbers for a chain that ends at nobody who is trusted
EXPIRED_CODE = 10
WRONG_NAME_CODES = (62, 64)  # of a host's name, of an address
ABSENT_TLS_REASONS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE")

UNKNOWN_AUTHORITY = (
    "nobody that is trusted here has issued the server's certificate: name the file of its CA in the URL, as "
    "?ssl_ca_certs=/etc/leadhub/tls/ca.pem"
)
EXPIRED = "the server's certificate has expired: renew it"
WRONG_NAME = (
    "the server's certificate is for another host than the URL names: write a name of the certificate in the URL, or "
    "issue one for this name"
)
REFUSED_CERTIFICATE = "the server's certificate is refused ({}): replace it"
ABSENT_TLS = (
    "the server speaks no TLS on this port: name its TLS port in the URL, or begin the URL with redis:// or amqp://, "
    "for a connection that anybody on the way can read"
)
NAME_A_CERTIFICATE = (
    "name one in the URL, as ?ssl_certfile=/etc/leadhub/tls/client.pem&ssl_keyfile=/etc/leadhub/tls/client-key.pem"
)
WANTED_CERTIFICATE = f"the server wants a certificate of its clients: {NAME_A_CERTIFICATE}"
ENDED_CONNECTION = f"the server ended the connection: if it wants a certificate of its clients, {NAME_A_CERTIFICATE}"
REFUSED_CLIENT = (
    "the server ended the connection: if it refuses the certificate that ssl_certfile names, that one has expired, or "
    "the server trusts another CA than its issuer"
)
UNREADABLE_FILE = "a file that the URL names for TLS cannot be read, or is no certificate or key in PEM: mend it"

# What stands in libpq's messages, and what to do. It has one message for all reasons to refuse a certificate.
POSTGRES_REMEDIES = {
    "requires a valid client certificate": "the server wants a certificate of its clients: name one in the URL, as "
    "sslcert=/etc/leadhub/tls/client.pem&sslkey=/etc/leadhub/tls/client-key.pem, in files that LeadHub can read",
    "SSL error: tlsv1 alert unknown ca": "the server trusts another CA than the issuer of the certificate that sslcert "
    "names: name one that its ssl_ca_file has issued",
    "alert certificate expired": "the certificate that sslcert names has expired: renew it",
    "certificate present, but not private key": "name the certificate's key in the URL, as "
    "sslkey=/etc/leadhub/tls/client-key.pem, in a file that LeadHub can read",
    "certificate verify failed": "the server's certificate has expired, or nobody that is trusted here has issued it: "
    "renew it, or name the file of its CA in the URL, as sslrootcert=/etc/leadhub/tls/ca.pem",
    "does not match host name": WRONG_NAME,
    "server does not support SSL": "turn on TLS in PostgreSQL (ssl = on), or leave out sslmode for a connection that "
    "anybody on the way can read",
    "root certificate file": "put the file there for the user that runs LeadHub",
    "SSL support is not compiled in": "put pg_dump and pg_restore of PostgreSQL itself on the PATH: those that come "
    "with LeadHub know no TLS",
}


class BrokerAddress(NamedTuple):
    """A broker for kombu and Celery: the URL without its TLS parameters, and the argument `ssl` of connections."""

    url: str
    ssl: dict[str, Any] | bool


def broker_address(url: str) -> BrokerAddress:
    """Return how to connect to a broker. The certificate and its name are verified unless the URL says otherwise."""
    parts = urlsplit(url)
    if parts.scheme not in TLS_SCHEMES:
        return BrokerAddress(url, False)
    query = dict(parse_qsl(parts.query))
    parameters = {name: query.pop(name) for name in TLS_PARAMETERS if name in query}
    plain_url = urlunsplit(parts._replace(query=urlencode(query)))
    verifies = parameters.pop("ssl_cert_reqs", "required") != "none"
    checks_name = verifies and parameters.pop("ssl_check_hostname", "true") != "false"
    options: dict[str, Any] = {**parameters, "ssl_cert_reqs": ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE}
    if parts.scheme == "rediss":
        return BrokerAddress(plain_url, {**options, "ssl_check_hostname": checks_name})
    options = {name.removeprefix("ssl_"): value for name, value in options.items() if name != "ssl_check_hostname"}
    # py-amqp checks the name that it is given here, and none if there is none.
    return BrokerAddress(plain_url, {**options, **({"server_hostname": parts.hostname} if checks_name else {})})


def explain_tls_failure(url: str, error: BaseException) -> str:
    """Return why TLS to a Redis or RabbitMQ failed and what to do, in one sentence; empty if it was not TLS."""
    if urlsplit(url).scheme not in TLS_SCHEMES:
        return ""
    said = next(filter(None, map(_explain_cause, _causes_of(error))), "")
    return REFUSED_CLIENT if said == ENDED_CONNECTION and "ssl_certfile=" in url else said


def find_postgres_remedy(error: BaseException | str) -> str:
    """Return what to do where TLS to PostgreSQL failed, from the message; empty if it was not TLS."""
    return next((remedy for part, remedy in POSTGRES_REMEDIES.items() if part in str(error)), "")


def explain_postgres_failure(error: BaseException | str) -> str:
    """Return libpq's message in one line, with what to do about TLS in brackets if that has failed."""
    message, remedy = " ".join(str(error).split()), find_postgres_remedy(error)
    return f"{message} ({remedy})" if remedy else message


def _causes_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain_cause(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_refusal(error)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        if "ALERT_CERTIFICATE_REQUIRED" in reason:
            return WANTED_CERTIFICATE
        if "ALERT" in reason or error.library == "SYS":  # a reason of the server's, or an end without one
            return ENDED_CONNECTION
        return ABSENT_TLS if reason in ABSENT_TLS_REASONS else UNREADABLE_FILE
    if isinstance(error, FileNotFoundError | PermissionError):
        return UNREADABLE_FILE
    # A server without TLS may also wait for the rest of what it takes for a command.
    return ABSENT_TLS if isinstance(error, TimeoutError) and "handshake" in str(error) else ""


def _explain_refusal(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in UNKNOWN_AUTHORITY_CODES:
        return UNKNOWN_AUTHORITY
    if error.verify_code in WRONG_NAME_CODES:
        return WRONG_NAME
    return EXPIRED if error.verify_code == EXPIRED_CODE else REFUSED_CERTIFICATE.format(error.verify_message)
