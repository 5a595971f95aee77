"""A person whose traces can be looked for: in a whole database, in folders and logs."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedded.postgres_programs import find_postgres_programs

CANARY_EMAIL, CANARY_PHONE = "canary.verylongbird@example.com", "+442079460018"
CANARY: dict[str, Any] = {
    "first_name": "Canaria",
    "last_name": "Verylongbird",
    "email": CANARY_EMAIL,
    "phone": CANARY_PHONE,
}
CANARY_CONTENT = b"%PDF-1.7 Canaria Verylongbird and what she wrote"
# Each is in some form of the person: as typed, normalised, in lower case.
_WORDS = (b"canary.verylongbird", b"2079460018", b"20 7946 0018", b"canaria", b"verylongbird")
NEEDLES = (*_WORDS, *(word.hex().encode() for word in _WORDS))


def quoting_lines(text: bytes) -> list[str]:
    """The lines that quote the person, cut short."""
    return [
        line[:200].decode(errors="replace")
        for line in text.splitlines()
        if any(needle in line.lower() for needle in NEEDLES)
    ]


def quoting_rows(url: str) -> list[str]:
    """What a full dump of a database says of the person, bytes as hexadecimal digits."""
    command = [str(find_postgres_programs().path("pg_dump")), f"--dbname={url}", "--data-only", "--inserts"]
    return quoting_lines(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def quoting_files(folder: Path) -> list[Path]:
    """The files of a folder that quote the person."""
    return [path for path in _files_of(folder) if any(needle in path.read_bytes().lower() for needle in _WORDS)]


def _files_of(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder):
        for name in names:
            file = Path(path) / name
            if file.is_file():
                yield file
