"""The cookie that carries a sentence to the next page.

It is signed, and for one account: somebody on another host of the domain, who can set cookies for this one, must not
put words into the console's mouth.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer

from shared.platform.crypto.encryption import Cipher

TOAST_SECONDS: Final = 60  # seconds until nobody needs the sentence any more
MAX_TOAST_LENGTH: Final = 4000  # characters of the cookie
TOAST_SALT: Final = "leadhub toast"


def sign_toast(cipher: Cipher, account_id: int, toast: Mapping[str, str]) -> str:
    """Return the cookie of a sentence (`text`), which may have a `link`, its `label`, and `undo`.

    `follow` is the address that tells the end of a job.

    `account_id` is 0 for a reader without a session.
    """
    return str(_toast_serializer(cipher).dumps([account_id, dict(toast)]))


def read_toast(cipher: Cipher, account_id: int, cookie: str) -> Mapping[str, str] | None:
    """Return the sentence of a cookie that we signed for this account a short while ago, otherwise None."""
    if not cookie or len(cookie) > MAX_TOAST_LENGTH:
        return None
    try:
        reader, toast = _toast_serializer(cipher).loads(cookie, max_age=TOAST_SECONDS)
    except (BadData, ValueError, TypeError):
        return None
    return {"link": "", "undo": "", "label": "", **toast} if reader == account_id else None


def _toast_serializer(cipher: Cipher) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        cipher.signing_key(), salt=TOAST_SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )
