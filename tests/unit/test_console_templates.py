"""The console's templates keep to its policy, and its catalogues are complete."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from services.console.catalogue_update import extracted_messages, updated_catalogue
from services.console.web.rendering import CONSOLE_DIR, FEATURE_TEMPLATES, SHARED_TEMPLATES
from services.console.web.static_files import STATIC_DIR, STYLE_SHEET
from services.console.web.translations import CATALOGUE_NAME, LOCALE_DIR
from shared.platform.style_sheets import joined_style_sheet

pytestmark = pytest.mark.unit

TEMPLATES = [path for folder in (SHARED_TEMPLATES, *FEATURE_TEMPLATES.values()) for path in sorted(folder.iterdir())]
SCRIPTS = [path for path in sorted(STATIC_DIR.rglob("*.js")) if path.parent.name != "vendor"]
CATALOGUES = sorted(LOCALE_DIR.glob(f"*/{CATALOGUE_NAME}"))
MAX_SHORT_NAMES = 0.05  # of the classes: those of three letters or fewer
HOOK_CLASSES = {"filter-drop", "rule-value"}  # scripts and tests find elements by them
COMPOSED_CLASSES = ("banner-", "c-", "hue-", "syntax-")  # their ends are values
VENDORED = STATIC_DIR / "vendor"
FORBIDDEN = {
    "a style attribute": r"<[^<>]*\sstyle\s*=",
    "an event attribute": r"<[a-z][^<>]*\son[a-z]+\s*=",
    "a style element": r"<style\b",
    "an inline script": r"<script(?![^>]*\b(?:src=|type=\"speculationrules\"))",  # such rules are data
    "text that is not escaped": r"\|\s*safe\b|autoescape\s+false",
    "a script as an address": r"javascript:",
    "another host": r"(?:src|href|action)=\"(?:https?:)?//",
}
JINJA_QUOTES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
ELEMENT = re.compile(r"<[a-z][\w-]*\b(?:\{\{.*?\}\}|\{%.*?%\}|\"[^\"]*\"|'[^']*'|[^<>\"'])*>", re.DOTALL)


def test_class_names_say_what_they_are() -> None:
    names = _styled_classes()
    assert len(names) > 300
    assert len([name for name in names if len(name) <= 3]) < MAX_SHORT_NAMES * len(names)


def test_classes_of_templates_have_rules() -> None:
    attributes = [
        attribute
        for path in TEMPLATES
        for attribute in re.findall(r'\sclass="([^"]*)"', JINJA_QUOTES.sub(" ", path.read_text(encoding="utf-8")))
    ]
    whole_names = {name for attribute in attributes for name in attribute.split() if not name.endswith("-")}
    assert whole_names - _styled_classes() - HOOK_CLASSES == set()


def test_rules_of_the_style_sheet_are_for_classes_that_somebody_writes() -> None:
    sources = [*TEMPLATES, *SCRIPTS, *CONSOLE_DIR.rglob("*.py")]
    words = {word for path in sources for word in re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))}
    assert [name for name in _styled_classes() - words if not name.startswith(COMPOSED_CLASSES)] == []


def test_imported_macros_exist() -> None:
    """Jinja says so only where a page calls one."""
    texts = {_template_name(path): path.read_text(encoding="utf-8") for path in TEMPLATES}
    missing = [
        f"{name}: {macro} of {source}"
        for name, text in texts.items()
        for source, macros in re.findall(r'{% from "([^"]+)" import ([^%]*?)(?: with context)? %}', text)
        for macro in (part.split(" as ")[0].strip() for part in macros.split(","))
        if not re.search(rf"{{% macro {macro}\(", texts[source])
    ]
    assert missing == []


def test_one_macro_makes_the_dialogues() -> None:
    with_dialogue = {path.name for path in TEMPLATES if 'role="dialog"' in path.read_text(encoding="utf-8")}
    assert with_dialogue == {"_dialog.html", "_embed.html"}  # the second has tabs in place of a form


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_template_keeps_to_the_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    markup = JINJA_QUOTES.sub("", text)
    found = [name for name, pattern in FORBIDDEN.items() if re.search(pattern, markup, re.IGNORECASE)]
    assert found == []
    assert not re.search(FORBIDDEN["text that is not escaped"], text)


def test_elements_with_htmx_attributes_have_the_nonce() -> None:
    elements = [element for path in TEMPLATES for element in ELEMENT.findall(path.read_text(encoding="utf-8"))]
    with_htmx = [
        element for element in elements if re.search(r"\shx-[\w:-]+\s*(=|\s|>)", JINJA_QUOTES.sub("", element))
    ]
    assert with_htmx
    assert [element for element in with_htmx if "nonced()" not in element] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_of_the_console_make_no_markup(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    makers = r"\.(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function|setHTMLUnsafe|\.srcdoc"
    assert re.findall(makers, script) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.name)
def test_catalogue_has_the_messages_of_the_pages(path: Path) -> None:
    assert updated_catalogue(path, extracted_messages()) == path.read_bytes()


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.name)
def test_catalogue_is_complete(path: Path) -> None:
    with path.open("rb") as file:
        messages = [message for message in read_po(file, locale=path.parent.name) if message.id]
    assert [message.id for message in messages if not _is_translated(message)] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.name)
def test_numbers_of_leads_keep_their_sign_before_them(path: Path) -> None:
    """After Arabic letters `#8090` is seen as `8090#`, unless a mark for left to right stands before it."""
    texts = re.findall(r'^msgstr.*"(.*#%\(.*)"$', path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert texts
    assert [text for text in texts if text.count("\u200e#%(") != text.count("#%(")] == []


def _is_translated(message: Message) -> bool:
    forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return bool(forms) and all(forms) and not message.fuzzy


def _styled_classes() -> set[str]:
    selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", "", joined_style_sheet(STYLE_SHEET), flags=re.DOTALL)
    return set(re.findall(r"\.([a-z][\w-]*)", selectors))


def _template_name(path: Path) -> str:
    """Return what other templates call a template: with its feature, unless all features share it."""
    return path.name if path.parent == SHARED_TEMPLATES else f"{path.parent.parent.name}/{path.name}"
