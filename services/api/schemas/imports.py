"""Imports and exports of leads, as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from services.api.schemas.submissions import VersionAuthorRecord
from shared.imports.import_options import InvalidContacts
from shared.imports.import_report import RowChoice, RowState
from shared.imports.text_encoding import TextEncoding
from shared.lead_export.lead_pages import ExportFormat
from shared.lead_list.list_query import LeadListQuery
from shared.leads.duplicate_policy import MergePolicy
from shared.platform.validation.types import QueryFlag, StrictFlag

ImportState = Literal["queued", "running", "paused", "done", "failed", "cancelled", "undone"]
FILE_DESCRIPTION = (
    "CSV with a header, separated by commas, semicolons or tabs, in UTF-8, UTF-16, Windows-1250, -1251, -1252 or "
    "-1256, Shift-JIS or GBK. Or an Excel workbook (.xlsx), where its reader is installed: the first visible sheet "
    "with text is imported. At most 512 MB."
)
OPTIONS_DESCRIPTION = (
    'JSON: `{"mapping": {column: lead field | "full_name" | "custom_fields.<key>" | "tags" | null}, "merge_policy", '
    '"source", "tags": [], "run_automations": false, "invalid": "keep" | "reject", '
    '"encoding", "phone_country"}`, each of them optional. The encoding is judged without one. Phones without a prefix '
    "are read as dialled in `phone_country`, two letters, otherwise in the workspace's country."
)


class ImportFields(TypedDict, total=False):
    """A form with a file."""

    file: Annotated[str, Field(description=FILE_DESCRIPTION, json_schema_extra={"format": "binary"})]
    options: Annotated[str, Field(description=OPTIONS_DESCRIPTION)]


class ImportQuery(TypedDict, total=False):
    dry_run: QueryFlag


class ImportRowQuery(TypedDict, total=False):
    """Rows in a state, `warned` ones, whose lead lacks something that was sent, or `kept` ones, whose lead keeps an
    email or phone that cannot be read.
    """

    state: RowChoice


class ImportRunFields(TypedDict, total=False):
    """Without automations nothing but the timeline tells of the leads."""

    run_automations: StrictFlag | None


class LeadExportQuery(LeadListQuery, total=False):
    """The filters of the list, and the format. Leads are in the order of their ids, whatever `sort` says."""

    format: ExportFormat


class ImportUndoRecord(TypedDict):
    """The job that undoes an import: of `total` rows that had an effect it took back `done` and left `skipped`.

    A row has an effect if it made a lead, changed one, or made one known by another email or phone. It is `done` if
    anything of it was taken back.
    """

    job_id: int
    state: str
    total: int
    done: int
    skipped: int


class ImportRecord(TypedDict):
    """An import. `rows` were read so far, and the four counts say what became of them; `progress` is from 0 to 1.

    `warned` rows became leads without something that was sent: their `reasons` say what was left out. `kept` rows have
    an email or phone that cannot be read, which their leads keep as it was given, unless `invalid_contacts` is
    `reject`. A workbook is imported as CSV: `file_size` and `encoding` are those of the CSV, and `sheet` is where it
    stood. `run_id` is the import that a dry run became. `undo` is null unless somebody asked for it.
    """

    id: int
    state: ImportState
    dry_run: bool
    file_name: str
    file_size: int
    encoding: TextEncoding
    delimiter: str
    sheet: str | None
    columns: list[str]
    mapping: dict[str, str | None]
    merge_policy: MergePolicy | None
    source: str | None
    tags: list[str]
    run_automations: bool
    invalid_contacts: InvalidContacts
    phone_country: str | None
    rows: int
    created: int
    merged: int
    unchanged: int
    invalid: int
    warned: int
    kept: int
    progress: float
    error: str | None
    run_id: int | None
    undo: ImportUndoRecord | None
    created_by: VersionAuthorRecord
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ImportRowRecord(TypedDict):
    """A row, counted from 1 below the header. `reasons` say why it is invalid, or what of it was left out or kept as it
    was given. `lead_id` of an invalid row is the lead that somebody made of it by hand. `values` are its cells by
    column: of invalid rows, of the first rows of each state in a dry run, and of those that became leads as far as
    their submission is kept.
    """

    row: int
    state: RowState
    lead_id: int | None
    submission_id: UUID | None
    reasons: list[str]
    values: dict[str, Any] | None
