"""Make the archive that WordPress installs: `python -m integrations.wordpress.plugin_archive [FOLDER]`.

The same files make the same bytes: the entries are in order and carry no time.
"""

import re
import sys
import zipfile
from pathlib import Path

PLUGIN_DIR = Path(__file__).parent / "leadhub"
ARCHIVED_ENDINGS = frozenset({".php", ".js", ".css", ".json", ".txt", ".po", ".mo"})
ARCHIVED_NAMES = frozenset({"LICENSE"})
NO_TIME = (1980, 1, 1, 0, 0, 0)
VERSION_LINE = re.compile(r"^ \* Version: +(\S+)$", re.MULTILINE)


def archived_files() -> list[Path]:
    """Return the files of the archive, in order."""
    files = (path for path in PLUGIN_DIR.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in files if path.suffix in ARCHIVED_ENDINGS or path.name in ARCHIVED_NAMES)


def plugin_version() -> str:
    """Return the version that the plugin's head names."""
    (version,) = VERSION_LINE.findall((PLUGIN_DIR / "leadhub.php").read_text(encoding="utf-8"))
    return str(version)


def write_archive(folder: Path) -> Path:
    """Write `leadhub-VERSION.zip` into a folder, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"leadhub-{plugin_version()}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in archived_files():
            entry = zipfile.ZipInfo(f"leadhub/{path.relative_to(PLUGIN_DIR).as_posix()}", NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return target


if __name__ == "__main__":
    sys.stdout.write(f"{write_archive(Path(*sys.argv[1:2]))}\n")
