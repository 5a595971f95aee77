"""Types of files by their bytes, what a field accepts, and names in headers."""

import io
import zipfile
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.files.file_names import MAX_NAME_LENGTH, attachment_header, clean_file_name
from shared.files.file_types import ACTIVE_TYPES, download_type, is_type_accepted, judge_type

pytestmark = pytest.mark.unit


def archive(*entries: tuple[str, str]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        for name, text in entries:
            file.writestr(name, text)
    return written.getvalue()


DOCX = archive(("[Content_Types].xml", "<Types/>"), ("_rels/.rels", "<R/>"), ("word/document.xml", "<w/>"))
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SAMPLES: list[tuple[bytes, str]] = [
    (b"%PDF-1.7\n", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
    (b"GIF89a/*<script>*/", "image/gif"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
    (b"\0\0\0\x18ftypmp42\0\0\0\0", "video/mp4"),
    (b"MZ\x90\0", "application/x-msdownload"),
    (b"\x7fELF\2\1\1\0", "application/x-executable"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "application/x-ole-storage"),
    (DOCX, WORD),
    (archive(("mimetype", "application/vnd.oasis.opendocument.text")), "application/vnd.oasis.opendocument.text"),
    (archive(("a.txt", "word/")), "application/zip"),
    (b"{\\rtf1 Hello}", "application/rtf"),
    (b"Hello, this is my CV.\nc/o Zo\xc3\xab", "text/plain"),
    (b"a,b\n1,2\n", "text/plain"),
    (b"", "application/octet-stream"),
    (b"\0\1\2", "application/octet-stream"),
]
ACTIVE: list[tuple[bytes, str]] = [
    (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "image/svg+xml"),
    (b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg onload="x">', "image/svg+xml"),
    (b"<!-- a comment --> <s:svg xmlns:s='http://www.w3.org/2000/svg'>", "image/svg+xml"),
    (b"\xef\xbb\xbf  \n<!doctype HTML><p>", "text/html"),
    (b"<script>alert(1)</script>", "text/html"),
    (b"Dear Sir <iframe src=x>", "text/html"),
    ("<html>".encode("utf-16"), "text/html"),
    ('<?xml version="1.0"?><svg >'.encode("utf-16-be").join((b"\xfe\xff", b"")), "image/svg+xml"),
    (b"<?xml version='1.0'?><a/>", "application/xml"),
    (b"#!/usr/bin/env python\n", "text/x-shellscript"),
]


@pytest.mark.parametrize(("head", "kind"), SAMPLES + ACTIVE)
def test_a_type_is_judged_by_the_bytes(head: bytes, kind: str) -> None:
    assert judge_type(head) == kind


@pytest.mark.parametrize(("head", "kind"), ACTIVE)
def test_what_a_browser_would_run_is_sent_as_bytes(head: bytes, kind: str) -> None:
    assert kind in ACTIVE_TYPES
    assert download_type(judge_type(head)) == "application/octet-stream"


@given(st.binary(max_size=300))
def test_any_bytes_have_a_type(head: bytes) -> None:
    assert judge_type(head).count("/") == 1


@pytest.mark.parametrize(
    ("accept", "name", "kind", "is_taken"),
    [
        ([], "a.exe", "application/x-msdownload", True),
        ([".pdf"], "CV.PDF", "application/pdf", True),
        ([".pdf"], "cv.pdf", "text/html", False),
        ([".pdf"], "cv.html", "application/pdf", False),
        ([".dwg"], "plan.dwg", "application/octet-stream", True),
        ([".dwg"], "plan.dwg", "image/svg+xml", False),
        ([".doc", ".docx"], "cv.doc", "application/x-ole-storage", True),
        (["application/msword"], "cv.doc", "application/x-ole-storage", True),
        (["text/csv"], "a.csv", "text/plain", True),
        ([".txt"], "a.txt", "text/html", True),
        (["image/*"], "a.png", "image/png", True),
        (["image/*"], "a.svg", "image/svg+xml", False),
        (["image/svg+xml"], "a.svg", "image/svg+xml", True),
        (["application/pdf", "image/*"], "a.jpg", "image/jpeg", True),
        (["audio/*"], "a.png", "image/png", False),
    ],
)
def test_a_field_accepts_by_ending_and_bytes(accept: list[str], name: str, kind: str, is_taken: bool) -> None:
    assert is_type_accepted(accept, name, kind) is is_taken


@pytest.mark.parametrize(
    ("sent", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ('a"\r\nSet-Cookie: x', 'a"Set-Cookie: x'),
        ("\x00\x1b[31m.pdf", "[31m.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
        (" .. ", "file"),
        ("", "file"),
        ("\ud800.pdf", "file.pdf"),
        ("x" * 400 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_names_lose_what_could_do_harm(sent: str, clean: str) -> None:
    assert clean_file_name(sent) == clean


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_any_name_makes_one_header_of_plain_characters(name: str) -> None:
    header = attachment_header(name)
    assert header.isascii()
    assert header.isprintable()
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    shown = unquote(header.rpartition("''")[2])
    assert shown == clean_file_name(name)
    assert len(shown) <= MAX_NAME_LENGTH
    assert not {"/", "\\", "\r", "\n", "\0"} & set(shown)
