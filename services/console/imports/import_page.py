"""One import: its columns, the dry run as a ledger, how far it is, and what became of each row."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, get_args

from aiohttp import web

from services.console.imports import form as import_form
from services.console.imports import words as import_words
from services.console.imports.list_page import import_author
from services.console.imports.mended_leads import read_mended
from services.console.imports.mended_rows import stored_phones
from services.console.imports.reads import read_country
from services.console.web.access import workspace_page
from services.console.web.country_words import country_label
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.files.streamed_download import stream_download
from shared.imports import import_control
from shared.imports.import_control import ImportJson
from shared.imports.import_report import ReportRow, RowChoice, RowState, read_rows, report_csv_pieces
from shared.imports.text_encoding import TEXT_ENCODINGS, TextEncoding, UnreadableFile
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, FieldErrors
from shared.platform.web.path_params import MAX_ID, path_id
from shared.service_app.audit import always_audited, audit_details

ROWS_PER_PAGE = 20
EXAMPLES = 3  # cells of a column that are shown beside its field
ROW_STATES: tuple[RowState, ...] = get_args(RowState)
ROW_CHOICES: tuple[RowChoice, ...] = (*ROW_STATES, "warned", "kept")


@dataclass(frozen=True)
class WatchedImport:
    """An import as its page shows it, with a page of its rows."""

    found: ImportJson
    row_state: RowChoice
    rows: Sequence[ReportRow] = field(default_factory=list)
    after: int = 0
    country: str | None = None  # of the workspace
    mended: Mapping[int, int] = field(default_factory=dict)  # rejected rows that became leads by hand, with these


@workspace_page(Permission.BULK_LEADS)
async def show(view: PageView) -> web.StreamResponse:
    """Show an import at the step where it is."""
    return await _render(view)


@workspace_page(Permission.BULK_LEADS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream how far an import is."""
    import_id, workspace_id = path_id(view.request), view.workspace.workspace_id

    async def read() -> WatchedImport:
        async with view.console.reading() as connection:
            import_row = await import_control.read_import(connection, workspace_id, import_id)
            state = _telling_state(import_row)
            rows = await _shown_rows(connection, workspace_id, import_row, state, 0) if import_row["is_settled"] else []
            mended = await _mended_leads(connection, workspace_id, import_id, rows)
            country = await read_country(connection, workspace_id)
            return WatchedImport(import_row, state, rows, country=country, mended=mended)

    await read()
    return await stream_snapshots(view, ("import", import_id), read, _render_live)


@workspace_page(Permission.BULK_LEADS)
async def confirm_columns(view: PageView) -> web.StreamResponse:
    """Take the columns and options, and start the dry run. Another encoding leads to the columns once more."""
    return await _try_columns(view, await _read(view), "")


async def _try_columns(view: PageView, import_row: ImportJson, sentence: str) -> web.StreamResponse:
    """Start the dry run by the columns and options of the form. The next page says the sentence."""
    import_id, workspace_id, fields = import_row["id"], view.workspace.workspace_id, await view.read_fields()
    audit_details(view.request, action="import.tried", object=("import", import_id))
    encoding = next((each for each in TEXT_ENCODINGS if each == fields.get("encoding")), import_row["encoding"])
    if encoding != import_row["encoding"]:
        await _change_encoding(view, import_id, encoding)
    errors: FieldErrors = {}
    mapping = import_form.sent_mapping(import_row["columns"], fields)
    options = import_form.sent_options(fields, errors)
    if not any(mapping.values()):
        errors["mapping"] = [view.translate("Choose a field for one column at least.")]
    if errors and not _is_open(import_row):
        view.redirect(view.path(f"import/{import_id}"))  # the page says what became of it since it was opened
    if errors:
        return await _render(
            view,
            422,
            errors=errors,
            revised={**import_row, "mapping": mapping, "invalid_contacts": fields.get("invalid"), **options},
        )

    async def revise(connection: Connection) -> None:
        await import_control.revise_dry_run(connection, workspace_id, import_id, mapping, options)

    try:
        await view.console.writing(revise)
    except Conflict as conflict:
        sentence = str(conflict)
    view.redirect(view.path(f"import/{import_id}"), sentence or None)


def _is_open(import_row: ImportJson) -> bool:
    """Return whether a dry run may be made otherwise."""
    return bool(import_row["dry_run"] and not import_row["run_id"] and import_row["state"] != "cancelled")


