"""What tells whether two processes use the same spool, the same broker and the same key.

A fingerprint is a salted and slow hash (scrypt), shortened: it names no host, no password and no key, and to guess one
costs as much as a login.
"""

import hashlib
import socket
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from shared.settings import Settings
from shared.vault import source, split

SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 6}
PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
LOOPBACK = ("localhost", "127.", "::1")

Fingerprints = Mapping[str, str]


def fingerprints_of(settings: Settings) -> Callable[[], Fingerprints]:
    """What a service with those settings uses, by name. The answer is slow at first (0.1 s), and reads the data dir's
    key anew each time: `secrets rotate` changes it under running services."""

    def read() -> Fingerprints:
        keys = source(settings)()
        return {
            "spool": _hashed("spool", place(settings.spool_url)),
            "broker": _hashed("broker", place(settings.broker_url)),
            "secret_key": _hashed("secret_key", ",".join(split(keys))),
        }

    return read


def place(url: str) -> str:
    """Where a server stands, without user and password: they may differ between services of one server. A server that
    only its own machine reaches stands on this one."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    named = query.get("db") or query.get("virtual_host")
    host = parts.hostname or ""
    if not host:
        return f"{_machine()}{Path(unquote(parts.path)).resolve()}/{named[0] if named else 0}"
    database = named[0] if named else parts.path.strip("/")
    where = f"{_machine()}/{host}" if host.startswith(LOOPBACK) else host
    return f"{where}:{parts.port or PORTS.get(parts.scheme, 0)}/{database or 0}"


@lru_cache
def _machine() -> str:
    """This machine until it starts again. In a container it has the container's name."""
    return f"{socket.gethostname()}/{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"


@lru_cache(maxsize=16)
def _hashed(name: str, text: str) -> str:
    salt = f"leadhub processes {name}".encode()
    return hashlib.scrypt(text.encode(), salt=salt, **SCRYPT).hex()
