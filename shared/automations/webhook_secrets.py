"""The secrets with which steps sign what they post: encrypted beside the steps, by URL, and never shown again."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson

from shared.platform.crypto.encryption import Cipher, DecryptionError, TransactionCipher
from shared.platform.errors import FieldErrors
from shared.platform.masking import SECRET_MASK

StepList = Sequence[Mapping[str, Any]]
SecretsByUrl = dict[str, str]


def webhook_actions(steps: StepList) -> list[tuple[int, dict[str, Any]]]:
    """Return the actions that post to an address, with the numbers of their steps."""
    actions = [(index, step["action"]) for index, step in enumerate(steps) if step.get("action")]
    return [(index, action) for index, action in actions if action.get("type") == "send_webhook"]


def take_secrets(steps: StepList, known_urls: Collection[str]) -> tuple[list[Any], SecretsByUrl, FieldErrors]:
    """Return the steps with masks in place of secrets, the secrets by URL, and what is wrong with them.

    A mask that is sent back stands for a secret that is stored for one of the known URLs.
    """
    errors: FieldErrors = {}
    secrets: SecretsByUrl = {}
    changed = deepcopy(list(steps))  # a transaction may be retried
    for index, action in webhook_actions(changed):
        secret = action.get("secret")
        if secret == SECRET_MASK and action.get("url") not in {*known_urls, *secrets}:
            errors[f"steps.{index}.action.secret"] = ["Send the secret itself: none is stored for this URL."]
        elif secret and secret != SECRET_MASK:
            secrets[action["url"]] = secret
            action["secret"] = SECRET_MASK
    return changed, secrets, errors


def encrypt_secrets(
    cipher: TransactionCipher, fields: Mapping[str, Any], stored: bytes | None
) -> tuple[dict[str, Any], FieldErrors]:
    """Take the secrets out of the steps and encrypt them, by URL. Return the fields, and what is wrong with them.

    Earlier secrets are kept, since waiting runs may need them. Secrets under a lost encryption key are unreadable and
    stay as they are until a new one is sent.
    """
    steps = fields.get("steps") or ()
    if not webhook_actions(steps):
        return dict(fields), {}
    known = decrypt_secrets(cipher, stored)
    changed, secrets, errors = take_secrets(steps, known)
    sealed = {"secrets": seal_secrets(cipher, {**known, **secrets})} if known or secrets else {}
    return {**fields, "steps": changed, **sealed}, errors


def seal_secrets(cipher: TransactionCipher, secrets: SecretsByUrl) -> bytes | None:
    """Return secrets by URL as they are stored."""
    return cipher.encrypt(orjson.dumps(secrets).decode()) if secrets else None


def decrypt_secrets(cipher: Cipher, stored: bytes | None) -> SecretsByUrl:
    """Return secrets by URL; none if they are unreadable."""
    try:
        return orjson.loads(cipher.decrypt(stored)) if stored else {}
    except DecryptionError:
        return {}
