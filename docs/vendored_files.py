"""Bring files of npm packages that stand in this repository: `.venv/bin/python -m docs.vendored_files [NAME VERSION]`.

`docs/vendored_files.json` names the packages with their versions and the SHA-256 of each file. With a name and a
version, that package is brought to the version first. The table and THIRD-PARTY-NOTICES.md are written too.
"""

import base64
import hashlib
import io
import json
import re
import sys
import tarfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).parents[1]
TABLE_NAME = "docs/vendored_files.json"
NOTICES_NAME = "THIRD-PARTY-NOTICES.md"
REGISTRY_URL = "https://registry.npmjs.org"
MAX_PACKAGE_BYTES = 100 << 20
NOTICES_TABLE = re.compile(r"(?<=\| what \| where \| licence \|\n\|---\|---\|---\|\n)(\|.*\n)+")


class PackageRefused(Exception):
    """A package is not what the registry or the table says; the message says which."""


def read_table(root: Path = PROJECT_ROOT) -> dict[str, dict[str, Any]]:
    """Return the packages by name: `version`, `integrity`, `license`, `origin`, `folder`, and `files` with SHA-256.

    Licence and origin are written by hand: registries spell them in several ways.
    """
    found: dict[str, dict[str, Any]] = json.loads((root / TABLE_NAME).read_text(encoding="utf-8"))
    return found


def notices_rows(table: dict[str, dict[str, Any]]) -> str:
    """Return the rows of THIRD-PARTY-NOTICES.md about these packages."""
    return "".join(f"| {one['origin']} | `{one['folder']}/` | {one['license']} |\n" for one in table.values())


def bring_packages(new_versions: Mapping[str, str], root: Path = PROJECT_ROOT, registry: str = REGISTRY_URL) -> None:
    """Write the files of all packages, the table and the notices. Raises PackageRefused, and has written nothing then.

    `new_versions` names the packages that get another version. A package at the version of the table must have the
    table's integrity, a new one that of the registry.
    """
    table, written = read_table(root), dict[Path, bytes]()
    if unknown := new_versions.keys() - table.keys():
        raise PackageRefused(f"the table has no {', '.join(sorted(unknown))}")
    for name, package in table.items():
        version = new_versions.get(name, package["version"])
        described = json.loads(_download(f"{registry}/{name}/{version}"))
        if version != package["version"]:
            package |= {"version": version, "integrity": described["dist"]["integrity"]}
        files = _unpack(name, package, _download(described["dist"]["tarball"]))
        package["files"] = _digests(files)
        written |= {root / package["folder"] / path.rpartition("/")[2]: data for path, data in files.items()}
    for path, data in written.items():
        path.write_bytes(data)
    (root / TABLE_NAME).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    notices = (root / NOTICES_NAME).read_text(encoding="utf-8")
    (root / NOTICES_NAME).write_text(NOTICES_TABLE.sub(lambda _: notices_rows(table), notices), encoding="utf-8")


def _download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - of the registry
        data: bytes = answer.read(MAX_PACKAGE_BYTES + 1)
    if len(data) > MAX_PACKAGE_BYTES:
        raise PackageRefused(f"{url} is larger than {MAX_PACKAGE_BYTES >> 20} MiB")
    return data


def _unpack(name: str, package: dict[str, Any], archive: bytes) -> dict[str, bytes]:
    """Return the files of the table from a package's archive."""
    if package["integrity"] != f"sha512-{base64.b64encode(hashlib.sha512(archive).digest()).decode()}":
        raise PackageRefused(f"{name} {package['version']} has another integrity")
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        found = {path: _member(opened, path) for path in package["files"]}
    if missing := [path for path, data in found.items() if data is None]:
        raise PackageRefused(f"{name} {package['version']} has no {', '.join(missing)}")
    return {path: data for path, data in found.items() if data is not None}


def _member(opened: tarfile.TarFile, path: str) -> bytes | None:
    try:
        file = opened.extractfile(f"package/{path}")
    except KeyError:
        return None
    return file.read() if file else None


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}


if __name__ == "__main__":
    bring_packages(dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True)))
