"""The router of `deploy/haproxy-cells.cfg`: a key, a form, a webhook or a host leads to its cell, all else to none."""

import hashlib
import http.client
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.auth.key_format import generate_key
from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support.waiting import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed"),
]
TOKEN = "mSW_xrevUbxiOZkpruo6M6e0zZJ9CWnA8sBuVTCNhOQ"
KEYS = {cell: generate_key().secret for cell in ("north", "south", "closed", "nowhere")}


@contextmanager
def serving_cell(name: str) -> Iterator[str]:
    """The address of a server that answers with its name."""

    class CellHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), CellHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a router in front of the cells `north` and `south`."""
    folder, port = tmp_path_factory.mktemp("cells"), free_port("127.0.0.1")
    digest = hashlib.sha256(TOKEN.encode()).hexdigest().upper()
    lines = {
        "keys": "".join(f"{KEYS[cell][:9]} {cell}\n" for cell in ("north", "south", "closed")),
        "forms": "w_3zoZrk6QSjKBay south\n",
        "webhooks": f"{digest} south\n",
        "hosts": "north.example.com north\n",
    }
    for name, text in lines.items():
        (folder / f"{name}.map").write_text(text)
    with ExitStack() as opened:
        north, south = (opened.enter_context(serving_cell(cell)) for cell in ("north", "south"))
        env = {"CELLS_BIND": f"127.0.0.1:{port}", "CELLS_SOCKET": str(folder / "s"), "CELLS_MAPS": str(folder)}
        opened.enter_context(running_router(folder, {**env, "CELL_NORTH": north, "CELL_SOUTH": south}))
        until(lambda: _is_open(port), what="the router")
        yield port


@contextmanager
def running_router(folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    command = ["haproxy", "-db", "-f", str(PROJECT_ROOT / "deploy" / "haproxy-cells.cfg")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _is_open(port: int) -> bool:
    try:
        return ask(port, "/x", Host="north.example.com") == (200, "north")
    except OSError:
        return False


def ask(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": "crm.example.com", **headers})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body if answer.status == 200 else ""


ROUTES = [
    ("/api/v1/leads", {"Authorization": f"Bearer {KEYS['north']}"}, (200, "north")),
    ("/api/inbound/leads", {"Authorization": f"Bearer {KEYS['south']}"}, (200, "south")),
    ("/api/v1/leads", {"Authorization": f"Bearer {KEYS['closed']}"}, (503, "")),
    ("/api/v1/leads", {"Authorization": f"Bearer {KEYS['nowhere']}"}, (404, "")),
    ("/api/v1/leads", {"Authorization": f"Bearer {KEYS['north'][:9]}"}, (404, "")),
    ("/f/w_3zoZrk6QSjKBay", {}, (200, "south")),
    ("/f/w_3zoZrk6QSjKBay/embed", {}, (200, "south")),
    ("/f/other", {}, (404, "")),
    (f"/api/inbound/webhooks/{TOKEN}", {}, (200, "south")),
    (f"/api/inbound/webhooks/{TOKEN[:-1]}", {}, (404, "")),
    ("/console", {"Host": "North.example.com:8000"}, (200, "north")),
    ("/console", {}, (404, "")),
]


@pytest.mark.parametrize(("path", "headers", "answer"), ROUTES)
def test_a_request_reaches_its_cell(router: int, path: str, headers: dict[str, str], answer: tuple[int, str]) -> None:
    assert ask(router, path, **headers) == answer
