"""Judge the media type of a file by its first bytes. Pure.

The signatures and the test for text are those of the WHATWG's MIME Sniffing Standard, sections 6 and 7
(https://mimesniff.spec.whatwg.org/). Beside them: Office Open XML by the names in its archive (ECMA-376 part 2),
OpenDocument by its first entry `mimetype` (ODF 1.3 part 2, section 3.3), OLE2 ([MS-CFB] 2.2), ISO media by their brand
(ISO 14496-12), TIFF 6.0, RTF 1.9, and the executables of Windows and Linux.
"""

import codecs
import re

TYPE_HEAD_BYTES = 8192  # bytes at the beginning of a file that are looked at
UNKNOWN_TYPE = "application/octet-stream"
PLAIN_TEXT = "text/plain"
OLE_TYPE = "application/x-ole-storage"  # .doc, .xls, .ppt and .msg are alike here
ZIP_TYPE = "application/zip"
# Types that a browser may run. They are never served as what they are.
ACTIVE_TYPES = frozenset(
    {"text/html", "image/svg+xml", "application/xml", "application/xhtml+xml", "text/x-shellscript"}
)

_OFFICE = "application/vnd.openxmlformats-officedocument."
_DOCX, _XLSX = f"{_OFFICE}wordprocessingml.document", f"{_OFFICE}spreadsheetml.sheet"
_PPTX = f"{_OFFICE}presentationml.presentation"
_ODF = "application/vnd.oasis.opendocument."

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE_TYPE),
    (b"{\\rtf", "application/rtf"),
    (b"OggS\0", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"MThd\0\0\0\6", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/x-rar-compressed"),
    (b"\x7fELF", "application/x-executable"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
)
_RIFF_FORMATS = {b"WEBPVP": "image/webp", b"WAVE": "audio/wave", b"AVI ": "video/avi"}
_ISO_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"mif1", b"msf1", b"heim"), "image/heic"),
    **{b"avif": "image/avif", b"M4A ": "audio/mp4", b"qt  ": "video/quicktime"},
}
# A name in an archive's local header shows the kind of document.
_OFFICE_FOLDERS = ((b"word/", _DOCX), (b"xl/", _XLSX), (b"ppt/", _PPTX))
_ODF_TYPE = re.compile(rb"mimetype(application/vnd\.oasis\.opendocument\.[a-z-]{1,40})").match
_LOCAL_HEADER = b"PK\3\4"
_HEADER_BYTES = 30  # of a local header in an archive, before its name

_TEXT_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BINARY_BYTES = bytes({*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)})
_SVG_TAG = re.compile(r"<(?:[a-z]+:)?svg[\s>/]", re.IGNORECASE).search
_XML_START = re.compile(r"<\?xml\s", re.IGNORECASE).match
_HTML_TAG = re.compile(
    r"<(!doctype\s+html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|img|form|object|embed|meta)"
    r"[\s>/]|<!--",
    re.IGNORECASE,
).search

# The types that a file of this ending may turn out to be. Other endings only must not hide an active type.
_TYPES_BY_ENDING: dict[str, frozenset[str]] = {
    "pdf": frozenset({"application/pdf"}),
    "png": frozenset({"image/png"}),
    "gif": frozenset({"image/gif"}),
    **dict.fromkeys(("jpg", "jpeg"), frozenset({"image/jpeg"})),
    "webp": frozenset({"image/webp"}),
    **dict.fromkeys(("heic", "heif"), frozenset({"image/heic"})),
    **dict.fromkeys(("tif", "tiff"), frozenset({"image/tiff"})),
    "svg": frozenset({"image/svg+xml"}),
    **dict.fromkeys(("doc", "dot"), frozenset({OLE_TYPE, "application/rtf", _DOCX})),
    **dict.fromkeys(("xls", "ppt", "msg"), frozenset({OLE_TYPE})),
    "docx": frozenset({_DOCX, ZIP_TYPE}),
    "xlsx": frozenset({_XLSX, ZIP_TYPE}),
    "pptx": frozenset({_PPTX, ZIP_TYPE}),
    **{ending: frozenset({f"{_ODF}{kind}"}) for ending, kind in (("odt", "text"), ("ods", "spreadsheet"))},
    "odp": frozenset({f"{_ODF}presentation"}),
    "rtf": frozenset({"application/rtf"}),
    "zip": frozenset({ZIP_TYPE}),
    # A line of text may hold a tag.
    **dict.fromkeys(("txt", "csv", "md", "json", "vcf", "ics"), frozenset({PLAIN_TEXT, "text/html"})),
    **dict.fromkeys(("html", "htm"), frozenset({"text/html"})),
    "xml": frozenset({"application/xml", "image/svg+xml"}),
}
# Other names of types, and types that bytes alone do not tell apart.
_TYPES_BY_NAME: dict[str, frozenset[str]] = {
    "image/jpg": frozenset({"image/jpeg"}),
    "image/heif": frozenset({"image/heic"}),
    **{f"application/{name}": frozenset({OLE_TYPE}) for name in ("msword", "vnd.ms-excel", "vnd.ms-powerpoint")},
    **dict.fromkeys((_DOCX, _XLSX, _PPTX), frozenset({ZIP_TYPE})),
    **dict.fromkeys(("text/csv", "application/json", "text/markdown", "text/vcard"), frozenset({PLAIN_TEXT})),
    "text/xml": frozenset({"application/xml"}),
    "application/gzip": frozenset({"application/x-gzip"}),
    "application/x-zip-compressed": frozenset({ZIP_TYPE}),
    "text/rtf": frozenset({"application/rtf"}),
}


