"""Judge the encoding of a text file, and read it. Pure.

A whole file that is valid UTF-8 is UTF-8: other encodings are that by chance only if they are ASCII. UTF-16 is known by
its byte order mark or by its zeros. Code pages are judged by cells from all over the file (`code_pages.py`).
"""

import codecs
import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, cast, get_args

from shared.imports.code_pages import PAGE_CODECS, CodePage, judge_code_page

TextEncoding = Literal["utf-8", "utf-16-le", "utf-16-be", CodePage]
TEXT_ENCODINGS: Final[tuple[TextEncoding, ...]] = get_args(TextEncoding)
_MARKS: Final[Sequence[tuple[bytes, TextEncoding]]] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ARCHIVE_START: Final = b"PK\x03\x04"  # of a ZIP file, as an xlsx workbook is one
_BINARY_STARTS: Final = {
    ARCHIVE_START: "It is an Excel workbook or another archive. In Excel, save it as “CSV UTF-8” and send that file. "
    "Workbooks are read where LeadHub has the packages of requirements-xlsx.lock.",
    b"\xd0\xcf\x11\xe0": "It is an old Excel workbook (.xls), or one with a password. In Excel, save it as .xlsx or "
    "“CSV UTF-8” and send that file.",
    b"%PDF": "It is a PDF. Send the list as CSV.",
    b"\x1f\x8b": "It is compressed. Unpack it and send the CSV file.",
    codecs.BOM_UTF32_LE: "It is UTF-32. Save it as UTF-8 and send that file.",
    codecs.BOM_UTF32_BE: "It is UTF-32. Save it as UTF-8 and send that file.",
}
MIN_ZERO_SHARE = 0.2  # of the bytes of one parity, from which a text without a mark counts as UTF-16
HEAD_BYTES = 4096
MAX_JUDGED_BYTES = 64 << 10  # bytes of cells by which a code page is judged
_CELL_ENDS = re.compile(rb'[,;\t\r"]')  # no character of a code page ends with one of these bytes


class UnreadableFile(ValueError):
    """The file is no text that an import reads. The message says what it is and what to do."""


class JudgedText(NamedTuple):
    """The encoding, and the bytes of the mark before the text."""

    encoding: TextEncoding
    mark_size: int


class EncodingJudge:
    """Judges a file by all of its bytes, which come in parts."""

    def __init__(self) -> None:
        self._head = b""
        self._is_utf8 = True
        self._has_zero = False
        self._cells = bytearray()  # those that are not ASCII: the others would only blur the picture
        self._last_line = b""  # the one that may go on in the next part
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, part: bytes) -> None:
        """Take the next part of the file."""
        if len(self._head) < HEAD_BYTES:
            self._head += part[: HEAD_BYTES - len(self._head)]
        self._has_zero = self._has_zero or b"\0" in part
        if self._is_utf8:
            try:
                self._decoder.decode(part)
            except UnicodeDecodeError:
                self._is_utf8 = False
        if len(self._cells) < MAX_JUDGED_BYTES and not (part.isascii() and not self._last_line):
            self._gather_cells(part)

    def _gather_cells(self, part: bytes) -> None:
        *lines, last = (self._last_line + part).split(b"\n")
        for line in lines:
            self._add_cells(line)
        self._last_line = b"" if last.isascii() or len(last) > MAX_JUDGED_BYTES else last

    def _add_cells(self, line: bytes) -> None:
        if not line.isascii() and len(self._cells) < MAX_JUDGED_BYTES:
            self._cells += b"\n".join([cell for cell in _CELL_ENDS.split(line) if not cell.isascii()]) + b"\n"

    @property
    def starts_archive(self) -> bool:
        """Whether the file begins as a ZIP file does."""
        return self._head.startswith(ARCHIVE_START)

    def judge(self, chosen: TextEncoding | None = None) -> JudgedText:
        """Return the encoding of all that came, or the one that somebody chose. Raises UnreadableFile."""
        if not self._head:
            raise UnreadableFile("The file is empty.")
        for start, sentence in _BINARY_STARTS.items():
            if self._head.startswith(start):
                raise UnreadableFile(sentence)
        encoding = chosen or self._judge_encoding()
        return JudgedText(encoding, mark_size_of(self._head))

    def _judge_encoding(self) -> TextEncoding:
        marked = next((encoding for mark, encoding in _MARKS if self._head.startswith(mark)), None)
        if marked and marked != "utf-8":
            return marked
        if not marked and self._has_zero:
            return _judge_by_zeros(self._head)
        if self._ends_as_utf8():
            return "utf-8"
        self._add_cells(self._last_line)
        self._last_line = b""
        return judge_code_page(bytes(self._cells))

    def _ends_as_utf8(self) -> bool:
        if self._is_utf8:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._is_utf8 = False
        return self._is_utf8


def mark_size_of(head: bytes) -> int:
    """Return the bytes of the mark that a file begins with. It is no text in any encoding."""
    return next((len(mark) for mark, _ in _MARKS if head.startswith(mark)), 0)


def _judge_by_zeros(head: bytes) -> TextEncoding:
    """Return the order of UTF-16 without a mark: most letters of most texts have a zero byte."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    enough = MIN_ZERO_SHARE * len(head) / 2
    if odd >= enough and odd > even:
        return "utf-16-le"
    if even >= enough and even > odd:
        return "utf-16-be"
    raise UnreadableFile("It is not a text file. Send the list as CSV.")


def decode_text(data: bytes, encoding: TextEncoding, *, at_end: bool) -> str:
    """Return the text of bytes that begin at a character. An incomplete last character is left out.

    The bytes are the end of the file if `at_end`. `text_size` gives the number of bytes of the text, or of a part.
    """
    if table := _TABLES.get(encoding):
        return codecs.charmap_decode(data, "strict", table)[0]
    codec, errors = _codec_of(encoding)
    if at_end and errors == "surrogatepass":
        data = data[: len(data) & ~1]
    return codecs.getincrementaldecoder(codec)(errors).decode(data, final=at_end)


def text_size(text: str, encoding: TextEncoding) -> int:
    """Return the bytes of a decoded text in its file."""
    if encoding in _TABLES:
        return len(text)
    return len(text.encode(*_codec_of(encoding)))


def _codec_of(encoding: TextEncoding) -> tuple[str, str]:
    """Return the codec, and what it does with bytes that are no character: they become lone surrogates.

    Strict decoding would stop an import in its middle, and a replacement would not tell how many bytes it stands for.
    """
    if encoding.startswith("utf-16"):
        return encoding, "surrogatepass"
    return PAGE_CODECS.get(cast("CodePage", encoding), encoding), "surrogateescape"


def _table_of(codec: str) -> str:
    """Return the characters of all bytes. Browsers read those that have none as control characters, and so do we."""
    return "".join(
        found if (found := bytes([byte]).decode(codec, "replace")) != "\N{REPLACEMENT CHARACTER}" else chr(byte)
        for byte in range(256)
    )


_TABLES = {page: _table_of(page) for page in ("cp1252", "cp1250", "cp1251", "cp1256")}
