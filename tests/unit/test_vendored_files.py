"""Files of npm packages in this repository are those of their table, and an update brings others or nothing."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from docs.vendored_files import (
    NOTICES_NAME,
    PROJECT_ROOT,
    TABLE_NAME,
    PackageRefused,
    bring_packages,
    notices_rows,
    read_table,
)

pytestmark = pytest.mark.unit

HEAD = "| what | where | licence |\n|---|---|---|\n"
PACKAGE = {"license": "0BSD", "origin": "menus", "folder": "static"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_files_are_those_of_the_table() -> None:
    for package in read_table().values():
        folder = PROJECT_ROOT / package["folder"]
        found = {path.name: sha256(path.read_bytes()) for path in folder.iterdir() if path.is_file()}
        assert found == {path.rpartition("/")[2]: digest for path, digest in package["files"].items()}


def test_notices_name_the_packages() -> None:
    assert HEAD + notices_rows(read_table()) in (PROJECT_ROOT / NOTICES_NAME).read_text(encoding="utf-8")


class Registry(HTTPServer):
    """A registry with the package `menus`: version 2 has another script, version 3 has none."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RegistryHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.archives = {version: archive(version) for version in ("1", "2", "3")}

    def describe(self, version: str) -> dict[str, Any]:
        digest = hashlib.sha512(self.archives[version]).digest()
        integrity = f"sha512-{base64.b64encode(digest).decode()}"
        return {"dist": {"tarball": f"{self.url}/{version}.tgz", "integrity": integrity}}


class RegistryHandler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        archives = self.server.archives
        data = archives[name[:-4]] if name.endswith(".tgz") else json.dumps(self.server.describe(name)).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data)


def script(version: str) -> bytes:
    return f"// {version}".encode()


def archive(version: str) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as opened:
        for name, data in (("LICENSE", b"free"), *([] if version == "3" else [("dist/menus.js", script(version))])):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    return written.getvalue()


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def root(tmp_path: Path, registry: Registry) -> Path:
    """A repository with version 1 in its table, and no file yet."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "static").mkdir()
    integrity = registry.describe("1")["dist"]["integrity"]
    files = {"LICENSE": sha256(b"free"), "dist/menus.js": sha256(script("1"))}
    table = {"menus": {"version": "1", "integrity": integrity, **PACKAGE, "files": files}}
    (tmp_path / TABLE_NAME).write_text(json.dumps(table))
    (tmp_path / NOTICES_NAME).write_text(f"Before\n\n{HEAD}| old | `old/` | MIT |\n\nAfter\n")
    return tmp_path


def test_update_without_a_version_brings_what_the_table_says(root: Path, registry: Registry) -> None:
    table = read_table(root)
    bring_packages({}, root, registry.url)
    assert (root / "static" / "menus.js").read_bytes() == script("1")
    assert read_table(root) == table
    assert (root / NOTICES_NAME).read_text() == f"Before\n\n{HEAD}| menus | `static/` | 0BSD |\n\nAfter\n"


def test_update_to_a_version_writes_files_and_table(root: Path, registry: Registry) -> None:
    bring_packages({"menus": "2"}, root, registry.url)
    assert (root / "static" / "menus.js").read_bytes() == script("2")
    package = read_table(root)["menus"]
    assert (package["version"], package["integrity"]) == ("2", registry.describe("2")["dist"]["integrity"])
    assert package["files"]["dist/menus.js"] == sha256(script("2"))


def test_another_archive_than_that_of_the_table_is_refused(root: Path, registry: Registry) -> None:
    registry.archives["1"] = archive("2")
    with pytest.raises(PackageRefused, match="menus 1 has another integrity"):
        bring_packages({}, root, registry.url)
    assert list((root / "static").iterdir()) == []


def test_version_without_one_of_the_files_is_refused(root: Path, registry: Registry) -> None:
    with pytest.raises(PackageRefused, match=r"menus 3 has no dist/menus\.js"):
        bring_packages({"menus": "3"}, root, registry.url)
    assert read_table(root)["menus"]["version"] == "1"


def test_package_that_is_not_in_the_table_is_refused(root: Path, registry: Registry) -> None:
    with pytest.raises(PackageRefused, match="the table has no menu"):
        bring_packages({"menu": "2"}, root, registry.url)
