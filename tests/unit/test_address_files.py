"""Files of addresses that get no mail: which column is read, what is counted, and what is too much."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.suppressions import address_file
from services.console.suppressions.address_file import FileAddresses, TooManyRows, read_address_file
from shared.imports.import_upload import UploadedTable
from shared.imports.text_encoding import EncodingJudge, UnreadableFile

pytestmark = pytest.mark.unit

A, B = "ada@example.com", "bob@example.com"


def read(data: bytes) -> FileAddresses:
    judge = EncodingJudge()
    judge.feed(data)
    return read_address_file(UploadedTable(io.BytesIO(data), "list.csv", len(data), judge))


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n{B}\n",
        f"\ufeff{A}\r\n\r\n{B}",
        f"E-Mail\n{A}\n{B}\n",
        f"Owner,Email\nowner@us.example,{A}\nowner@us.example,{B}\n",
        f"sep=;\nName;E-Mail\nAda;{A}\nBob;{B}\n",
        f"Ada,{A},1\nBob,{B},2\n",
        f"Ada Lovelace <{A}>\nBob <{B.upper()}>\n",
        f'"Lovelace, Ada <{A}>"\n"Dylan, Bob <{B}>"\n',
    ],
)
def test_the_column_of_addresses_is_found(text: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        assert (list(read(text.encode(encoding)).emails), read(text.encode()).unreadable_count) == ([A, B], 0)


def test_repeated_and_unreadable_lines_are_counted() -> None:
    found = read(f"email\n{A}\nnobody\n\n{A.upper()}\n{'x@' * 3}\n".encode())
    assert (list(found.emails), found.repeated_count) == ([A], 1)
    assert (found.unreadable_count, found.unreadable) == (2, [(3, "nobody"), (6, "x@x@x@")])


@pytest.mark.parametrize(
    ("text", "unreadable"),
    [
        (f'email,comment\n{A},"please stop\n{B},ok\n', []),
        (f'{A}\n"{B}\n', []),
        (f'{A}\nno "address\n{B}\n', [(2, 'no "address')]),
    ],
)
def test_an_open_quotation_mark_costs_no_other_line(text: str, unreadable: list[tuple[int, str]]) -> None:
    found = read(text.encode())
    assert (list(found.emails), found.unreadable) == ([A, B], unreadable)


def test_a_file_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_file, "MAX_FILE_ADDRESSES", 3)
    assert len(read(b"email\na@b.co\nc@b.co\nd@b.co\n").emails) == 3
    for text in ("a@b.co\n" * 4, "a@b.co\n" + "x\n" * 3):
        with pytest.raises(TooManyRows):
            read(text.encode())
    monkeypatch.setattr(address_file, "MAX_READ_SECONDS", -1.0)
    with pytest.raises(TooManyRows):
        read(A.encode())


@pytest.mark.parametrize("data", [b"", b"\n \n", b"PK\x03\x04", b",".join([b"a"] * 400), b'a,"' + b"x\n" * 2_000_000])
def test_what_is_no_list_is_refused_or_has_no_address(data: bytes) -> None:
    try:
        found = read(data)
    except (UnreadableFile, TooManyRows):
        return
    assert found.emails == {}


@given(st.binary(max_size=400))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except UnreadableFile:
        return
    assert all("@" in email for email in found.emails)
    assert len(found.unreadable) <= found.unreadable_count
