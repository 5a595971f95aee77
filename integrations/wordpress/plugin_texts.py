"""Bring the plugin's catalogues up to date with its code: `python -m integrations.wordpress.plugin_texts`.

It writes `leadhub.pot`, and the `.po` and `.mo` of each language. New messages are added without a translation, and
those that nothing uses any more are removed. A test fails while a catalogue is out of date or incomplete.
"""

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from integrations.wordpress.plugin_archive import PLUGIN_DIR

TEXTS_DIR = PLUGIN_DIR / "languages"
TEMPLATE_FILE = TEXTS_DIR / "leadhub.pot"
HEADER = "# The texts of LeadHub's WordPress plugin.\n"
UNSTABLE_HEADERS = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By', b'"Last-Translator', b'"Project-Id')
NO_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # so that the same texts make the same bytes

_TEXT = r"'((?:[^'\\]|\\.)*)'"
_SINGLE = re.compile(rf"\b(?:esc_html__|esc_attr__|__)\(\s*{_TEXT}\s*,\s*'leadhub'")
_PLURAL = re.compile(rf"\b_n\(\s*{_TEXT}\s*,\s*{_TEXT}\s*,")
_DESCRIPTION = re.compile(r"^ \* Description: +(.+)$", re.MULTILINE)


def extracted_messages() -> Catalog:
    """Return a catalogue of all messages of the plugin's code."""
    catalogue = Catalog()
    for path in sorted(PLUGIN_DIR.rglob("*.php")):
        for message in _code_messages(path.read_text(encoding="utf-8")):
            catalogue.add(message)
    for context, text in _block_messages():
        catalogue.add(text, context=context)
    return catalogue


def catalogue_files() -> dict[Path, bytes]:
    """Return what each file of the folder of texts should have."""
    messages = extracted_messages()
    files = {TEMPLATE_FILE: _po_text(messages)}
    for path in sorted(TEXTS_DIR.glob("*.po")):
        language = path.stem.removeprefix("leadhub-")
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        catalogue.update(messages, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        files[path] = _po_text(catalogue)
        files[path.with_suffix(".mo")] = _mo_bytes(files[path], language)
    return files


def _code_messages(code: str) -> Iterator[str | tuple[str, str]]:
    if description := _DESCRIPTION.search(code):
        yield description.group(1)
    for found in _SINGLE.finditer(code):
        yield _unquoted(found.group(1))
    for found in _PLURAL.finditer(code):
        yield _unquoted(found.group(1)), _unquoted(found.group(2))


def _block_messages() -> Iterator[tuple[str, str]]:
    """Yield the texts of the block, with the contexts by which WordPress translates them."""
    block = json.loads((PLUGIN_DIR / "block" / "block.json").read_text(encoding="utf-8"))
    yield "block title", block["title"]
    yield "block description", block["description"]
    for keyword in block["keywords"]:
        yield "block keyword", keyword


def _unquoted(text: str) -> str:
    return text.replace("\\'", "'").replace("\\\\", "\\")


def _po_text(catalogue: Catalog) -> bytes:
    catalogue.header_comment = HEADER
    catalogue.fuzzy = False  # a fuzzy head is left out of the .mo, and with it the rule for plurals
    written = io.BytesIO()
    write_po(written, catalogue, width=0, no_location=True, sort_output=True, ignore_obsolete=True)
    return b"".join(line for line in written.getvalue().splitlines(True) if not line.startswith(UNSTABLE_HEADERS))


def _mo_bytes(po_text: bytes, language: str) -> bytes:
    written = io.BytesIO()
    catalogue = read_po(io.BytesIO(po_text), locale=language)
    catalogue.creation_date = catalogue.revision_date = NO_TIME
    write_mo(written, catalogue)
    return written.getvalue()


if __name__ == "__main__":
    for file_path, content in catalogue_files().items():
        file_path.write_bytes(content)
