"""Bring the catalogues up to date with the templates and the code: `python -m services.console.catalogue_update`.

New messages are added without a translation, and messages that nothing uses any more are removed. A test fails while a
catalogue is out of date or incomplete. A new language is a new folder with an empty `console.po`.
"""

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.console.web.translations import CATALOGUE_NAME, LOCALE_DIR

CONSOLE_DIR = Path(__file__).parent
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"trimmed": "true", "silent": "false", "extensions": "jinja2.ext.do"}}
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "translate": None,
    "ngettext": (1, 2),
    "_n": (1, 2),
    "translate_count": (1, 2),
    "pgettext": ((1, "c"), 2),
}
HEADER = "# The console's texts. Keep to the words and the style of those that are here.\n"


def extracted_messages() -> Catalog:
    """Return a catalogue of all messages in templates and code, sorted by message."""
    catalogue = Catalog()
    for path, _, message, comments, context in extract_from_dir(
        CONSOLE_DIR, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True
    ):
        catalogue.add(message, None, [(path, 0)], auto_comments=comments, context=context)
    return catalogue


def updated_catalogue(path: Path, messages: Catalog) -> bytes:
    """Return the text of a catalogue with exactly these messages, and the translations that it has."""
    language = path.parent.name
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    catalogue.update(messages, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.header_comment = HEADER
    written = io.BytesIO()
    write_po(written, catalogue, width=0, no_location=True, sort_output=True, omit_header=False, ignore_obsolete=True)
    lines = [line for line in written.getvalue().splitlines(True) if not line.startswith(UNSTABLE_HEADERS)]
    return b"".join(lines)


# Dates and versions, which would change with each run.
UNSTABLE_HEADERS = tuple(
    f'"{name}'.encode()
    for name in (
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Generated-By",
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "Last-Translator",
        "Language-Team",
    )
)


def update_catalogues() -> None:
    """Write all catalogues."""
    messages = extracted_messages()
    for path in sorted(LOCALE_DIR.glob(f"*/{CATALOGUE_NAME}")):
        path.write_bytes(updated_catalogue(path, messages))


if __name__ == "__main__":
    update_catalogues()
