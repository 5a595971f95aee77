"""Templates, style sheets and scripts are short, and made of parts of one behaviour each."""

from pathlib import Path

import pytest

from services.api.openapi.handlers import STATIC_DIR as API_STATIC_DIR
from services.console.web.rendering import FEATURE_TEMPLATES, SHARED_TEMPLATES
from services.console.web.static_files import STATIC_DIR
from shared.form_pages.form_stylesheet import STYLESHEET_FILE
from shared.form_pages.page_rendering import TEMPLATE_DIR

pytestmark = pytest.mark.unit

PROJECT_ROOT = Path(__file__).parents[2]
TEMPLATES = [
    path
    for folder in (SHARED_TEMPLATES, *FEATURE_TEMPLATES.values(), TEMPLATE_DIR)
    for path in sorted(folder.iterdir())
]
FORM_SCRIPTS = sorted(TEMPLATE_DIR.with_name("scripts").rglob("*.js"))
CONSOLE_SCRIPTS = [path for path in sorted(STATIC_DIR.rglob("*.js")) if path.parent.name != "vendor"]
SCRIPTS = [*FORM_SCRIPTS, *CONSOLE_SCRIPTS, *sorted(API_STATIC_DIR.glob("*.js"))]
# Files of npm and generated ones are left out.
APP_FOLDERS = ("zapier", "typescript", "pipedream", "n8n-nodes-leadhub")
APP_SCRIPTS = [
    path
    for folder in APP_FOLDERS
    for ending in ("js", "mjs", "ts")
    for path in sorted((PROJECT_ROOT / "integrations" / folder).rglob(f"*.{ending}"))
    if not {"node_modules", "dist"} & set(path.parts) and path.name != "schema.ts"
]
STYLES = [
    *sorted((STATIC_DIR / "styles").rglob("*.css")),
    *(path for folder in (API_STATIC_DIR, STYLESHEET_FILE.parent) for path in sorted(folder.glob("*.css"))),
]
MAX_COLUMNS = 120
MAX_PAGE_LINES, MAX_PART_LINES = 80, 120
MAX_SCRIPT_LINES = 200


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_lines_fit_120_columns() -> None:
    long = [
        f"{path.relative_to(PROJECT_ROOT)}:{number}"
        for path in (*TEMPLATES, *SCRIPTS, *APP_SCRIPTS, *STYLES)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > MAX_COLUMNS
    ]
    assert long == []


def test_scripts_of_integrations_are_found() -> None:
    assert {path.relative_to(PROJECT_ROOT).parts[1] for path in APP_SCRIPTS} == set(APP_FOLDERS)


def test_pages_are_short_and_made_of_parts() -> None:
    lengths = {path: line_count(path) for path in TEMPLATES}
    assert [path.name for path, n in lengths.items() if n > MAX_PAGE_LINES and is_whole_page(path)] == []
    assert [path.name for path, n in lengths.items() if n > MAX_PART_LINES] == []


def is_whole_page(path: Path) -> bool:
    return path.name.endswith("_page.html") if path.parent == TEMPLATE_DIR else not path.name.startswith("_")


def test_scripts_are_under_200_lines() -> None:
    assert len(FORM_SCRIPTS) > 20
    assert len(CONSOLE_SCRIPTS) > 30
    assert [path.name for path in SCRIPTS if line_count(path) >= MAX_SCRIPT_LINES] == []
