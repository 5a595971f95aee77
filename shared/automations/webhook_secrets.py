"""The secrets with which steps sign what they post: encrypted beside the steps, by URL, and never shown again."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson

from shared.platform.crypto.encryption import Cipher, DecryptionError, TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.masking import SECRET_MASK

StepList = Sequence[Mapping[str, Any]]
SecretsByUrl = dict[str, str]
MAX_SECRETS = 300  # of an automation, with those that only its draft, its waiting runs or earlier versions name
MAX_SECRETS_LENGTH = 1 << 19  # characters of their URLs and of the secrets
MAX_RUNS_READ = 1000  # waiting runs; where more wait, each secret may be needed
MAX_VERSIONS_READ = 20
TOO_MANY_SECRETS_MESSAGE = (
    f"An automation may keep {MAX_SECRETS} secrets, and half a megabyte in all, with those of its draft and of runs "
    "that wait. Send fewer, or wait for its runs."
)

_URLS_OF = """jsonb_path_query({steps}, '$[*].action ? (@.type == "send_webhook").url') #>> '{{}}'"""
_WAITING = """
SELECT plan FROM automation_runs
WHERE workspace_id = %(workspace)s AND automation_id = %(automation)s AND due_at IS NOT NULL LIMIT %(runs)s
"""
COUNT_WAITING_SQL = f"SELECT FROM ({_WAITING}) waiting"
NAMED_URLS_SQL = f"""
SELECT {_URLS_OF.format(steps="plan")} FROM ({_WAITING}) waiting
UNION SELECT {_URLS_OF.format(steps="steps || coalesce(undo_steps, '[]')")} FROM automation_drafts
WHERE workspace_id = %(workspace)s AND automation_id = %(automation)s
"""
VERSION_URLS_SQL = f"""
SELECT url FROM (
    SELECT version, {_URLS_OF.format(steps="steps")} AS url FROM (
        SELECT version, steps FROM automation_versions
        WHERE workspace_id = %(workspace)s AND automation_id = %(automation)s
        ORDER BY version DESC LIMIT %(versions)s) newest) named
GROUP BY url ORDER BY max(version) DESC LIMIT {MAX_SECRETS}
"""


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


async def encrypt_secrets(
    connection: Connection,
    cipher: TransactionCipher,
    workspace_id: int,
    fields: Mapping[str, Any],
    stored: Mapping[str, Any] | None,
) -> tuple[dict[str, Any], FieldErrors]:
    """Take the secrets out of the steps and encrypt them, by URL. Return the fields, and what is wrong with them.

    Earlier secrets of the `stored` automation are kept while there is room, since waiting runs may need them. Secrets
    under a lost encryption key are unreadable and stay as they are until a new one is sent.
    """
    steps = fields.get("steps") or ()
    if not webhook_actions(steps):
        return dict(fields), {}
    known = decrypt_secrets(cipher, stored["secrets"] if stored else None)
    changed, secrets, errors = take_secrets(steps, known)
    automation_id = stored["id"] if stored else 0
    kept, too_many = await limit_secrets(connection, workspace_id, automation_id, {**known, **secrets}, changed)
    sealed = {"secrets": seal_secrets(cipher, kept)} if known or secrets else {}
    return {**fields, "steps": changed, **sealed}, errors | too_many


async def limit_secrets(
    connection: Connection, workspace_id: int, automation_id: int, secrets: SecretsByUrl, steps: StepList
) -> tuple[SecretsByUrl, FieldErrors]:
    """Return the secrets that an automation of these steps keeps, and what is wrong if they are too many.

    Beyond the bounds only those are kept that its steps, its draft and its waiting runs name, and then those of its
    newest versions as far as there is room.
    """
    if has_room(secrets):
        return secrets, {}
    key = {"workspace": workspace_id, "automation": automation_id, "runs": MAX_RUNS_READ, "versions": MAX_VERSIONS_READ}
    waiting = (await connection.execute(COUNT_WAITING_SQL, key)).rowcount
    named = {url for (url,) in await (await connection.execute(NAMED_URLS_SQL, key)).fetchall()}
    is_known_whole = waiting < MAX_RUNS_READ
    kept_secrets = named_secrets(secrets, steps, named) if is_known_whole else secrets
    if not has_room(kept_secrets):
        return kept_secrets, {"steps": [TOO_MANY_SECRETS_MESSAGE]}
    for (url,) in await (await connection.execute(VERSION_URLS_SQL, key)).fetchall():
        if url in secrets and has_room(more := {**kept_secrets, url: secrets[url]}):
            kept_secrets = more
    return kept_secrets, {}


def named_secrets(secrets: SecretsByUrl, steps: StepList, urls: Collection[str] = ()) -> SecretsByUrl:
    """Return the secrets of the addresses that steps name, and of these addresses."""
    named = {*urls, *(action.get("url") for _, action in webhook_actions(steps))}
    return {url: secret for url, secret in secrets.items() if url in named}


def has_room(secrets: SecretsByUrl) -> bool:
    """Return whether secrets are within the bounds of an automation."""
    length = sum(len(url) + len(secret) for url, secret in secrets.items())
    return len(secrets) <= MAX_SECRETS and length <= MAX_SECRETS_LENGTH


def seal_secrets(cipher: TransactionCipher, secrets: SecretsByUrl) -> bytes | None:
    """Return secrets by URL as they are stored."""
    return cipher.encrypt(orjson.dumps(secrets).decode()) if secrets else None


def decrypt_secrets(cipher: Cipher, stored: bytes | None) -> SecretsByUrl:
    """Return secrets by URL; none if they are unreadable."""
    try:
        return orjson.loads(cipher.decrypt(stored)) if stored else {}
    except DecryptionError:
        return {}
