r"""Rows in the text format of COPY: one a line, values between tabs, `\N` for null. Pure.

Whoever made a file may have written anything into it. So each value that names another row is read, checked and written
again; PostgreSQL checks the types of all others.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import ARRAY

from cli.workspace_moves.id_maps import DocumentRewriter, IdMap, IdMaps
from cli.workspace_moves.moved_tables import NUMBERED_TABLES, SHIFTED_TABLES, MovedTable

NULL_VALUE: Final = rb"\N"
MAX_ID: Final = 1 << 40  # ids are drawn one by one: a number above came from nowhere, and would use up a sequence
_is_number = re.compile(rb"[0-9]{1,13}").fullmatch
_is_array = re.compile(rb"\{(?:[0-9]{1,13}(?:,[0-9]{1,13})*)?\}").fullmatch
_escapes: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_find_escapes = re.compile(rb"\\(.)", re.DOTALL).sub
_find_specials = re.compile(rb"[\\\n\r\t]").sub
_specials: Final = {b"\\": rb"\\", b"\n": rb"\n", b"\r": rb"\r", b"\t": rb"\t"}

ConvertValue = Callable[[bytes], bytes | None]
ConvertSecret = Callable[[bytes], bytes]


class InvalidMove(Exception):
    """A file cannot be imported; the message says why."""


def unescape_value(value: bytes) -> bytes:
    """Return what a value of COPY stands for."""
    return _find_escapes(lambda found: _escapes.get(found[1], found[1]), value) if b"\\" in value else value


def escape_value(value: bytes) -> bytes:
    """Return a value as COPY writes it."""
    return _find_specials(lambda found: _specials[found[0]], value)


class RowConverter:
    """Convert the lines of one table, with new ids and secrets that this installation decrypts.

    `lines` counts those of the file, `rows` those that are taken: a row that only belonged to one that is gone is not.
    """

    def __init__(
        self,
        moved_table: MovedTable,
        columns: list[str],
        maps: IdMaps,
        rewriter: DocumentRewriter,
        convert_secret: ConvertSecret,
        workspace_id: int,
    ) -> None:
        self._name, self._columns, self.workspace_id = moved_table.name, columns, workspace_id
        self._head = f"{workspace_id}\t".encode()
        self._rewriter, self._convert_secret = rewriter, convert_secret
        self._converters = [
            (place, converter)
            for place, name in enumerate(columns)
            if (converter := self._choose_converter(moved_table, name, maps))
        ]
        self.lines = self.rows = 0

    def convert(self, line: bytes, new_values: Mapping[str, bytes]) -> bytes | None:
        """Return the line for this installation; None for a row that is left out. Raises InvalidMove.

        `new_values` replace the row's own, by column.
        """
        values = line.removesuffix(b"\n").split(b"\t")
        if len(values) != len(self._columns) or not line.endswith(b"\n"):
            raise InvalidMove(f"a row of {self._name} in it has {len(values)} values instead of {len(self._columns)}")
        for place, convert in self._converters:
            if self._columns[place] in new_values:
                continue
            converted = convert(values[place])
            if converted is None:
                return None
            values[place] = converted
        for name, value in new_values.items():
            values[self._columns.index(name)] = value
        self.rows += 1
        return self._head + b"\t".join(values) + b"\n"

    def _choose_converter(self, moved_table: MovedTable, name: str, maps: IdMaps) -> ConvertValue | None:
        if name in moved_table.secrets:
            return lambda value: value if value == NULL_VALUE else self._convert_secret(value)
        if name in moved_table.documents:
            return self._convert_document
        if name in moved_table.channels:
            return self._convert_channel
        if name == "id" and moved_table.name in (*NUMBERED_TABLES, *SHIFTED_TABLES):
            return self._own_id_converter(maps[moved_table.name])
        if name == "id" and moved_table.sequence:
            return self._keep_id
        if name not in moved_table.references:
            return None
        column, map_ = moved_table.column(name), maps[moved_table.references[name]]
        if isinstance(column.type, ARRAY):
            return lambda value: self._convert_array(value, map_)
        # Without the row that it names, a row that must name one is nothing.
        is_needed = name in moved_table.owners or not column.nullable
        return self._reference_converter(map_, None if is_needed else NULL_VALUE)

    def _own_id_converter(self, map_: IdMap) -> ConvertValue:
        def convert(value: bytes) -> bytes:
            new = map_.find_new_id(self._read_id(value))
            if new is None:
                raise InvalidMove(f"its head does not name the row {value.decode()} of {self._name}")
            return str(new).encode()

        return convert

    def _reference_converter(self, map_: IdMap, without: bytes | None) -> ConvertValue:
        def convert(value: bytes) -> bytes | None:
            if value == NULL_VALUE:
                return value
            new = map_.find_new_id(self._read_id(value))
            return without if new is None else str(new).encode()

        return convert

    def _convert_array(self, value: bytes, map_: IdMap) -> bytes:
        if not _is_array(value):
            raise InvalidMove(f"a row of {self._name} in it has no list of ids where there must be one")
        ids = [int(text) for text in value[1:-1].split(b",") if text]
        new_ids = [new for id_ in ids if (new := map_.find_new_id(id_)) is not None]
        return b"{" + ",".join(map(str, new_ids)).encode() + b"}"

    def _convert_document(self, value: bytes) -> bytes:
        if value == NULL_VALUE:
            return value
        try:
            return escape_value(self._rewriter.rewrite_text(unescape_value(value).decode()).encode())
        except (ValueError, RecursionError):
            raise InvalidMove(f"a document in a row of {self._name} in it cannot be read") from None

    def _convert_channel(self, value: bytes) -> bytes:
        if value == NULL_VALUE:
            return value
        return escape_value(self._rewriter.rewrite_channel(unescape_value(value).decode(errors="replace")).encode())

    def _keep_id(self, value: bytes) -> bytes:
        return str(self._read_id(value)).encode()

    def _read_id(self, value: bytes) -> int:
        if not _is_number(value) or not 0 <= int(value) <= MAX_ID:
            raise InvalidMove(f"a row of {self._name} in it has {value[:20].decode(errors='replace')!r} as an id")
        return int(value)


def make_maps(maps: Mapping[str, IdMap]) -> dict[str, IdMap]:
    """Return maps for all tables: those that are not given know no row."""
    return {name: maps.get(name, IdMap()) for name in (*NUMBERED_TABLES, *SHIFTED_TABLES, "accounts")}
