"""An edit of a submission's payload as somebody typed it, checked and tried without storing."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.console.web.page_view import PageView
from services.console.web.payload_text import (
    indented_lines,
    inexact_numbers,
    lines_as_text,
    restore_secrets,
    shown_tokens,
)
from shared.intake.payload_changes import JsonObject, checked_payload, lead_fields, replace_payload
from shared.intake.submission_lookup import FoundSubmission
from shared.jobs.preview import ReplayPreview, preview_submission
from shared.platform.errors import NotFound

MAX_EDIT_LENGTH = 1 << 20  # characters
MAX_REASON_LENGTH = 1000  # characters


@dataclass
class PayloadEditForm:
    """What somebody typed, and what was found out about it.

    `payload` is the edit as it would be ingested, None while there are `problems`. `digest` names the payload, so that
    what is replayed is what was tried.
    """

    text: str
    reason: str = ""
    with_automations: bool = True
    tried: str = ""
    problems: list[str] = field(default_factory=list)
    payload: JsonObject | None = None
    preview: ReplayPreview | None = None

    @property
    def digest(self) -> str:
        if self.payload is None:
            return ""
        return hashlib.sha256(orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def is_tried(self) -> bool:
        """Whether this very payload was tried, and could be ingested."""
        return bool(self.digest) and self.tried == self.digest


def editable_text(found: FoundSubmission) -> str:
    """Return the payload of a submission for editing: indented, secrets masked, without its form or webhook part."""
    stored = found.stored
    try:
        body = orjson.loads(stored)
    except orjson.JSONDecodeError:
        return "{\n}"
    if isinstance(body, dict) and len(fields := lead_fields(body)) < len(body):
        stored = orjson.dumps(fields)
    return lines_as_text(indented_lines(shown_tokens(stored, hides_values=False)))


def read_edit(view: PageView, submission: FoundSubmission, form: Mapping[str, str]) -> PayloadEditForm:
    """Return the edit that a form sent, with the problems that keep it from being ingested."""
    edit = PayloadEditForm(
        form.get("payload", "")[: MAX_EDIT_LENGTH + 1],
        " ".join(form.get("reason", "").split())[:MAX_REASON_LENGTH],
        form.get("with_automations") == "1",
        form.get("tried", "")[:64],
    )
    written = _parse(view, edit)
    if written is None:
        return edit
    stored = _stored_body(submission)
    payload, errors = checked_payload(replace_payload(stored, restore_secrets(written, stored)))
    edit.problems = [f"{name}: {message}" for name, messages in errors.items() for message in messages]
    edit.payload = None if errors else payload
    return edit


async def try_edit(view: PageView, submission: FoundSubmission, edit: PayloadEditForm) -> None:
    """Note what would become of an edit now. Nothing is stored."""
    if edit.payload is None:
        return
    edit.preview = await try_submission(view, submission, edit.payload)
    if edit.preview.error is None:
        edit.tried = edit.digest


async def try_submission(
    view: PageView, submission: FoundSubmission, payload: JsonObject | None = None
) -> ReplayPreview:
    """Return what would become of a decided submission now. Raises NotFound for one that waits."""
    if submission.place != "decided":
        raise NotFound
    async with view.console.reading() as connection:
        return await preview_submission(connection, view.workspace.workspace_id, submission.record["id"], payload)


def _parse(view: PageView, edit: PayloadEditForm) -> JsonObject | None:
    """Return the object that was typed, None with a problem if it is none."""
    if len(edit.text) > MAX_EDIT_LENGTH:
        edit.problems = [view.translate("The payload is too long.")]
        return None
    try:
        json.loads(edit.text)  # says where it is wrong
        written = orjson.loads(edit.text)
    except json.JSONDecodeError as error:
        edit.problems = [
            view.translate(
                "This is not JSON: look at line %(line)s, column %(column)s.", line=error.lineno, column=error.colno
            )
        ]
        return None
    except RecursionError:
        edit.problems = [view.translate("The payload is nested too deeply.")]
        return None
    if not isinstance(written, dict):
        edit.problems = [view.translate("The payload must be a JSON object: fields in braces.")]
        return None
    if numbers := inexact_numbers(edit.text):
        message = view.translate("The number %(n)s has too many digits to be kept exactly. Put it in quotes.")
        edit.problems = [message % {"n": number[:60]} for number in numbers[:3]]
        return None
    return written


def _stored_body(found: FoundSubmission) -> Any:
    try:
        return orjson.loads(found.stored)
    except orjson.JSONDecodeError:
        return None
