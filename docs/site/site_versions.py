"""The versions of a built site: their list, and `latest`, whose pages lead to those of the newest version."""

import html
import json
import os
import shutil
from pathlib import Path
from typing import Any

LIST_NAME = "versions.json"  # as the theme's switch reads it
LATEST_NAME = "latest"
REDIRECT_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>LeadHub</title>
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="1; url={address}">
<script>location.replace({script_address} + location.hash)</script>
</head>
<body><a href="{address}">{address}</a></body>
</html>
"""


def add_version(root: Path, version: str) -> None:
    """Put a version that was built below `root` into the list there, and lead `latest` to the newest."""
    path = root / LIST_NAME
    listed: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    names = {entry["version"] for entry in listed if (root / entry["version"]).is_dir()} | {version}
    newest, *older = sorted(names, key=_sort_key, reverse=True)
    entries = [_entry(newest, [LATEST_NAME]), *(_entry(name, []) for name in older)]
    path.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    _write_latest(root, newest)
    (root / "index.html").write_text(_redirect(f"{LATEST_NAME}/"), encoding="utf-8")


def _entry(version: str, aliases: list[str]) -> dict[str, Any]:
    return {"version": version, "title": version, "aliases": aliases}


def _sort_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _write_latest(root: Path, newest: str) -> None:
    shutil.rmtree(root / LATEST_NAME, ignore_errors=True)
    for page in sorted((root / newest).rglob("index.html")):
        folder = root / LATEST_NAME / page.parent.relative_to(root / newest)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(_redirect(os.path.relpath(page.parent, folder) + "/"), encoding="utf-8")


def _redirect(address: str) -> str:
    return REDIRECT_PAGE.format(address=html.escape(address), script_address=json.dumps(address))
