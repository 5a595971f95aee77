"""Cut the text of a CSV file into records, window by window, so that a file of any size takes little memory. Pure."""

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

DELIMITERS = (",", ";", "\t")
NAMED_DELIMITERS = (*DELIMITERS, "|")  # that a line such as `sep=;` may name
MAX_RECORD_CHARACTERS = 256 << 10  # of a record; a longer one is a quotation mark that nobody closed
MAX_SHOWN_LINE = 1000  # characters that are kept of a line that no row may be as long as
SAMPLE_RECORDS = 50  # by which the delimiter is judged
OPEN_QUOTE_PROBLEM = "A quotation mark is opened and not closed."
LONG_RECORD_PROBLEM = f"The row is longer than {MAX_RECORD_CHARACTERS >> 10} KB: a quotation mark may not be closed."

csv.field_size_limit(MAX_RECORD_CHARACTERS * 8)  # of the process; longer records are refused below


class CsvRecord(NamedTuple):
    """The cells of a record and its length in the text. One with a problem has a single cell, its line."""

    cells: list[str]
    length: int
    problem: str | None = None


class _CountedLines:
    """Lines that remember how far they were read."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.place = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.place == len(self.lines):
            raise StopIteration
        self.place += 1
        return self.lines[self.place - 1]


def read_records(text: str, delimiter: str, *, at_end: bool, limit: int) -> list[CsvRecord]:
    """Return the first records of a text, at most `limit`. Empty lines are records without cells.

    Unless `at_end`, a record that may go on behind the text is left out. Where the text is longer than any record may
    be and none ends in it, the first line is a record with a problem, and the next line begins another one: a stray
    quotation mark costs its own line.
    """
    feeder = _CountedLines(list(io.StringIO(text, newline="")))
    reader = csv.reader(feeder, delimiter=delimiter)
    records: list[CsvRecord] = []
    while len(records) < limit and (start := feeder.place) < len(feeder.lines):
        record = _next_record(reader, feeder, start)
        touches_end = feeder.place == len(feeder.lines)
        if touches_end and not at_end and record.length <= MAX_RECORD_CHARACTERS:
            break
        if problem := _problem_of(record, feeder.lines[start : feeder.place], touches_end=touches_end):
            record = CsvRecord([_shown_line(feeder.lines[start])], len(feeder.lines[start]), problem)
            feeder.place = start + 1
            reader = csv.reader(feeder, delimiter=delimiter)
        records.append(record)
    return records


def _next_record(reader: Iterator[list[str]], feeder: _CountedLines, start: int) -> CsvRecord:
    problem = None
    try:
        cells = next(reader, [])
    except csv.Error as error:
        cells, problem = [], f"The row cannot be read: {error}."
    return CsvRecord(cells, sum(map(len, feeder.lines[start : feeder.place])), problem)


def _shown_line(line: str) -> str:
    return line[:MAX_SHOWN_LINE] if len(line) > MAX_RECORD_CHARACTERS else line.rstrip("\r\n")


def _problem_of(record: CsvRecord, lines: list[str], *, touches_end: bool) -> str | None:
    if record.problem:
        return record.problem
    if record.length > MAX_RECORD_CHARACTERS:
        return LONG_RECORD_PROBLEM
    has_open_quote = touches_end and len(lines) > 1 and sum(line.count('"') for line in lines) % 2
    return OPEN_QUOTE_PROBLEM if has_open_quote else None


def judge_delimiter(text: str) -> tuple[str, int]:
    """Return the delimiter of a file by its beginning, and the length of a line such as `sep=;` before the header."""
    first = text.split("\n", 1)[0].rstrip("\r")
    if first.lower().startswith("sep=") and first[4:] in NAMED_DELIMITERS:
        return first[-1], len(text.split("\n", 1)[0]) + 1
    scored = [(_score(text, delimiter), -place, delimiter) for place, delimiter in enumerate(DELIMITERS)]
    return max(scored)[2], 0


def _score(text: str, delimiter: str) -> float:
    """Return how well a delimiter fits: the share of records as wide as the header, times the header's width."""
    records = read_records(text, delimiter, at_end=False, limit=SAMPLE_RECORDS)
    widths = [len(record.cells) for record in records or read_records(text, delimiter, at_end=True, limit=1)]
    wide = [width for width in widths if width]
    if not wide or wide[0] < 2:
        return 0.0
    return sum(width == wide[0] for width in wide) / len(wide) * (1 + min(wide[0], 50) / 50)