async def _read(view: PageView) -> ImportJson:
    async with view.console.reading() as connection:
        return await import_control.read_import(connection, view.workspace.workspace_id, path_id(view.request))


async def _change_encoding(view: PageView, import_id: int, encoding: TextEncoding) -> NoReturn:
    """Read the file in another encoding, and show its columns."""
    workspace_id = view.workspace.workspace_id
    sentence = view.translate("The file was read in another encoding. Nothing was stored.")
    try:
        await view.console.writing(
            lambda connection: import_control.change_encoding(connection, workspace_id, import_id, encoding)
        )
    except (Conflict, UnreadableFile) as problem:
        sentence = import_words.file_problem(view, str(problem))
    view.redirect(view.path(f"import/{import_id}"), sentence)


@workspace_page(Permission.BULK_LEADS)
async def run(view: PageView) -> web.StreamResponse:
    """Import what the dry run showed. Columns and options that were changed since are tried first."""
    fields, import_row = await view.read_fields(), await _read(view)
    if import_form.is_revised(import_row, fields):
        sentence = view.translate("Nothing was imported: the columns or options were changed. Look at the rows again.")
        return await _try_columns(view, import_row, sentence)
    runs_automations = "run_automations" in fields

    async def start(connection: Connection, workspace_id: int, import_id: int) -> int:
        return await import_control.run_dry_run(
            connection, workspace_id, import_id, import_author(view), run_automations=runs_automations
        )

    await _steer(view, start, "import.created", view.translate("The import has started."))


@workspace_page(Permission.BULK_LEADS)
async def cancel(view: PageView) -> web.StreamResponse:
    """Read no more rows, or discard the file of a dry run."""
    import_id, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, action="import.cancelled", object=("import", import_id))

    async def stop(connection: Connection) -> ImportJson:
        found = await import_control.read_import(connection, workspace_id, import_id)
        await import_control.cancel_import(connection, workspace_id, import_id)
        return found

    path, sentence = view.path(f"import/{import_id}"), view.translate("No more rows are read.")
    try:
        found = await view.console.writing(stop)
        if found["dry_run"]:
            path, sentence = view.path("import"), view.translate("The file was discarded. Nothing was stored.")
    except Conflict as conflict:
        sentence = str(conflict)
    view.console.forget_figures(workspace_id)
    view.redirect(path, sentence)


@workspace_page(Permission.BULK_LEADS)
async def undo(view: PageView) -> web.StreamResponse:
    """Take the import back."""

    async def start(connection: Connection, workspace_id: int, import_id: int) -> int:
        await import_control.undo_import(connection, workspace_id, import_id, import_author(view))
        return import_id

    await _steer(view, start, "import.undone", view.translate("The import is being taken back."))


@workspace_page(Permission.BULK_LEADS)
@always_audited
async def download(view: PageView) -> web.StreamResponse:
    """Answer the rows as CSV: all of them, or those with a `state`."""
    workspace_id, import_id = view.workspace.workspace_id, path_id(view.request)
    state = _asked_state(view)
    async with view.console.reading() as connection:
        import_row = await import_control.read_import(connection, workspace_id, import_id)

    async def read_page(after: int) -> list[ReportRow]:
        async with view.console.reading() as connection:
            return await read_rows(connection, workspace_id, import_row, state, after=after)

    name = f"import-{import_id}{f'-{state}' if state else ''}.csv"
    return await stream_download(view.request, name, "text/csv", report_csv_pieces(import_row, read_page))


async def _steer(
    view: PageView, steer: Callable[[Connection, int, int], Awaitable[int]], action: str, sentence: str
) -> NoReturn:
    """Change an import and go to its page. What it cannot do any more is said there."""
    import_id, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, action=action, object=("import", import_id))
    shown = import_id
    try:
        shown = await view.console.writing(lambda connection: steer(connection, workspace_id, import_id))
    except Conflict as conflict:
        sentence = str(conflict)
    view.console.forget_figures(workspace_id)
    view.redirect(view.path(f"import/{shown}"), sentence)


