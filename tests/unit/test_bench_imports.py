"""The made-up list of the benchmark of imports, and what its comparison finds in an export."""

import csv
import io
import re

import orjson
import pytest

from bench.import_files import compare_export, count_people, csv_pieces, made_up_lead, person_of
from bench.report import as_text

pytestmark = pytest.mark.unit
ROWS = 25


def test_each_tenth_row_repeats_a_person() -> None:
    text = b"".join(csv_pieces(ROWS)).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["email"] for row in rows] == [made_up_lead(person_of(row))["email"] for row in range(ROWS)]
    assert len({row["email"] for row in rows}) == count_people(ROWS) == 23
    assert rows[7]["company"] == "Company 7, Ltd"


def test_export_is_compared_with_the_rows() -> None:
    leads = [made_up_lead(person) for person in sorted({person_of(row) for row in range(ROWS)})]
    good = compare_export(ROWS, map(orjson.dumps, leads))
    assert good == {"lost": 0, "doubled": 0, "different": 0, "leads": 23}
    broken = [*leads[2:], leads[5], {**leads[0], "company": "Other"}]
    assert compare_export(ROWS, map(orjson.dumps, broken)) == {"lost": 1, "doubled": 1, "different": 1, "leads": 23}


def test_result_is_a_table() -> None:
    figures = {
        **{"state": "done", "rows": 10, "created": 9, "merged": 0, "unchanged": 1, "invalid": 0},
        **{"upload_seconds": 0.1, "seconds": 2.0, "rows_per_second": 5.0, "cpu": {"worker": 300.0, "other": 0.1}},
        "memory": {"worker": {"start": 90.0, "half": 95.5, "end": 96.0, "peak": 97.0}},
        "export": {"leads": 9, "seconds": 0.5},
    }
    text = as_text({"import": figures, "ledger": {"acknowledged": 10, "lost": 0, "doubled": 0, "different": 0}})
    assert re.search(r"^  worker +300$", text, re.MULTILINE)
    assert re.search(r"^worker +90\.0 +95\.5 +96\.0 +97\.0$", text, re.MULTILINE)
    assert text.endswith("Ledger: acknowledged 10, lost 0, doubled 0, different 0")
