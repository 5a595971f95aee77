"""Files of imports: every dialect and encoding is read as it was written, in windows of any size."""

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from services.workers.imports.imported_rows import RowMapper
from shared.imports.column_mapping import guess_mapping, mapping_errors, name_columns
from shared.imports.csv_records import (
    LONG_RECORD_PROBLEM,
    MAX_RECORD_CHARACTERS,
    MAX_SHOWN_LINE,
    OPEN_QUOTE_PROBLEM,
    judge_delimiter,
    read_records,
)
from shared.imports.file_head import read_head
from shared.imports.tag_cells import split_tags, tags_text
from shared.imports.text_encoding import EncodingJudge, decode_text, text_size
from shared.lead_export.lead_cells import cells_of, header_of, key_columns
from shared.spreadsheet_cells import FORMULA_SIGNS, FORMULA_STARTS, csv_text, unguarded_text

CP1252 = "abcXYZ äöüßéñ€“”–'\"=+-@,;\t\r\n0123456789"
PRINTABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")
CELLS = st.text(PRINTABLE, max_size=12)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=20)


@given(st.text(PRINTABLE, min_size=1, max_size=60), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
def test_encoding_is_judged_and_gives_back_the_bytes(text: str, codec: str) -> None:
    if codec == "cp1252":
        text = "".join(letter for letter in text if letter in CP1252) + "é"
    data = f"email,{text}\n".encode(codec)
    judge = EncodingJudge()
    judge.feed(data)
    found = judge.judge()
    body = data[found.mark_size :]
    decoded = decode_text(body, found.encoding, at_end=True)
    assert decoded == f"email,{text}\n"
    assert text_size(decoded, found.encoding) == len(body)


@given(st.binary(min_size=1, max_size=80), st.integers(0, 80))
def test_any_bytes_are_decoded_without_loss_of_place(data: bytes, cut: int) -> None:
    for encoding in ("cp1252", "utf-16-le", "utf-16-be"):
        text = decode_text(data[:cut], encoding, at_end=False)
        assert text_size(text, encoding) <= len(data[:cut])
        if encoding == "cp1252":
            assert text_size(text, encoding) == len(data[:cut])


@given(ROWS, st.sampled_from(",;\t"), st.sampled_from(["\r\n", "\n"]), st.integers(1, 400))
def test_rows_are_cut_alike_in_windows_of_any_size(
    rows: list[list[str]], delimiter: str, newline: str, window: int
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows(rows)
    whole, place, found = text.getvalue(), 0, []
    while place < len(whole):
        size = window
        while True:
            part = whole[place : place + size]
            at_end = place + size >= len(whole)
            records = read_records(part, delimiter, at_end=at_end, limit=3)
            if records:
                break
            size *= 2
        found += [record.cells for record in records]
        place += sum(record.length for record in records)
    assert found == rows


@given(ROWS, st.sampled_from(",;\t"))
def test_delimiter_is_judged_by_rows_of_one_width(rows: list[list[str]], delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["email", "name"], *rows])
    assert judge_delimiter(text.getvalue()) == (delimiter, 0)


def test_stray_quotation_mark_costs_its_own_line() -> None:
    records = read_records('a,b\n"x,1\ny,2\nz,3\n', ",", at_end=True, limit=9)
    assert [record.cells for record in records] == [["a", "b"], ['"x,1'], ["y", "2"], ["z", "3"]]
    assert [record.problem for record in records] == [None, OPEN_QUOTE_PROBLEM, None, None]


def test_line_that_no_row_may_be_as_long_as_is_kept_in_part() -> None:
    [record, following] = read_records("x" * 2 * MAX_RECORD_CHARACTERS + "\na,b\n", ",", at_end=True, limit=10)
    assert record.problem == LONG_RECORD_PROBLEM
    assert (len(record.cells[0]), record.length) == (MAX_SHOWN_LINE, 2 * MAX_RECORD_CHARACTERS + 1)
    assert following.cells == ["a", "b"]


@given(st.text(PRINTABLE, max_size=20), st.integers(0, 3))
def test_guard_of_a_cell_is_taken_off_exactly(text: str, quotes: int) -> None:
    text = "'" * quotes + text
    for value in (text, *(f"{start}{text}" for start in FORMULA_STARTS)):
        [[cell]] = csv.reader(io.StringIO(csv_text([[value]]), newline="")) if value else [[""]]
        assert not cell.startswith(FORMULA_STARTS)
        assert unguarded_text(cell) == value


@given(st.text(";,\t\r\n\"'=+-@＝a ", max_size=12), st.sampled_from(",;\t"))
@example("x;\"=cmd|'/C calc'!A0;", ";")
def test_no_cell_is_executed_whatever_separates(text: str, separator: str) -> None:
    exported = csv_text([["1", text, "end"]])
    rows = csv.reader(io.StringIO(exported, newline=""), delimiter=separator)
    assert not [cell for row in rows for cell in row if cell.lstrip("\t\r\n").startswith(tuple(FORMULA_SIGNS))]
    [[_, cell, _]] = csv.reader(io.StringIO(exported, newline=""))
    assert unguarded_text(cell) == text


@given(st.lists(st.text(PRINTABLE, min_size=1, max_size=10).map(str.strip).filter(bool), max_size=5))
def test_tags_survive_one_cell(tags: list[str]) -> None:
    tags = [tag.strip() for tag in tags]
    assert split_tags(tags_text(tags)) == tags


def test_columns_are_guessed_in_six_languages() -> None:
    headers = [
        "First Name,Last Name,Email,Phone,Company,Job Title,Country,Notes,Tags",
        "Vorname,Nachname,E-Mail,Telefon,Firma,Position,Land,Bemerkungen,Schlagwörter",
        "Nombre,Apellidos,Correo electrónico,Teléfono,Empresa,Cargo,País,Notas,Etiquetas",
        "Prénom,Nom,Adresse e-mail,Téléphone,Société,Poste,Pays,Remarques,Étiquettes",
        "Nome,Sobrenome,E-mail,Telefone,Empresa,Cargo,País,Observações,Etiquetas",
        "الاسم الأول,اسم العائلة,البريد الإلكتروني,رقم الهاتف,الشركة,المسمى الوظيفي,الدولة,ملاحظات,الوسوم",
    ]
    expected = "first_name last_name email phone company job_title country notes tags".split()
    for header in headers:
        assert [*guess_mapping(name_columns(header.split(","))).values()] == expected, header


def test_own_columns_are_ignored_and_unknown_ones_kept() -> None:
    columns = name_columns(["id", "created_at", "Email", "Email", "", "Budget (EUR)", "custom_fields.Odd Key"])
    assert [*guess_mapping(columns).values()] == [
        None,
        None,
        "email",
        "custom_fields.email_2",
        "custom_fields.column_5",
        "custom_fields.budget_eur",
        "custom_fields.Odd Key",
    ]
    assert mapping_errors({"Nope": "email"}, columns).keys() == {"mapping.Nope"}
    assert mapping_errors({"id": "lead_score"}, columns).keys() == {"mapping.id"}


JSON_VALUES = st.one_of(st.integers(-5, 5), st.booleans(), CELLS, st.lists(CELLS, max_size=2))
NAMES = st.text(PRINTABLE, min_size=1, max_size=15).map(str.strip).filter(lambda text: bool(text.strip()))


@given(
    NAMES,
    st.dictionaries(st.text(PRINTABLE, min_size=1, max_size=8), JSON_VALUES, max_size=4),
    st.lists(st.text(PRINTABLE, min_size=1, max_size=8).map(str.strip).filter(bool), max_size=3, unique=True),
)
def test_exported_lead_is_imported_as_it_was(name: str, custom: dict[str, object], tags: list[str]) -> None:
    lead = dict.fromkeys(header_of([]), None) | {
        "id": 7,
        "first_name": name,
        "starred": True,
        "tags": tags,
        "custom_fields": custom,
        "pipeline_id": 3,
        "status": "new",
    }
    keys = key_columns(custom)
    data = csv_text([header_of(keys), cells_of(lead, keys)]).encode()
    judge = EncodingJudge()
    judge.feed(data)
    head = read_head(data, judge.judge(), len(data))
    mapper = RowMapper(head.columns, guess_mapping(head.columns))
    found = mapper.lead_of(head.sample[0])
    expected = {"first_name": name, "starred": True, "pipeline_id": 3, "status": "new", "tags": tags}
    assert (found.lead or {}).items() >= {key: value for key, value in expected.items() if value}.items(), found.reasons
    assert (found.lead or {}).get("custom_fields", {}) == custom
