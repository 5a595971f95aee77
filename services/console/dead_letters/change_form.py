"""The form in which somebody says how payloads are to be changed: its rows in an address, and the changes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from shared.intake.payload_changes import PayloadChange, validate_changes

CHANGE_OPS = ("set", "map", "drop")
VALUE_TYPES = ("text", "json")
MAX_CHANGES = 20
MAX_FIELD_LENGTH = 255  # characters
MAX_VALUE_LENGTH = 2000  # characters
MAX_CHANGES_LENGTH = 4000  # characters of the changes as JSON, since they travel in an address
MAP_SIGN = "="


class RepeatedFields(Protocol):
    """Fields of a form or an address that may be repeated."""

    def getall(self, name: str, default: Any) -> Any:
        """Return all values of a name."""


@dataclass
class ChangeRow:
    """A row of the form as it was typed. `problem` is empty, or the kind of mistake in it."""

    op: str
    field: str = ""
    value: str = ""
    value_type: str = "text"
    problem: str = ""


@dataclass
class ChangeForm:
    """The rows, and the changes that they make if none has a problem."""

    rows: list[ChangeRow] = field(default_factory=list)
    changes: list[PayloadChange] = field(default_factory=list)
    lacks_rows: bool = False  # rows that were sent are none that the form has

    @property
    def is_valid(self) -> bool:
        return not any(row.problem for row in self.rows)

    def is_complete(self) -> bool:
        """Whether each row makes a change. A row that is still empty is marked, since examples pass over it."""
        for row in self.rows:
            if not row.field:
                row.problem = row.problem or "field"
        return self.is_valid and not self.lacks_rows

    @property
    def as_json(self) -> str:
        """The changes as the confirmation of a job takes them."""
        return orjson.dumps(self.changes).decode() if self.changes else ""

    @property
    def as_query(self) -> str:
        """The rows as the query of an address."""
        return urlencode(
            [
                pair
                for row in self.rows
                for pair in (("op", row.op), ("field", row.field), ("value", row.value), ("as", row.value_type))
            ]
        )


def read_change_form(query: RepeatedFields, add: str, remove: str) -> ChangeForm:
    """Return the form of an address. `add` is the kind of a row to add, `remove` the place of one to take out."""
    columns = [[str(text) for text in query.getall(name, [])] for name in ("op", "field", "value", "as")]
    rows = [
        _typed_row(op, name.strip(), value, kind)
        for op, name, value, kind in zip(*columns, strict=False)
        if op in CHANGE_OPS and kind in VALUE_TYPES
    ][:MAX_CHANGES]
    lacks_rows = len(rows) < max(map(len, columns))
    if remove.isascii() and remove.isdigit() and len(remove) < 4 and int(remove) < len(rows):
        del rows[int(remove)]
    form = ChangeForm(rows, lacks_rows=lacks_rows)
    for row in rows:
        if row.field or row.value:
            _add_change(form, row)
    if form.changes and len(form.as_json) > MAX_CHANGES_LENGTH:
        rows[-1].problem = "long"
    if add in CHANGE_OPS and rows == [ChangeRow("set")]:
        rows.clear()  # the row that the page begins with makes room for another kind
    if add in CHANGE_OPS and len(rows) < MAX_CHANGES:
        rows.append(ChangeRow(add))
    return form


def first_change_form() -> ChangeForm:
    """Return the form as the page begins: with a row to type into, since one comes there to change something."""
    return ChangeForm([ChangeRow("set")])


def _typed_row(op: str, name: str, value: str, kind: str) -> ChangeRow:
    is_cut = len(name) > MAX_FIELD_LENGTH or len(value) > MAX_VALUE_LENGTH
    return ChangeRow(op, name[:MAX_FIELD_LENGTH], value[:MAX_VALUE_LENGTH], kind, "long" if is_cut else "")


def _add_change(form: ChangeForm, row: ChangeRow) -> None:
    """Add the change that a row makes, or note the problem of the row."""
    change: PayloadChange = {"op": row.op, "field": row.field}  # type: ignore[typeddict-item]  # one of the three
    if row.op == "set":
        try:
            change["value"] = orjson.loads(row.value) if row.value_type == "json" else row.value
        except orjson.JSONDecodeError:
            row.problem = "json"
    elif row.op == "map":
        pairs = _map_pairs(row.value)
        row.problem = row.problem if pairs else "pairs"
        change["values"] = dict(pairs)
    if validate_changes([change]):
        row.problem = row.problem or "field"
    form.changes.append(change)


def _map_pairs(text: str) -> Sequence[tuple[str, str]]:
    """Return the pairs of lines such as `old = new`. None if a line is no pair."""
    lines = [line for line in text.splitlines() if line.strip()]
    parts = [line.partition(MAP_SIGN) for line in lines]
    if not all(sign for _, sign, _ in parts):
        return ()
    return [(old.strip(), new.strip()) for old, _, new in parts]


def change_words(change: Mapping[str, Any]) -> str:
    """Return a change in short, for the audit log: `set status`. Its values may be personal and are left out."""
    return f"{change['op']} {change['field']}"
