"""Imports in words: the fields that a column may lead to, the steps, encodings and delimiters."""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from services.console.leads.words import FIELD_WORDS
from services.console.web.country_words import country_choices, country_label
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from services.console.web.worker_errors import worker_error
from shared.imports.column_mapping import LEAD_TARGETS
from shared.imports.import_quota import NAMED_IMPORTS, ImportQuotaReached, megabytes

STEP_WORDS = (_("File"), _("Columns"), _("Dry run"), _("Import"), _("Report, and undo"))
TARGET_WORDS: Mapping[str, str] = {
    **FIELD_WORDS,
    "full_name": _("Full name"),
    "custom_fields": _("Custom fields, as JSON"),
}
DELIMITER_WORDS: Mapping[str, str] = {",": _("commas"), ";": _("semicolons"), "\t": _("tabs"), "|": _("bars")}
ENCODING_WORDS: Mapping[str, str] = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16 BE",
    "cp1252": _("Windows-1252 (Western Europe)"),
    "cp1250": _("Windows-1250 (Central Europe)"),
    "cp1251": _("Windows-1251 (Cyrillic)"),
    "cp1256": _("Windows-1256 (Arabic)"),
    "shift_jis": _("Shift-JIS (Japanese)"),
    "gbk": _("GBK (Chinese)"),
}
POLICY_WORDS: Mapping[str, str] = {
    "": _("as the workspace has it"),
    "fill_empty": _("fill what is empty"),
    "overwrite": _("overwrite what differs"),
    "keep": _("change nothing"),
}
INVALID_WORDS: Mapping[str, str] = {
    "keep": _("keep them as they were given"),
    "reject": _("reject rows with such an e-mail"),
}
STATE_LOOKS: Mapping[str, str] = {
    "queued": "waiting",
    "running": "replayed",
    "paused": "waiting",
    "done": "done",
    "failed": "dead",
    "cancelled": "off",
    "undone": "off",
}
STATE_WORDS: Mapping[str, str] = {
    "queued": _("about to begin"),
    "running": _("running"),
    "paused": _("paused"),
    "done": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "undone": _("undone"),
}


def phone_country_choices(view: PageView, workspace_country: str | None) -> list[tuple[str, str]]:
    """Return the countries that phones without a prefix may be from, the workspace's first."""
    own = view.translate("%(country)s: the workspace's", country=country_label(view, workspace_country))
    return [("", own), *country_choices(view)]


def target_choices(view: PageView) -> list[tuple[str, str]]:
    """Return the fields that a column may lead to, with their names."""
    return [(target, view.translate_choice(TARGET_WORDS, target)) for target in LEAD_TARGETS]


def target_label(view: PageView, target: str | None) -> str:
    """Return the name of a column's field."""
    if target is None:
        return view.translate("not used")
    return view.translate_choice(TARGET_WORDS, target) if target in TARGET_WORDS else target.partition(".")[2]


def step_of(import_row: Mapping[str, Any]) -> int:
    """Return which of the five steps an import is at, from 1."""
    if not import_row["dry_run"]:
        return 5 if import_row["finished_at"] else 4
    return 2 if is_draft(import_row) else 3


def is_draft(found: Mapping[str, Any]) -> bool:
    """Return whether nobody has confirmed the columns of a file yet."""
    return bool(found["dry_run"] and found["state"] == "paused" and found["started_at"] is None)


