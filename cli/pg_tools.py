"""PostgreSQL's own programs: those of the machine if they are new enough, otherwise those of the embedded server.

The embedded programs support neither TLS nor servers that are newer than themselves.
"""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import IO, Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli.archive import COPY_CHUNK_BYTES
from embedded.postgres_programs import find_postgres_programs, read_major_version
from embedded.unprivileged import RunAs, guarded_command


def find_pg_dump(server_major: int, *, embedded: bool, programs_folder: str = "") -> str:
    """Return the pg_dump for a server of this major version. RuntimeError if there is none.

    `programs_folder` is that of the setting for the embedded server.
    The embedded pg_dump is used for the embedded server: a newer one may write a format that the embedded pg_restore
    of another machine cannot read.
    """
    program = None if embedded else _program_on_path("pg_dump", server_major)
    if program:
        return program
    programs = find_postgres_programs(programs_folder)
    if server_major > programs.major_version:
        remedy = "put that server's own pg_dump on the PATH"
        raise RuntimeError(f"pg_dump {programs.major_version} cannot read PostgreSQL {server_major}; {remedy}")
    return str(programs.path("pg_dump"))


def find_pg_restore(server_major: int, dump: IO[bytes], programs_folder: str = "") -> str:
    """Return the pg_restore for a server of this major version that can read the dump. Rewind the dump."""
    program = _program_on_path("pg_restore", server_major)
    is_fit = program is not None and _can_read_dump(program, dump)
    dump.seek(0)
    return program if program and is_fit else str(find_postgres_programs(programs_folder).path("pg_restore"))


def client_command(program: str, url: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return command line and environment. The password goes into the environment, since a command line is public."""
    parts: dict[str, Any] = conninfo_to_dict(url)
    password = parts.pop("password", None)
    command = (program, f"--dbname={make_conninfo(**parts)}", *arguments)
    secret = {"PGPASSWORD": str(password)} if password else {}
    return guarded_command(command, RunAs.NONE, signal.SIGKILL), {**os.environ, "LC_ALL": "C", **secret}


def _program_on_path(name: str, min_major: int) -> str | None:
    """Return the path of a program on the PATH with at least that major version, or None."""
    path = shutil.which(name)
    return path if path and (read_major_version(path) or 0) >= min_major else None


def _can_read_dump(program: str, dump: IO[bytes]) -> bool:
    """Return whether a pg_restore, which may be older than the pg_dump, knows the format."""
    command, quiet = [program, "--list"], subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as process:
        assert process.stdin  # noqa: S101 - a pipe, as asked for above
        with suppress(BrokenPipeError), process.stdin as sink:  # it has read the table of contents
            shutil.copyfileobj(dump, sink, COPY_CHUNK_BYTES)
    return process.returncode == 0