async def _render(
    view: PageView, status: int = 200, *, errors: FieldErrors | None = None, revised: ImportJson | None = None
) -> web.Response:
    workspace_id, import_id = view.workspace.workspace_id, path_id(view.request)
    async with view.console.reading() as connection:
        import_row = revised or await import_control.read_import(connection, workspace_id, import_id)
        may_revise = import_row["has_file"] and import_row["dry_run"] and not import_row["run_id"]
        shows_columns = may_revise and (import_words.is_draft(import_row) or errors is not None)
        sample = await import_control.read_sample(connection, workspace_id, import_row) if may_revise else []
        country = await read_country(connection, workspace_id)
        state = _asked_state(view) or _telling_state(import_row)
        after = _after(view)
        rows: list[ReportRow] = []
        if not shows_columns:
            rows = await _shown_rows(connection, workspace_id, import_row, state, after)
        mended = await _mended_leads(connection, workspace_id, import_id, rows)
    shown = _shown_import(view, WatchedImport(import_row, state, rows, after, country, mended))
    return await view.render(
        "imports/import.html",
        status,
        **shown,
        shows_columns=shows_columns,
        may_revise=may_revise,
        sample=sample,
        examples=_examples(import_row, sample),
        form=import_form,
        targets=import_words.target_choices(view),
        phone_countries=import_words.phone_country_choices(view, country),
        country_label=lambda code: country_label(view, code or country),
        errors=errors or {},
        asks=next((name for name in ("undo", "cancel") if name in view.request.query), ""),
    )


async def _shown_rows(
    connection: Connection, workspace_id: int, import_row: ImportJson, state: RowChoice, after: int
) -> list[ReportRow]:
    """Return a page of rows, and one more if others follow. A dry run has only those whose cells are kept."""
    return await read_rows(
        connection,
        workspace_id,
        import_row,
        state,
        limit=ROWS_PER_PAGE + 1,
        after=after,
        only_shown=import_row["dry_run"],
    )


async def _mended_leads(
    connection: Connection, workspace_id: int, import_id: int, rows: Sequence[ReportRow]
) -> dict[int, int]:
    rejected = [row["row"] for row in rows if row["state"] == "invalid"]
    return await read_mended(connection, workspace_id, import_id, rejected) if rejected else {}


def _render_live(view: PageView, watched: WatchedImport) -> str:
    return view.render_text("imports/_stream.html", **_shown_import(view, watched))


def _shown_import(view: PageView, watched: WatchedImport) -> dict[str, Any]:
    import_row = watched.found
    counts = {state: import_row[state] for state in ROW_STATES}
    settled = sum(counts.values())
    return {
        "found": import_row,
        "rows": watched.rows[:ROWS_PER_PAGE],
        "has_more": len(watched.rows) > ROWS_PER_PAGE,
        "row_state": watched.row_state,
        "mended": watched.mended,
        "after": watched.after,
        "row_states": [
            (choice, import_row[choice]) for choice in ROW_CHOICES if choice in ROW_STATES or import_row[choice]
        ],
        "to_import": settled - counts["invalid"],
        "waiting": 0 if import_row["is_settled"] else import_row["rows"] - settled,
        "unaccounted": import_row["rows"] - settled if import_row["is_settled"] else 0,
        "percent": 100 * import_row["progress"],
        "step": import_words.step_of(import_row),
        "words": import_words,
        "stored_phones": lambda row: stored_phones(import_row, row["values"], watched.country),
        "value_of": lambda row, reason: import_words.reason_value(import_row, row, reason),
        "is_moving": not import_row["is_settled"] and not import_words.is_draft(import_row),
        "is_undoing": bool(import_row["undo"] and import_row["undo"]["state"] in ("queued", "running", "paused")),
        "has_effect": import_row["created"] + import_row["merged"] + import_row["unchanged"] > 0,
    }


def _examples(found: ImportJson, sample: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the first cells of each column that hold something."""
    width = len(found["columns"])
    cells = [[row[place] for row in sample if place < len(row) and row[place].strip()] for place in range(width)]
    return [each[:EXAMPLES] for each in cells]


def _telling_state(found: ImportJson) -> RowState:
    """Return the state whose rows want a look: invalid ones, otherwise those that there are."""
    return next((state for state in ("invalid", *ROW_STATES) if found[state]), "created")


def _asked_state(view: PageView) -> RowChoice | None:
    asked = view.request.query.get("state", "")
    return next((choice for choice in ROW_CHOICES if choice == asked), None)


def _after(view: PageView) -> int:
    text = view.request.query.get("after", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID else 0
