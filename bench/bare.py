"""BARE: a minimal HTTP server in Python. It parses the JSON of a lead and answers a constant."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import uvloop
from aiohttp import web

from bench.contest import Contestant
from bench.servers import running
from shared.embedded.datadir import free_port

ANSWER = orjson.dumps({"status": "created", "lead_id": 1842, "is_duplicate": False})


async def inbound(request: web.Request) -> web.Response:
    orjson.loads(await request.read())
    return web.Response(body=ANSWER, status=201, content_type="application/json")


async def health(_: web.Request) -> web.Response:
    return web.Response()


async def app() -> web.Application:
    application = web.Application()
    application.router.add_get("/health", health)
    application.router.add_post("/api/inbound/leads", inbound)
    return application


@contextlib.contextmanager
def bare(folder: Path) -> Iterator[Contestant]:
    """Run BARE as a process on a port of its own."""
    base = f"http://127.0.0.1:{(port := free_port('127.0.0.1'))}"
    with running([sys.executable, "-m", "bench.bare", str(port)], folder / "bare.log", f"{base}/health") as pid:
        yield Contestant(f"{base}/api/inbound/leads?tenant=main", (pid,))


if __name__ == "__main__":
    uvloop.install()
    web.run_app(app(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
