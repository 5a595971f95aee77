"""The link by which a lead gets no more mail, and the list of those who do not."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

import orjson

from shared.settings import Settings
from shared.vault import Unreadable, Vault

PATH = "/u/"
PURPOSE = "unsubscribe"  # nothing else that the vault encrypts can stand for a link
LONGEST = 2000  # characters of a token


class Unsubscriber(NamedTuple):
    workspace_id: int
    email: str


def link(settings: Settings, vault: Vault, workspace_id: int, email: str) -> str:
    """The link for one address. It is encrypted and authentic: nobody reads it, and nobody makes one for another."""
    token = vault.encrypt(orjson.dumps({PURPOSE: [workspace_id, email.lower()]}).decode())
    base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    return f"{base}{PATH}{token.decode().rstrip('=')}"


def read(vault: Vault, token: str) -> Unsubscriber | None:
    """Whom the link was made for; None if it is none of ours."""
    if len(token) > LONGEST or not token.isascii():
        return None
    try:
        # Decoded and encoded again: the decoder overlooks characters that are not of its alphabet.
        data = urlsafe_b64encode(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return Unsubscriber(*orjson.loads(vault.decrypt(data))[PURPOSE])
    except (LookupError, TypeError, ValueError, Unreadable):
        return None
