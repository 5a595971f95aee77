"""One connection to an ad platform: how it is, what it tells, and what the platform answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from services.console.conversions import words
from services.console.conversions.event_rows import event_lines
from services.console.conversions.list_page import CONVERSIONS_PAGE
from services.console.conversions.reads import (
    EventDelivery,
    OpenEventDelivery,
    find_conversion,
    read_deliveries,
    read_delivery,
)
from services.console.leads.reads import ListNames, read_list_names
from services.console.web.access import workspace_page
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from services.console.webhooks.attempt_view import shown_attempts
from shared.auth.roles import Permission
from shared.integrations.conversion_check import RECENT_EVENTS, check_conversions, read_recent_states
from shared.integrations.conversion_settings import complete_conversions
from shared.integrations.conversion_trials import needs_test_code
from shared.integrations.integration_check import CheckedStep
from shared.integrations.integration_management import IntegrationRow, decrypt_integration
from shared.platform.db.connections import Connection
from shared.platform.web.path_params import MAX_ID, path_id, read_id

QUESTIONS: Final = ("test", "delete")
EVENT_STATES: Final = ("sent", "failed", "skipped", "pending")


@dataclass(frozen=True)
class ConversionPlace:
    """The part of the deliveries that an address names: those older than one, and one that is open."""

    before: int = MAX_ID
    delivery: int | None = None

    @property
    def query(self) -> dict[str, object]:
        """The place as the query of an address, except the delivery."""
        return {"before": self.before if self.before < MAX_ID else None}


@dataclass(frozen=True)
class ConversionSnapshot:
    """What of a connection changes by itself."""

    row: IntegrationRow
    states: list[tuple[str, str | None, int]]
    steps: list[CheckedStep]
    deliveries: list[EventDelivery]
    older_than: int | None
    opened: OpenEventDelivery | None


@dataclass(frozen=True)
class ConversionQuestion:
    """The dialogue that is open, and what is wrong with what was sent."""

    asked: str = ""
    problem: str = ""
    form: Mapping[str, str] = field(default_factory=dict)


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show a connection. With `ask` a dialogue is open, with `delivery` what was answered."""
    asked = view.request.query.get("ask", "")
    is_asked = asked in QUESTIONS and view.permits(Permission.SET_UP)
    return await render_conversion(view, path_id(view.request), question=ConversionQuestion(asked if is_asked else ""))


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream what of a connection changes."""
    id_, place, workspace_id = path_id(view.request), read_place(view), view.workspace.workspace_id

    async def read() -> ConversionSnapshot:
        async with view.console.reading() as connection:
            return await _read_snapshot(connection, view, id_, place)

    def render(live_view: PageView, snapshot: ConversionSnapshot) -> str:
        return live_view.render_text("conversions/_live.html", **_shown(live_view, snapshot, place))

    async with view.console.reading() as connection:
        await find_conversion(connection, workspace_id, id_)
    return await stream_snapshots(view, f"conversion {id_} {place}", read, render)


async def render_conversion(
    view: PageView, id_: int, status: int = 200, *, question: ConversionQuestion | None = None
) -> web.Response:
    """Return the page of a connection. Raises NotFound."""
    place = read_place(view)
    async with view.console.reading() as connection:
        snapshot = await _read_snapshot(connection, view, id_, place)
        names = await read_list_names(connection, view.workspace.workspace_id)
    return await view.render(
        "conversions/conversion.html",
        status,
        question=question or ConversionQuestion(),
        **_settings_shown(view, snapshot.row, names),
        **_shown(view, snapshot, place),
    )


def read_place(view: PageView) -> ConversionPlace:
    """Return the place in the address. Raises NotFound for an id that is none."""
    query = view.request.query
    return ConversionPlace(
        read_id(query["before"]) if query.get("before") else MAX_ID,
        read_id(query["delivery"]) if query.get("delivery") else None,
    )


async def _read_snapshot(
    connection: Connection, view: PageView, id_: int, place: ConversionPlace
) -> ConversionSnapshot:
    """Return a connection with a page of its deliveries. Raises NotFound."""
    workspace_id = view.workspace.workspace_id
    row = await find_conversion(connection, workspace_id, id_)
    opened = decrypt_integration(view.console.cipher, row)
    deliveries, older_than = await read_deliveries(connection, workspace_id, id_, place.before)
    return ConversionSnapshot(
        row,
        await read_recent_states(connection, workspace_id, id_),
        await check_conversions(connection, workspace_id, row, opened),
        deliveries,
        older_than,
        await read_delivery(connection, workspace_id, id_, place.delivery) if place.delivery else None,
    )


def _settings_shown(view: PageView, row: IntegrationRow, names: ListNames) -> dict[str, Any]:
    """Return what of a connection changes only by hand."""
    conversions = complete_conversions(row["settings"].get("conversions"))
    return {
        "events": event_lines(view, conversions["events"], names),
        "event_names": list(dict.fromkeys(event["event"] for event in conversions["events"])),
        "sends_without_consent": conversions["without_consent"] == "send",
        "consent_keys": conversions["consent_keys"],
        "lacks_test_code": needs_test_code(row),
        "platform": words.platform_name(row["type"]),
        "has_actions": row["type"] == "google_data_manager",
    }


def _shown(view: PageView, snapshot: ConversionSnapshot, place: ConversionPlace) -> dict[str, Any]:
    """Return what the live part of a connection shows."""
    rows, opened = list(snapshot.deliveries), snapshot.opened
    if opened and all(row.id != opened.row.id for row in rows):
        rows.insert(0, opened.row)
    counts = {name: sum(n for state, _, n in snapshot.states if state == name) for name in EVENT_STATES}
    skipped = {reason or "": n for state, reason, n in snapshot.states if state == "skipped"}
    lines = [words.check_line(view, step) for step in snapshot.steps]
    return {
        "row": snapshot.row,
        "last_error": words.machine_words(view, snapshot.row["last_error"]),
        "path": f"{CONVERSIONS_PAGE}/{snapshot.row['id']}",
        "event_counts": counts,
        "most": RECENT_EVENTS,
        "skip_reasons": words.skip_sentence(view, skipped),
        "lines": lines,
        "well": sum(line.ok is not False for line in lines),
        "place": place,
        "rows": [(row, words.event_delivery_state(view, row), words.delivery_content(view, row)) for row in rows],
        "older_than": snapshot.older_than,
        "opened_row": opened.row if opened else None,
        "opened_error": words.machine_words(view, opened.row.error) if opened else "",
        "attempts": shown_attempts(view, opened.attempts) if opened else [],
        "unsent": [(event, words.unsent_reason(view, event)) for event in opened.unsent] if opened else [],
        "may_set_up": view.permits(Permission.SET_UP),
    }
