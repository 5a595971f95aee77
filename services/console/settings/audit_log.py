"""The audit log: who changed what, what was refused, and the same as a file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from aiohttp import web

from services.console.settings.audit_actors import read_identities
from services.console.settings.audit_words import (
    action_choices,
    changed_fields,
    entry_sentence,
    object_name,
    same_actions,
)
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.rendering import PAGE_HEADERS
from shared.audit.audit_entry import Outcome
from shared.audit.audit_list import (
    MAX_CSV_ENTRIES,
    AuditFilter,
    count_entries,
    entries_as_csv,
    list_entries,
)
from shared.auth.key_management import list_workspace_keys
from shared.auth.roles import Permission
from shared.auth.user_management import list_users
from shared.platform.db.connections import Connection

AUDIT_PAGE = "settings/audit-log"
PAGE_SIZE = 50
MAX_COUNTED = 10_000  # entries up to which they are counted exactly
MAX_ACTORS = 200  # users and keys, each, that can be chosen
MAX_FILTER_LENGTH = 60  # characters
MAX_ID_DIGITS = 18
OUTCOMES: Final[tuple[Outcome, ...]] = ("done", "refused", "failed")
ACTOR_PATTERN = re.compile(r"(user|key|cli|system)(:[0-9]{1,18})?")
FILTER_NAMES = ("actor", "action", "outcome", "after", "before")


@dataclass(frozen=True)
class ShownFilter:
    """The filters of the address: `given` as they stand there, as far as they are valid, and as a filter."""

    given: dict[str, str]
    which: AuditFilter
    before_id: int | None


@workspace_page(Permission.ADMINISTER)
async def show(view: PageView) -> web.StreamResponse:
    """Show entries, newest first. `cursor` is the id of the entry above, `open` that of the one that is shown whole."""
    shown_filter, workspace_id = _read_query(view), view.workspace.workspace_id
    async with view.console.reading() as connection:
        rows = await list_entries(
            connection, workspace_id, shown_filter.which, limit=PAGE_SIZE + 1, after_id=shown_filter.before_id
        )
        total = await count_entries(connection, workspace_id, shown_filter.which, limit=MAX_COUNTED + 1)
        actors = await _actor_choices(view, connection)
        identities = await read_identities(connection, workspace_id, rows)
    entries = rows[:PAGE_SIZE]
    shown: dict[str, Any] = {
        "listed": entries,
        "total": min(total, MAX_COUNTED),
        "has_more_entries": total > MAX_COUNTED,
        "csv_count": min(total, MAX_CSV_ENTRIES),
        "older": entries[-1]["id"] if len(rows) > PAGE_SIZE else None,
        "given": shown_filter.given,
        "cursor": shown_filter.before_id,
        "open_id": view.request.query.get("open", ""),
        "actors": actors,
        "actions": action_choices(view),
        "outcomes": OUTCOMES,
        "identity_of": lambda entry: identities.get((entry["actor_kind"], entry["actor_id"])),
        "sentence": lambda entry: entry_sentence(view, entry),
        "changes": changed_fields,
        "name_of": object_name,
        "value_text": _value_text,
        "page_path": lambda **more: view.path(AUDIT_PAGE, **{**shown_filter.given, **more}),
        "csv_path": view.path(f"{AUDIT_PAGE}.csv", **shown_filter.given),
        "audit_page": AUDIT_PAGE,
    }
    return await view.render("settings/audit_log.html", **shown)


@workspace_page(Permission.ADMINISTER)
async def download(view: PageView) -> web.StreamResponse:
    """Answer the newest entries that match as CSV."""
    asked = _read_query(view)
    async with view.console.reading() as connection:
        found = await list_entries(connection, view.workspace.workspace_id, asked.which, limit=MAX_CSV_ENTRIES)
    headers = {**PAGE_HEADERS, "Content-Disposition": 'attachment; filename="audit-log.csv"'}
    return web.Response(text=entries_as_csv(found), content_type="text/csv", charset="utf-8", headers=headers)


def _read_query(view: PageView) -> ShownFilter:
    """Return the valid filters of the address: the page shows those that hold."""
    texts = {name: view.request.query.get(name, "").strip()[:MAX_FILTER_LENGTH] for name in FILTER_NAMES}
    parameters: dict[str, str] = {}
    if ACTOR_PATTERN.fullmatch(texts["actor"]):
        parameters["actor"] = texts["actor"]
    if re.fullmatch(r"[a-z_.]+", texts["action"]):
        parameters["action"] = texts["action"]
    outcome = next((name for name in OUTCOMES if name == texts["outcome"]), None)
    if outcome:
        parameters["outcome"] = outcome
    times = {name: _read_time(view, texts[name]) for name in ("after", "before")}
    parameters |= {name: texts[name] for name, moment in times.items() if moment}
    actions = same_actions(parameters["action"]) if "action" in parameters else None
    which = AuditFilter(parameters.get("actor"), None, outcome, times["after"], times["before"], actions)
    cursor = view.request.query.get("cursor", "")
    is_id = cursor.isascii() and cursor.isdigit() and len(cursor) <= MAX_ID_DIGITS
    return ShownFilter(parameters, which, int(cursor) if is_id else None)


def _read_time(view: PageView, text: str) -> datetime | None:
    """Return the moment of a field for date and time, in the reader's time zone."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=view.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


async def _actor_choices(view: PageView, connection: Connection) -> list[tuple[str, str]]:
    """Return who can be chosen: everybody of a kind, then each user and each key."""
    workspace_id = view.workspace.workspace_id
    users = await list_users(connection, workspace_id)
    keys = await list_workspace_keys(connection, workspace_id, MAX_ACTORS)
    return [
        ("user", view.translate("all users")),
        ("key", view.translate("all API keys")),
        ("cli", view.translate("commands on the server")),
        ("system", view.translate("LeadHub itself")),
        *((f"user:{user.account_id}", user.name) for user in users[:MAX_ACTORS] if user.account_id),
        *((f"key:{key.id}", view.translate("Key: %(name)s", name=key.name)) for key in keys),
    ]


def _value_text(value: Any) -> str:
    """Return a value of an entry as text: objects and lists as JSON."""
    if isinstance(value, Mapping | list):
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return str(value)
