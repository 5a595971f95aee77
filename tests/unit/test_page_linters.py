"""Style sheets and scripts are checked where npm is, and a machine without it is told so."""

import subprocess
from pathlib import Path

import pytest

from cli import page_linters
from cli.embed_script import build_script
from cli.page_linters import page_linter_commands, page_tool
from embedded.process import PROJECT_ROOT

pytestmark = pytest.mark.unit

WRONG_TYPE = 'import { pause } from "./values.js";\n\npause("a while");\n'


def test_nothing_is_checked_where_npm_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page_linters, "INSTALL_FOLDER", tmp_path / "linters")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert page_linter_commands() == {}
    assert build_script() is None


def test_types_of_scripts_are_checked(tmp_path: Path) -> None:
    tsc = page_tool("tsc")
    if tsc is None:
        pytest.skip("needs npm, and its registry for the first time")
    (tmp_path / "linters").symlink_to(page_linters.LINTERS_FOLDER)
    (tmp_path / "wrong.js").write_text(WRONG_TYPE.replace("./", f"{PROJECT_ROOT}/shared/form_pages/scripts/"))
    (tmp_path / "tsconfig.json").write_text('{"extends": "./linters/tsconfig.json", "include": ["wrong.js"]}')
    checked = subprocess.run(
        [tsc, "--project", str(tmp_path)], check=False, capture_output=True, text=True, timeout=300
    )
    assert "wrong.js(3,7): error TS2345" in checked.stdout