# What the reading of a file says, in the same words.
FILE_PROBLEMS = (
    _("The file is empty."),
    _(
        "It is an Excel workbook or another archive. In Excel, save it as “CSV UTF-8” and send that file. "
        "Workbooks are read where LeadHub has the packages of requirements-xlsx.lock."
    ),
    _(
        "It is an old Excel workbook (.xls), or one with a password. In Excel, save it as .xlsx or “CSV UTF-8” and "
        "send that file."
    ),
    _("It is a binary Excel workbook (.xlsb). Save it as .xlsx or “CSV UTF-8” and send that file."),
    _("It is an OpenDocument sheet. Save it as .xlsx or “CSV UTF-8” and send that file."),
    _("It is an archive. Unpack it and send the list as CSV or as an Excel workbook (.xlsx)."),
    _("The workbook cannot be read. In Excel, save it as “CSV UTF-8” and send that file."),
    _("The workbook is too large to be read. In Excel, save it as “CSV UTF-8” and send that file."),
    _("The workbook has no visible sheet with text."),
    _("It is a PDF. Send the list as CSV."),
    _("It is compressed. Unpack it and send the CSV file."),
    _("It is UTF-32. Save it as UTF-8 and send that file."),
    _("It is not a text file. Send the list as CSV."),
    _("The file has no line with text."),
    _("The file has a header, and no rows below it."),
    _("The first line must name the columns, but it holds an email address."),
)
# The field that a reason is about, as warnings and errors name it.
REASON_FIELD = re.compile(r"(?:The )?(?:(\w+): |(\w+) (?:field|cell) must )").match
# What the report says of a row: the sentence as it is stored, and the message for it.
REASON_PATTERNS = tuple(
    (re.compile(pattern).fullmatch, message)
    for pattern, message in (
        (r"The row has no value\.", _("The row has no value.")),
        (r"The row has (?P<found>\d+) cells, the header (?P<columns>\d+)\.", _("The row has more cells than columns.")),
        (r"The email field must be a valid email address\.", _("This is not an e-mail address.")),
        (r"The starred cell must be yes or no\.", _("The star must be yes or no.")),
        (r"The custom_fields cell must be a JSON object\.", _("The custom fields are no JSON object.")),
        (r"A quotation mark is opened and not closed\.", _("A quotation mark is opened and not closed.")),
        (r"The row is longer than .*", _("The row is too long: a quotation mark may not be closed.")),
        (r"pipeline_id: there is no pipeline (?P<id>\d+); left out\.", _("There is no pipeline %(id)s: left out.")),
        (
            r"pipeline_stage_id: there is no stage (?P<id>\d+) there; left out\.",
            _("There is no stage %(id)s there: left out."),
        ),
        (
            r"assigned_user_id: there is no user (?P<id>\d+); left out\.",
            _("There is no user %(id)s: left out as the owner."),
        ),
        (r"status: '(?P<status>.*)' is not a status; left out\.", _("“%(status)s” is no status: left out.")),
        (r"phone: .*; kept as sent, identifies nobody\.", _("The phone number cannot be read: kept as it stands.")),
        (r"phone: .*; left out\.", _("The phone number cannot be read, and the lead has another: left out.")),
        (r"email: .*; kept as sent, identifies nobody\.", _("The e-mail cannot be read: kept as it stands.")),
        (r"email: .*; left out\.", _("The e-mail cannot be read, and the lead has another: left out.")),
        (r"The person was erased\.|erased", _("The person was erased.")),
        (r"The (?P<field>\S+) field must not be greater than (?P<n>\d+) characters\.", _("%(field)s is too long.")),
    )
)


def mended_mark(view: PageView) -> Markup:
    """Return the state of a row that somebody mended, as shape, colour and word."""
    return view.console.renderer.drawing(view.language).state("done", view.translate("Mended"))


def file_problem(view: PageView, sentence: str) -> str:
    """Return in the reader's language why a file cannot be read."""
    return view.translate(sentence) if sentence in FILE_PROBLEMS else sentence


def quota_problem(view: PageView, reached: ImportQuotaReached) -> str:
    """Return why no further file is taken, and what takes the room."""
    dry = sum(one.is_dry_run for one in reached.holding)
    sentence = view.translate(
        "No further file has room: %(dry)s dry runs and %(waiting)s waiting imports hold %(used)s of %(most)s MB; "
        "%(number)s are allowed at a time. Import or discard some of them. Dry runs go by themselves after a day.",
        dry=view.formatting.number(dry),
        waiting=view.formatting.number(len(reached.holding) - dry),
        used=view.formatting.number(megabytes(reached.used)),
        most=view.formatting.number(megabytes(reached.limits.size)) if reached.limits.size else "∞",
        number=view.formatting.number(reached.limits.number) if reached.limits.number else "∞",
    )
    largest = ", ".join(one.file_name for one in reached.holding[:NAMED_IMPORTS])
    named = view.translate("The largest: %(names)s.", names=largest)
    return f"{sentence} {named}" if largest else sentence


def reason_field(reason: str) -> str:
    """Return the field that a reason is about, empty if it names none."""
    named = REASON_FIELD(reason)
    return (named[1] or named[2]) if named else ""


def reason_value(import_row: Mapping[str, Any], row: Mapping[str, Any], reason: str) -> str:
    """Return the value that a reason is about, as the file has it. Empty if the reason names no field."""
    field, values = reason_field(reason), row["values"] or {}
    columns = [column for column, target in import_row["mapping"].items() if field and target == field]
    return next((values[column] for column in columns if values.get(column)), "")


def reason_text(view: PageView, reason: str) -> str:
    """Return in the reader's language why a row was rejected. What is not known here stands as it was stored."""
    for match, message in REASON_PATTERNS:
        if found := match(reason):
            values = found.groupdict()
            field = values.get("field", "")
            return view.translate(message, **{**values, "field": view.translate_choice(TARGET_WORDS, field)})
    return worker_error(reason, view.translate)
