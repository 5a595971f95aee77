"""The benchmark of imports: rows a second, what a row costs, memory, and whether the export holds every row once."""

import http.client
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import psycopg

from bench.import_files import compare_export, csv_pieces
from bench.processes import cpu_by_role, process_tree
from bench.soak import BYTES_PER_MIB, repeating_every
from bench.stack import BENCH_WORKSPACE, RunningLeadHub, running_leadhub

IMPORTED_ROWS, QUICK_IMPORTED_ROWS = 100_000, 10_000
WATCHED_ROLES = {"worker": "worker", "gateway": "API"}
SAMPLE_SECONDS = 0.5
POLL_SECONDS = 0.5
REQUEST_SECONDS = 600.0
COUNTS = ("rows", "created", "merged", "unchanged", "invalid")
BOUNDARY = "leadhub-bench-import"
STORED_SQL = """
SELECT count(*), count(DISTINCT id) FROM submissions
WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %s) AND channel = %s AND state = 'done'
"""


class ImportClient:
    """Asks the API one thing after another. Raises RuntimeError for any answer but a good one."""

    def __init__(self, running: RunningLeadHub) -> None:
        self._host = urlsplit(running.target.url).netloc
        self._headers = dict(running.target.headers)

    def upload_file(self, path: Path) -> int:
        """Send a file to be imported, and return the id of its import."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="bench.csv"\r\n\r\n'.encode()
        tail = f"\r\n--{BOUNDARY}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Content-Length": str(len(head) + path.stat().st_size + len(tail)),
        }
        answer = self._ask("POST", "/api/v1/leads/import", _body_pieces(head, path, tail), headers)
        return int(orjson.loads(answer.read())["data"]["id"])

    def read_import(self, import_id: int) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self._ask("GET", f"/api/v1/imports/{import_id}").read())["data"]
        return found

    def export_lines(self) -> Iterable[bytes]:
        """Return the leads as lines of JSON, while they arrive."""
        return self._ask("GET", "/api/v1/leads/export?format=ndjson")

    def _ask(
        self, method: str, path: str, body: Iterable[bytes] | None = None, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, timeout=REQUEST_SECONDS)
        connection.request(method, path, body, {**self._headers, **(headers or {})})
        answer = connection.getresponse()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {answer.read(500)!r}")
        return answer


def _body_pieces(head: bytes, path: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with path.open("rb") as file:
        while piece := file.read(256 << 10):
            yield piece
    yield tail


class MemorySamples:
    """The resident MiB of the largest process of each watched role: now and then, and at moments with a name."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peaks = dict.fromkeys(WATCHED_ROLES, 0.0)
        self._moments: dict[str, dict[str, float]] = {}

    def watch(self) -> None:
        """Take a sample for the peaks."""
        self._take()

    def note(self, moment: str) -> None:
        """Take the sample of a moment: `start`, `half` or `end`. The first of each counts."""
        self._moments.setdefault(moment, self._take())

    def _take(self) -> dict[str, float]:
        found = dict.fromkeys(WATCHED_ROLES, 0.0)
        for process in process_tree(self._root):
            if process.role in found:
                found[process.role] = max(found[process.role], process.rss_bytes / BYTES_PER_MIB)
        self._peaks = {role: max(peak, found[role]) for role, peak in self._peaks.items()}
        return found

    def figures(self) -> dict[str, dict[str, float]]:
        """Return the MiB of each role by moment, with the peak."""
        return {
            label: {**{moment: found[role] for moment, found in self._moments.items()}, "peak": self._peaks[role]}
            for role, label in WATCHED_ROLES.items()
        }


def measure_imports(folder: Path, rows: int) -> dict[str, Any]:
    """Import so many made-up rows, export them, and return the figures with the ledger of the rows."""
    file = folder / "people.csv"
    with file.open("wb") as written:
        written.writelines(csv_pieces(rows))
    with running_leadhub(folder / "leadhub") as running:
        client, memory = ImportClient(running), MemorySamples(running.root_pid)
        memory.note("start")
        before = cpu_by_role(running.root_pid)
        with repeating_every(SAMPLE_SECONDS, memory.watch):
            began = time.perf_counter()
            import_id = client.upload_file(file)
            stored = time.perf_counter()
            found = _watch_import(client, import_id, memory)
            seconds = time.perf_counter() - stored
        cpu = cpu_by_role(running.root_pid) - before
        print("the export", file=sys.stderr)
        asked = time.perf_counter()
        compared = compare_export(rows, client.export_lines())
        figures = {
            "state": found["state"],
            **{name: found[name] for name in COUNTS},
            "upload_seconds": stored - began,
            "seconds": seconds,
            "rows_per_second": found["rows"] / seconds,
            "cpu": {role: us / rows for role, us in sorted(cpu.items())},
            "memory": memory.figures(),
            "export": {"leads": compared["leads"], "seconds": time.perf_counter() - asked},
        }
        return {"import": figures, "ledger": _ledger_of(running, import_id, rows, compared)}


def _watch_import(client: ImportClient, import_id: int, memory: MemorySamples) -> dict[str, Any]:
    told = 0.0
    while not (found := client.read_import(import_id))["finished_at"]:
        if found["progress"] >= 0.5:
            memory.note("half")
        if found["progress"] >= told + 0.1:
            told = found["progress"]
            print(f"{told:.0%} of the import", file=sys.stderr)
        time.sleep(POLL_SECONDS)
    memory.note("half")  # of an import that was too quick to be met half way
    memory.note("end")
    return found


def _ledger_of(running: RunningLeadHub, import_id: int, rows: int, compared: Counter[str]) -> dict[str, int]:
    """Return how many rows are missing or stored twice, as submissions or as leads of the export."""
    with psycopg.connect(running.database_url) as database:
        [(stored, distinct)] = database.execute(STORED_SQL, (BENCH_WORKSPACE, f"import:{import_id}")).fetchall()
    return {
        "acknowledged": rows,
        "lost": rows - distinct + compared["lost"],
        "doubled": stored - distinct + compared["doubled"],
        "different": compared["different"],
    }
