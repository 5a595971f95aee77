"""How fast a file of leads is imported, and how much memory the workers take meanwhile: `python -m bench.import_run`.

It posts a made-up file to a running service, watches the import until it has ended, and prints one line of JSON. The
service is a running `./leadhub up`; its processes are found by the folder of its data.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

HEADER = b"first_name,last_name,email,phone,company,custom_fields.budget,tags\n"
ROWS_PER_PIECE = 1_000
POLL_SECONDS = 0.5


async def made_up_file(rows: int, salt: str) -> AsyncIterator[bytes]:
    """Yield a file of so many people, of whom each tenth comes again."""
    yield HEADER
    for start in range(0, rows, ROWS_PER_PIECE):
        yield b"".join(_row(number, salt) for number in range(start, min(start + ROWS_PER_PIECE, rows)))


def _row(number: int, salt: str) -> bytes:
    person = number - 5 if number % 10 == 5 else number
    return (
        f"First{person},Last{person % 7919},p{person}.{salt}@example.com,,"
        f'"Company {person % 997}, Ltd",{number % 1000},bench\n'
    ).encode()


async def run_import(url: str, key: str, rows: int, data_dir: Path, *, dry_run: bool) -> dict[str, Any]:
    """Import a file and return the figures."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as session:
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("file", made_up_file(rows, f"{time.time_ns():x}"), filename="bench.csv")
        began = time.perf_counter()
        path = f"/api/v1/leads/import{'?dry_run=1' if dry_run else ''}"
        async with session.post(path, data=form) as answer:
            answer.raise_for_status()
            place = answer.headers["Location"]
        stored, peak = time.perf_counter(), 0
        while True:
            peak = max(peak, worker_kilobytes(data_dir))
            async with session.get(place) as answer:
                found = (await answer.json())["data"]
            if found["finished_at"]:
                break
            await asyncio.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - stored
    counts = {name: found[name] for name in ("rows", "created", "merged", "unchanged", "invalid")}
    return {
        "state": found["state"],
        **counts,
        "upload_seconds": round(stored - began, 2),
        "seconds": round(seconds, 1),
        "rows_per_second": round(found["rows"] / seconds),
        "largest_worker_megabytes": round(peak / 1024),
    }


def worker_kilobytes(data_dir: Path) -> int:
    """Return the memory of the largest worker on the data dir."""
    largest = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"worker" not in (process / "cmdline").read_bytes():
                continue
            if str(data_dir).encode() not in (process / "environ").read_bytes():
                continue
            status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
        except (OSError, ValueError):
            continue
        largest = max(largest, int(status.get("VmRSS", "0 kB").split()[0]))
    return largest


def main() -> None:
    """Read the arguments, run, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--data-dir", type=Path, default=Path(".leadhub"))
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    found = asyncio.run(run_import(asked.url, asked.key, asked.rows, asked.data_dir, dry_run=asked.dry_run))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
