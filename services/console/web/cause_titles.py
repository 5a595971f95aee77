"""Titles of causes: where one leaves a value out that all its failures have, the value stands in it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.operations.causes import CauseDict
from shared.operations.fingerprint import OMITTED, FailureKind
from shared.platform.db.connections import Connection

MAX_GAP_LENGTH = 80  # characters of a value that is shown in the title of its cause
FAILED_TABLES: dict[FailureKind, tuple[str, str]] = {
    "submission": ("submissions WHERE state = 'dead'", "received_at DESC, id DESC"),
    "delivery": ("deliveries WHERE state = 'failed'", "id DESC"),
    "automation_run": ("automation_runs WHERE state = 'failed'", "id DESC"),
}
NEWEST_ERRORS = 10  # of a cause, which tell what all of them said
NEWEST_ERRORS_SQL = """
SELECT c.id, ARRAY(SELECT error FROM {failed} AND workspace_id = %(workspace)s AND cause_id = c.id
                   ORDER BY {order} LIMIT {limit})
FROM unnest(%(causes)s::bigint[]) c(id)
"""
CauseErrors = Mapping[int, Sequence[str | None]]  # what the newest failures said, by the cause


class FilledTitle(NamedTuple):
    """The title of a cause, with the value that all its failures have where the title leaves one out."""

    before: str
    value: str
    after: str


async def read_newest_errors(
    connection: Connection, workspace_id: int, kind: FailureKind, cause_ids: Sequence[int]
) -> dict[int, list[str | None]]:
    """Return what the newest failures of each cause said."""
    failed, order = FAILED_TABLES[kind]
    statement = NEWEST_ERRORS_SQL.format(failed=failed, order=order, limit=NEWEST_ERRORS)
    values = {"workspace": workspace_id, "causes": list(cause_ids)}
    return dict(await (await connection.execute(statement.encode(), values)).fetchall())


def causes_with_gap(causes: Iterable[CauseDict]) -> list[int]:
    """Return the ids of causes whose titles leave a value out."""
    return [cause["id"] for cause in causes if OMITTED in (cause["title"] or "")]


def filled_titles(causes: Iterable[CauseDict], errors: CauseErrors) -> dict[int, FilledTitle]:
    """Return the titles whose gap one value fills, by cause. It may be of a person: not everybody may see it."""
    titles = {
        cause["id"]: filled_title(cause["title"] or "", cause["error_type"], errors.get(cause["id"], ()))
        for cause in causes
    }
    return {id_: title for id_, title in titles.items() if title}


def common_message(errors: Sequence[str | None]) -> str:
    """Return what all of these errors say, if it is the same: what a cause leaves out of its title.

    The type of an error may stand before its message.
    """
    messages = {next(iter((error or "").splitlines()), "").strip() for error in errors}
    return messages.pop() if len(messages) == 1 else ""


def filled_title(title: str, error_type: str, errors: Sequence[str | None]) -> FilledTitle | None:
    """Return a title with its one gap filled, if all of these errors fill it with the same."""
    before, gap, after = title.partition(OMITTED)
    message = common_message(errors).removeprefix(f"{error_type}: ")
    if not gap or OMITTED in after or len(message) < len(before) + len(after):
        return None
    value = message[len(before) : len(message) - len(after)]
    if not (message.startswith(before) and message.endswith(after) and 0 < len(value) <= MAX_GAP_LENGTH):
        return None
    return FilledTitle(before, value, after)
