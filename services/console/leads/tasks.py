"""The tasks of a lead: add one, change it, mark it as done, reopen it."""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from services.console.leads.changes import sent_texts
from services.console.leads.lead_page import RefusedLeadForm, find_lead, lead_path, render_lead
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.leads.lead_tasks import change_task, create_task, find_task_lead, hold_task_references
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, NotFound
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

MAX_TITLE_LENGTH = 255  # characters, as the API takes them
TASK_STATES = {"done": True, "reopen": False}


class TaskRefused(Exception):
    """The lead or the user of a task does not exist."""

    def __init__(self, errors: FieldErrors) -> None:
        super().__init__("The task was not stored.")
        self.errors = errors


@workspace_page(Permission.CHANGE_LEADS)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Add a task about the lead."""
    record, texts = await find_lead(view), await sent_texts(view)
    audit_details(view.request, action="task.created", object=("lead", str(record["id"])))
    fields, problems = _read_task(view, texts)
    if not problems:
        try:
            await _store(view, {**fields, "lead_id": record["id"]})
        except TaskRefused as refused:
            if "lead_id" in refused.errors:
                raise NotFound from refused
            problems = {"user_id": view.translate("This user is gone.")}
    if problems:
        return await render_lead(view, record, 422, task=RefusedLeadForm(texts, problems))
    view.redirect(f"{lead_path(view, record['id'])}#tasks", view.translate("The task is added."))


@workspace_page(Permission.CHANGE_LEADS)
async def change(view: PageView) -> web.StreamResponse:
    """Mark a task of the lead as done, reopen it, or change what is to be done, by when and by whom."""
    lead_id, task_id = path_id(view.request), path_id(view.request, "task")
    audit_details(view.request, action="task.changed", object=("task", str(task_id)))
    texts = await sent_texts(view)
    state = texts.get("state", "")
    if state == "edit":
        return await _edit(view, lead_id, task_id, texts)
    if state not in TASK_STATES:
        raise NotFound
    await _change(view, lead_id, task_id, {"done_at": datetime.now(UTC) if TASK_STATES[state] else None})
    said = view.translate("The task is done.") if TASK_STATES[state] else view.translate("The task is open again.")
    view.redirect(f"{lead_path(view, lead_id)}#tasks", said)


async def _edit(view: PageView, lead_id: int, task_id: int, texts: dict[str, str]) -> web.StreamResponse:
    fields, problems = _read_task(view, texts)
    if not problems:
        try:
            await _change(view, lead_id, task_id, fields)
        except TaskRefused:
            problems = {"user_id": view.translate("This user is gone.")}
    if problems:
        form = RefusedLeadForm({**texts, "task": str(task_id)}, problems)
        return await render_lead(view, await find_lead(view), 422, task=form)
    view.redirect(f"{lead_path(view, lead_id)}#tasks", view.translate("The task is changed."))


async def _change(view: PageView, lead_id: int, task_id: int, fields: dict[str, Any]) -> None:
    """Change a task of the lead. Raises NotFound and TaskRefused."""
    workspace_id = view.workspace.workspace_id

    async def write(connection: Connection) -> bool:
        errors = await hold_task_references(connection, workspace_id, fields)
        if errors:
            raise TaskRefused(errors)
        if await find_task_lead(connection, workspace_id, task_id) != lead_id:
            return False
        return await change_task(connection, workspace_id, task_id, fields)

    if not await view.console.writing(write):
        raise NotFound


async def _store(view: PageView, fields: dict[str, Any]) -> None:
    workspace_id = view.workspace.workspace_id

    async def write(connection: Connection) -> None:
        errors = await hold_task_references(connection, workspace_id, fields)
        if errors:
            raise TaskRefused(errors)
        await create_task(connection, workspace_id, fields)

    await view.console.writing(write)


def _read_task(view: PageView, fields: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fields of a task, and what is wrong by field. A time without a zone is the reader's."""
    title = fields.get("title", "").replace("\0", "").strip()
    user, due = fields.get("user_id", ""), fields.get("due_at", "").strip()
    problems = {}
    if not title or len(title) > MAX_TITLE_LENGTH:
        problems["title"] = view.translate("Say in up to %(n)s characters what is to be done.", n=MAX_TITLE_LENGTH)
    due_at = None
    if due:
        try:
            due_at = datetime.fromisoformat(due[:40])
            due_at = (due_at if due_at.tzinfo else due_at.replace(tzinfo=view.zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            problems["due_at"] = view.translate("This is no time.")
    user_id = int(user) if user.isascii() and user.isdigit() and len(user) < 19 else None
    return {"title": title, "due_at": due_at, "user_id": user_id}, problems
