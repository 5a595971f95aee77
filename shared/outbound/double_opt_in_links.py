"""Links that confirm a submission of a form whose owner wants the address confirmed (double opt-in)."""

import uuid
from typing import NamedTuple

from shared.outbound.workspace_tokens import TokenContent, open_token, token_link
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

CONFIRMATION_PATH = "/c/"
CONFIRMATION_EVENT = "form.confirmation"  # the event of the deliveries with such a link
# No address has it at its beginning: a link to unsubscribe confirms nothing.
_PREFIX = "confirm "


class UnconfirmedSubmission(NamedTuple):
    workspace_id: int
    submission_id: uuid.UUID
    form_id: int


def confirmation_link(settings: Settings, key: str, held: UnconfirmedSubmission) -> str:
    """Return the link for a submission. `key` is the mail key of its workspace."""
    content = TokenContent(held.workspace_id, f"{_PREFIX}{held.submission_id} {held.form_id}")
    return token_link(settings, CONFIRMATION_PATH, key, content)


async def read_confirmation_token(connection: Connection, cipher: Cipher, token: str) -> UnconfirmedSubmission | None:
    """Return the submission that the link confirms, or None if the token is invalid."""
    content = await open_token(connection, cipher, token)
    if content is None or not content.text.startswith(_PREFIX):
        return None
    submission_id, _, form_id = content.text.removeprefix(_PREFIX).partition(" ")
    return UnconfirmedSubmission(content.workspace_id, uuid.UUID(submission_id), int(form_id))