def judge_type(head: bytes) -> str:
    """Return the media type of a file that begins with `head`: at most `TYPE_HEAD_BYTES` bytes of it are looked at.

    Text that a browser could take for HTML, SVG or XML is called so wherever in the head its first tag stands.
    """
    head = head[:TYPE_HEAD_BYTES]
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    return _judge_container(head) or _judge_text(head)


def is_type_accepted(accept: list[str], name: str, kind: str) -> bool:
    """Return whether a field with that `accept` takes a file of this name whose bytes are of this type.

    `accept` lists endings such as `.pdf`, media types and families such as `image/*`; an empty one takes any file.
    """
    return not accept or any(_matches_one(one.lower(), name.lower(), kind) for one in accept)


def download_type(kind: str) -> str:
    """Return the Content-Type under which a file of this type is sent."""
    return UNKNOWN_TYPE if kind in ACTIVE_TYPES else kind


def _matches_one(accepted: str, name: str, kind: str) -> bool:
    if accepted.startswith("."):
        expected = _TYPES_BY_ENDING.get(accepted[1:])
        return name.endswith(accepted) and (kind not in ACTIVE_TYPES if expected is None else kind in expected)
    if accepted.endswith("/*"):
        return kind.startswith(accepted[:-1]) and kind != "image/svg+xml"
    return kind == accepted or kind in _TYPES_BY_NAME.get(accepted, ())


def _judge_container(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return next((kind for mark, kind in _RIFF_FORMATS.items() if head[8:].startswith(mark)), None)
    if head[4:8] == b"ftyp":
        return _ISO_BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == _LOCAL_HEADER:
        return _judge_archive(head)
    if head[:2] == b"MZ":
        return "application/x-msdownload"
    # The synchronisation of MPEG audio: eleven set bits, then a layer that is not reserved.
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[:2] != b"\xff\xfe":
        return "audio/mpeg"
    return None


def _judge_archive(head: bytes) -> str:
    if found := _ODF_TYPE(head, _HEADER_BYTES):
        return found[1].decode()
    position = 0
    while position >= 0:
        entry = head[position + _HEADER_BYTES :]
        for folder, kind in _OFFICE_FOLDERS:
            if entry.startswith(folder):
                return kind
        position = head.find(_LOCAL_HEADER, position + 4)
    return ZIP_TYPE


def _judge_text(head: bytes) -> str:
    encoding = next((name for mark, name in _TEXT_MARKS if head.startswith(mark)), None)
    if not encoding and head.translate(None, _BINARY_BYTES) != head:
        return UNKNOWN_TYPE
    text = head.decode(encoding or "latin-1", "ignore").lstrip("\ufeff \t\r\n\f")
    if text.startswith("#!"):
        return "text/x-shellscript"
    if _SVG_TAG(text):
        return "image/svg+xml"
    if _XML_START(text):
        return "application/xml"
    if _HTML_TAG(text):
        return "text/html"
    return PLAIN_TEXT if head else UNKNOWN_TYPE
