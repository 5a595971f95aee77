"""A made-up list of people as CSV, and what an export says of them afterwards."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

HEADER = b"first_name,last_name,email,phone,company,custom_fields.budget,tags\n"
ROWS_PER_PIECE = 1_000
REPEAT_EVERY = 10  # rows, of which one repeats the person five rows before


def person_of(row: int) -> int:
    """Return whose row it is, counted from 0."""
    return row - 5 if row % REPEAT_EVERY == 5 else row


def count_people(rows: int) -> int:
    """Return how many people so many rows hold."""
    return rows - len(range(5, rows, REPEAT_EVERY))


def csv_pieces(rows: int) -> Iterator[bytes]:
    """Yield the file. A row that repeats a person has another budget, which must not win."""
    yield HEADER
    for start in range(0, rows, ROWS_PER_PIECE):
        yield b"".join(_csv_row(row) for row in range(start, min(start + ROWS_PER_PIECE, rows)))


def _csv_row(row: int) -> bytes:
    lead = made_up_lead(person_of(row))
    company, tags = lead["company"], ",".join(lead["tags"])
    return f'{lead["first_name"]},{lead["last_name"]},{lead["email"]},,"{company}",{row % 1000},{tags}\n'.encode()


def made_up_lead(person: int) -> dict[str, Any]:
    """Return the fields that the person's lead must have."""
    return {
        "first_name": f"First{person}",
        "last_name": f"Last{person % 7919}",
        "email": f"p{person}@example.com",
        "company": f"Company {person % 997}, Ltd",
        "custom_fields": {"budget": str(person % 1000)},
        "tags": ["bench"],
    }


def compare_export(rows: int, lines: Iterable[bytes]) -> Counter[str]:
    """Count the `leads` of an export in NDJSON, and those that are `lost`, `doubled`, `different` from their rows."""
    seen, found = bytearray(rows), Counter(lost=count_people(rows), doubled=0, different=0, leads=0)
    for line in lines:
        lead = orjson.loads(line)
        found["leads"] += 1
        person = int(lead["email"].partition("@")[0].removeprefix("p"))
        if seen[person]:
            found["doubled"] += 1
            continue
        seen[person] = 1
        found["lost"] -= 1
        expected = made_up_lead(person)
        found["different"] += any(lead[name] != value for name, value in expected.items())
    return found
