"""Judge the encoding of a text file: UTF-8, UTF-16 or Windows-1252. Pure.

A whole file that is valid UTF-8 is UTF-8: other encodings are that by chance only if they are ASCII. UTF-16 is known by
its byte order mark or by its zeros, and everything else is read as Windows-1252. So no library that guesses among forty
encodings is needed.
"""

import codecs
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

TextEncoding = Literal["utf-8", "utf-16-le", "utf-16-be", "cp1252"]
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

    @property
    def starts_archive(self) -> bool:
        """Whether the file begins as a ZIP file does."""
        return self._head.startswith(ARCHIVE_START)

    def judge(self) -> JudgedText:
        """Return the encoding of all that came. Raises UnreadableFile."""
        if not self._head:
            raise UnreadableFile("The file is empty.")
        for start, sentence in _BINARY_STARTS.items():
            if self._head.startswith(start):
                raise UnreadableFile(sentence)
        for mark, encoding in _MARKS:
            if self._head.startswith(mark):
                return JudgedText("cp1252" if encoding == "utf-8" and not self._ends_as_utf8() else encoding, len(mark))
        if self._has_zero:
            return JudgedText(_judge_by_zeros(self._head), 0)
        return JudgedText("utf-8" if self._ends_as_utf8() else "cp1252", 0)

    def _ends_as_utf8(self) -> bool:
        if self._is_utf8:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._is_utf8 = False
        return self._is_utf8


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
    if encoding == "cp1252":
        return "".join(map(_CP1252_CHARACTERS.__getitem__, data)) if _has_gaps(data) else data.decode("cp1252")
    if at_end and encoding != "utf-8":
        data = data[: len(data) & ~1]
    # A broken character of UTF-16 becomes a lone surrogate: strict decoding would stop the import in its middle.
    return codecs.getincrementaldecoder(encoding)("surrogatepass").decode(data, final=at_end)


def text_size(text: str, encoding: TextEncoding) -> int:
    """Return the bytes of a decoded text in its file."""
    if encoding == "cp1252":
        return len(text)
    return len(text.encode(encoding, "surrogatepass"))


def _has_gaps(data: bytes) -> bool:
    return any(byte in data for byte in _CP1252_GAPS)


# Five bytes have no character in Windows-1252; browsers read them as control characters.
_CP1252_GAPS = b"\x81\x8d\x8f\x90\x9d"
_CP1252_CHARACTERS = [chr(byte) if byte in _CP1252_GAPS else bytes([byte]).decode("cp1252") for byte in range(256)]
