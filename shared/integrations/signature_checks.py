"""Compare signatures in constant time, and check their age. Pure."""

import hashlib
import hmac
from base64 import b64encode

from shared.integrations.webhook_exchange import Credentials, SignatureRefused, WebhookRequest


def hmac_hex(secret: str | bytes, signed: bytes, algorithm: str = "sha256") -> str:
    """Return the HMAC in lower-case hexadecimal digits."""
    return hmac.digest(_key_bytes(secret), signed, algorithm).hex()


def hmac_base64(secret: str | bytes, signed: bytes, algorithm: str = "sha256") -> str:
    """Return the HMAC in base64, with padding."""
    return b64encode(hmac.digest(_key_bytes(secret), signed, algorithm)).decode()


def sha256_hex(signed: bytes) -> str:
    """Return the SHA-256 digest in lower-case hexadecimal digits."""
    return hashlib.sha256(signed).hexdigest()


def require_equal(signature: object, expected: str, reason: str = "bad_signature") -> None:
    """Compare two texts in constant time. Raises SignatureRefused."""
    if not isinstance(signature, str) or not hmac.compare_digest(
        signature.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass")
    ):
        raise SignatureRefused(reason)


def require_header(request: WebhookRequest, name: str) -> str:
    """Return the header. Raises SignatureRefused if it is missing or empty."""
    value = request.headers.get(name)
    if not value:
        raise SignatureRefused("missing_signature")
    return str(value)


def require_fresh(seconds: object, now: float, tolerance: float) -> None:
    """Check that a time, in seconds since the epoch, is at most `tolerance` seconds away. Raises SignatureRefused."""
    try:
        age = now - float(str(seconds))
    except ValueError:
        raise SignatureRefused("bad_signature") from None
    if not -tolerance <= age <= tolerance:  # false for NaN too
        raise SignatureRefused("stale")


def timed_header(header: str) -> dict[str, list[str]]:
    """Return the parts of a header such as `t=1760000000,v1=abc,v1=def`, each with all its values."""
    parts: dict[str, list[str]] = {}
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        parts.setdefault(name, []).append(value)
    return parts


def verify_by_url_alone(_request: WebhookRequest, _credentials: Credentials) -> None:
    """Accept the request: it carries no signature, and its address is the secret."""


def _key_bytes(secret: str | bytes) -> bytes:
    return secret.encode(errors="surrogatepass") if isinstance(secret, str) else secret
