"""Files of imports: every dialect and encoding is read as it was written, in windows of any size."""

import codecs
import csv
import io
from typing import cast

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.workers.imports.imported_rows import RowMapper
from shared.imports.code_pages import PAGE_CODECS, CodePage
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
from shared.imports.import_options import parse_options
from shared.imports.import_report import cells_of_lead
from shared.imports.tag_cells import split_tags, tags_text
from shared.imports.text_encoding import TEXT_ENCODINGS, EncodingJudge, TextEncoding, decode_text, text_size
from shared.lead_export.lead_cells import cells_of, header_of, key_columns
from shared.platform.errors import FieldErrors
from shared.platform.spreadsheet_cells import FORMULA_SIGNS, FORMULA_STARTS, csv_text, unguarded_text

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
    """A file that is read in two parts, of which the second begins where the text of the first ends, is all there."""
    data += b"\n" * 8  # a broken last character is nobody's name
    for encoding in TEXT_ENCODINGS:
        text = decode_text(data[:cut], encoding, at_end=False)
        place = text_size(text, encoding)
        assert place <= len(data[:cut])
        rest = decode_text(data[place:], encoding, at_end=True)
        assert place + text_size(rest, encoding) == len(data) - (len(data) % 2 if "16" in encoding else 0)
        if encoding.startswith("cp"):
            assert place == len(data[:cut])


NAMES_BY_PAGE: dict[TextEncoding, str] = {
    "cp1252": "Jürgen;Groß;Köln François;Lefèvre;Besançon José;Muñoz;Málaga João;Conceição;Brasília Åsa;Sjöström;Malmö",
    "cp1250": "Łukasz;Wiśniewski;Łódź Paweł;Dąbrowski;Gdańsk Grażyna;Wójcik;Częstochowa Żaneta;Michałowska;Zakład",
    "cp1251": "Иван;Иванов;Москва Мария;Кузнецова;Казань Олексій;Шевченко;Київ Георги;Стоянов;Пловдив",
    "cp1256": "محمد;الأحمد;الرياض فاطمة;العلي;جدة أحمد;الخالدي;الدمام نورة;السالم;شركة_النور",
    "shift_jis": "田中;太郎;東京 佐藤;花子;大阪 鈴木;一郎;名古屋市 高橋;美咲;サンプル商事",
    "gbk": "王;小明;北京 李;娜;上海 张;伟;广州市 刘;洋;深圳科技有限公司",
}


@pytest.mark.parametrize("page", NAMES_BY_PAGE)
@pytest.mark.parametrize("part_size", [7, 1000, 1 << 20])
def test_code_page_is_judged_by_lines_from_all_over_the_file(page: TextEncoding, part_size: int) -> None:
    """Most of the file is ASCII, and no part of it ends where a character does."""
    names = NAMES_BY_PAGE[page].split()
    lines = [f"{names[n % len(names)] if n % 9 == 0 else 'Al;Doe;Rome'};p{n}@example.com" for n in range(600)]
    data = "\r\n".join(["first;last;city;email", *lines]).encode(PAGE_CODECS[cast("CodePage", page)])
    judge = EncodingJudge()
    for start in range(0, len(data), part_size):
        judge.feed(data[start : start + part_size])
    judged = judge.judge()
    assert judged == (page, 0)
    assert decode_text(data, judged.encoding, at_end=True).splitlines()[1:] == lines


def test_encoding_is_chosen_by_any_of_its_names() -> None:
    names = {
        "windows-1256": "cp1256",
        "CP1252": "cp1252",
        "SJIS": "shift_jis",
        "cp932": "shift_jis",
        "gb2312": "gbk",
        "GB18030": "gbk",
        "utf8": "utf-8",
    }
    assert {name: parse_options(orjson.dumps({"encoding": name}).decode(), {}) for name in names} == {
        name: {"encoding": encoding} for name, encoding in names.items()
    }
    for wrong in ("klingon", "utf-7", 7):
        errors: FieldErrors = {}
        parse_options(orjson.dumps({"encoding": wrong}).decode(), errors)
        assert errors.keys() == {"options.encoding"}
    judge = EncodingJudge()
    judge.feed(codecs.BOM_UTF8 + "é".encode())
    assert [judge.judge(), judge.judge("cp1251")] == [("utf-8", 3), ("cp1251", 3)]


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
    shown = cells_of_lead(head.columns, guess_mapping(head.columns), found.lead or {})
    assert shown["first_name"] == name
    assert split_tags(shown.get("tags", "")) == tags
    assert {key: shown.get(f"custom_fields.{key}") for key in keys if isinstance(custom[key], str) and custom[key]} == {
        key: custom[key] for key in keys if isinstance(custom[key], str) and custom[key]
    }
