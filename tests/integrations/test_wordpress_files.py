"""The files of the WordPress plugin: its archive, its texts, and the versions that it names."""

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from integrations.wordpress.plugin_archive import PLUGIN_DIR, plugin_version, write_archive
from integrations.wordpress.plugin_texts import TEXTS_DIR, catalogue_files
from tests.support.wordpress import PHP

# Functions and syntax of PHP 8 that PHP 7.4 has not, in lines of code.
NEWER_PHP = re.compile(
    r"\b(str_(contains|starts_with|ends_with)|array_is_list|get_debug_type|match|enum|readonly|array_find)\s*\(?\s*[({$]"
    r"|,\s*\)\s*(:\s*\??\w+\s*)?\{|\?->|#\[|\bstatic fn [^(]|function __construct\(\s*(private|public|protected)"
)


def test_archive_holds_what_is_installed(tmp_path: Path) -> None:
    archive = write_archive(tmp_path)
    assert archive.name == f"leadhub-{plugin_version()}.zip"
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    folders = {name.split("/")[1] for name in names}
    assert all(name.startswith("leadhub/") for name in names)
    assert folders == {
        *("LICENSE", "leadhub.php", "readme.txt", "uninstall.php"),
        *("assets", "block", "includes", "languages"),
    }
    for name in ("languages/leadhub-ar.mo", "block/block.json", "assets/admin.css", "includes/QueueTable.php"):
        assert f"leadhub/{name}" in names
    assert archive.read_bytes() == write_archive(tmp_path / "again").read_bytes()


def test_versions_agree() -> None:
    readme = (PLUGIN_DIR / "readme.txt").read_text(encoding="utf-8")
    head = (PLUGIN_DIR / "leadhub.php").read_text(encoding="utf-8")
    plugin = (PLUGIN_DIR / "includes" / "Plugin.php").read_text(encoding="utf-8")
    assert f"Stable tag: {plugin_version()}\n" in readme
    assert f"VERSION = '{plugin_version()}'" in plugin
    for line in ("Requires at least", "Requires PHP"):
        (in_readme,) = re.findall(rf"^{line}: +(\S+)$", readme, re.MULTILINE)
        assert re.search(rf"{line}: +{re.escape(in_readme)}\n", head)


def test_texts_are_up_to_date_and_translated() -> None:
    """If they are not: `python -m integrations.wordpress.plugin_texts`, then translate what is empty."""
    for path, content in catalogue_files().items():
        assert path.read_bytes() == content, path.name
    with (TEXTS_DIR / "leadhub-ar.po").open("rb") as file:
        messages = list(read_po(file, locale="ar"))
    assert [m.id for m in messages if m.id and (not m.string or not all([*m.string]) or m.fuzzy)] == []


def test_code_is_that_of_php_7_4() -> None:
    if PHP is None:
        pytest.skip("there is no php here")
    files = sorted(PLUGIN_DIR.rglob("*.php"))
    command = [PHP, "-l", *map(str, files)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout
    for path in files:
        code = path.read_text(encoding="utf-8")
        assert NEWER_PHP.search(code) is None, (path.name, NEWER_PHP.search(code))
        assert "defined('ABSPATH') || exit;" in code or "defined('WP_UNINSTALL_PLUGIN') || exit;" in code
        assert max(map(len, code.splitlines())) <= 120, path.name
