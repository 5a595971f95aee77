"""The secrets with which steps sign what they post: encrypted beside the steps, by URL, and never shown again."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson

from shared.platform.crypto.encryption import Cipher, DecryptionError, TransactionCipher
from shared.platform.errors import FieldErrors
from shared.platform.masking import SECRET_MASK

StepList = Sequence[Mapping[str, Any]]


def webhook_actions(steps: StepList) -> list[tuple[int, dict[str, Any]]]:
    """Return the actions that post to an address, with the numbers of their steps."""
    actions = [(index, step["action"]) for index, step in enumerate(steps) if "action" in step]
    return [(index, action) for index, action in actions if action["type"] == "send_webhook"]


def encrypt_secrets(
    cipher: TransactionCipher, fields: Mapping[str, Any], stored: bytes | None
) -> tuple[dict[str, Any], FieldErrors]:
    """Take the secrets out of the steps and encrypt them, by URL. Return the fields, and what is wrong with them.

    A mask that is sent back stands for the stored secret. Earlier secrets are kept, since waiting runs may need them.
    Secrets under a lost encryption key are unreadable and stay as they are until a new one is sent.
    """
    errors: FieldErrors = {}
    changed: dict[str, Any] = deepcopy(dict(fields))  # a transaction may be retried
    actions = webhook_actions(changed.get("steps") or ())
    secrets = decrypt_secrets(cipher, stored) if actions else {}
    for index, action in actions:
        secret = action.get("secret")
        if secret == SECRET_MASK and action["url"] not in secrets:
            errors[f"steps.{index}.action.secret"] = ["Send the secret itself: none is stored for this URL."]
        elif secret and secret != SECRET_MASK:
            secrets[action["url"]] = secret
            action["secret"] = SECRET_MASK
    if secrets:
        changed["secrets"] = cipher.encrypt(orjson.dumps(secrets).decode())
    return changed, errors


def decrypt_secrets(cipher: Cipher, stored: bytes | None) -> dict[str, str]:
    """Return secrets by URL; none if they are unreadable."""
    try:
        return orjson.loads(cipher.decrypt(stored)) if stored else {}
    except DecryptionError:
        return {}
