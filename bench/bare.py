"""BARE: a minimal HTTP server in Python. It parses the JSON of a lead and answers a constant."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from bench.servers import running_command
from bench.targets import Target
from shared.platform.data_dir import free_port

ANSWER_BODY = orjson.dumps({"status": "created", "lead_id": 1842, "is_duplicate": False})


async def receive_lead(request: web.Request) -> web.Response:
    orjson.loads(await request.read())
    return web.Response(body=ANSWER_BODY, status=201, content_type="application/json")


async def check_health(_: web.Request) -> web.Response:
    return web.Response()


async def make_application() -> web.Application:
    application = web.Application()
    application.router.add_get("/health", check_health)
    application.router.add_post("/api/inbound/leads", receive_lead)
    return application


@contextlib.contextmanager
def running_bare_server(folder: Path) -> Iterator[Target]:
    """Run BARE as a process on a port of its own."""
    base = f"http://127.0.0.1:{(port := free_port('127.0.0.1'))}"
    with running_command([sys.executable, "-m", "bench.bare", str(port)], folder / "bare.log", f"{base}/health") as pid:
        yield Target(f"{base}/api/inbound/leads?tenant=main", (pid,))


if __name__ == "__main__":
    uvloop.install()
    web.run_app(make_application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
