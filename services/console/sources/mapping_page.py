"""The mapping of a source: where its fields go, tried on the last payloads, and stored only when it is saved."""

import time
from typing import Any

from aiohttp import web

from services.console.sources.changes import change_source, source_path
from services.console.sources.document_paths import document_lines
from services.console.sources.mapping_form import (
    BLANK_ROWS,
    MAX_ROWS,
    MappedOutcome,
    MappingRow,
    mapping_of,
    mapping_outcome,
    read_rows,
    rows_of_mapping,
)
from services.console.sources.reads import LastPayload, read_last_payload
from services.console.sources.source_page import find_source
from services.console.sources.words import target_words, type_name
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.integration_management import IntegrationRow, decrypt_integration
from shared.integrations.mapping_settings import complete_integration_settings
from shared.platform.errors import ValidationFailed
from shared.platform.web.path_params import path_id


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the mapping beside the newest payload, or beside the one in `submission`."""
    row, payload = await _read(view, view.request.query.get("submission", ""))
    return await _render(view, row, payload, rows_of_mapping(row["settings"].get("mapping") or {}))


@workspace_page(Permission.SET_UP)
async def preview(view: PageView) -> web.StreamResponse:
    """Show what the mapping that was typed would make of the payload. Nothing is stored."""
    rows, wanted, wants_more = await _sent_rows(view)
    row, payload = await _read(view, wanted)
    if view.request.headers.get("HX-Request"):
        outcome = _outcome(view, row, payload, rows)
        html = view.render_text("sources/_mapping_preview.html", outcome=outcome, rows=rows, problems_only=True)
        return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})
    return await _render(view, row, payload, rows, blank_rows=BLANK_ROWS * (3 if wants_more else 1))


@workspace_page(Permission.SET_UP)
async def save(view: PageView) -> web.StreamResponse:
    """Store the mapping. It holds for the next lead."""
    rows, wanted, _ = await _sent_rows(view)
    row, payload = await _read(view, wanted)
    if any(one.problem for one in rows):
        return await _render(view, row, payload, rows, status=422)
    try:
        await change_source(view, row["id"], {"settings": {"mapping": mapping_of(rows) or None}})
    except ValidationFailed as error:
        for one in rows:
            one.problem = " ".join((error.errors or {}).get(f"settings.mapping.{one.name}", []))
        return await _render(view, row, payload, rows, status=422)
    said = view.translate("The mapping is saved. It holds from the next lead on.")
    view.redirect(source_path(view, row["id"], "mapping", submission=wanted or None), said)


async def _sent_rows(view: PageView) -> tuple[list[MappingRow], str, bool]:
    """Return the rows that were sent, the submission that they are tried on, and whether more rows are asked for."""
    form = await view.read_form()
    columns = [
        [str(value)[:1000].encode(errors="replace").decode() for value in form.getall(name, [])]
        for name in ("target", "key", "path")
    ]
    return read_rows(view, *columns), str(form.get("submission", ""))[:40], form.get("do") == "more"


async def _read(view: PageView, wanted: str) -> tuple[IntegrationRow, LastPayload | None]:
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    async with view.console.reading() as connection:
        row = await find_source(connection, workspace_id, id_)
        return row, await read_last_payload(connection, workspace_id, f"integration:{id_}", wanted)


def _outcome(view: PageView, row: IntegrationRow, payload: LastPayload | None, rows: list[MappingRow]) -> MappedOutcome:
    settings = complete_integration_settings({**row["settings"], "mapping": mapping_of(rows)})
    credentials = decrypt_integration(view.console.cipher, row).credentials
    return mapping_outcome(view, PROVIDERS_BY_TYPE[row["type"]], settings, credentials, payload, time.time())


def _all_rows(rows: list[MappingRow], blank_rows: int) -> list[MappingRow]:
    filled = [row for row in rows if not row.is_blank]
    return [*filled, *[MappingRow() for _ in range(min(blank_rows, MAX_ROWS - len(filled)))]]


async def _render(
    view: PageView,
    row: IntegrationRow,
    payload: LastPayload | None,
    rows: list[MappingRow],
    *,
    status: int = 200,
    blank_rows: int = BLANK_ROWS,
) -> web.Response:
    outcome = _outcome(view, row, payload, rows)
    lines, is_cut = document_lines(outcome.document, hides_values=not view.permits(Permission.SEE_PERSONS))
    shown: dict[str, Any] = {
        "source": row,
        "provider_name": type_name(row["type"]),
        "payload": payload,
        "lines": lines,
        "has_document": outcome.document is not None,
        "is_cut": is_cut,
        "rows": _all_rows(rows, blank_rows if view.permits(Permission.SET_UP) else 0),
        "targets": target_words(view),
        "outcome": outcome,
        "may_change": view.permits(Permission.SET_UP),
        "address": lambda below="", **query: source_path(view, row["id"], below, **query),
    }
    return await view.render("sources/mapping.html", status, **shown)
