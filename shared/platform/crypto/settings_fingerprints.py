"""Fingerprints of settings, to detect processes that use different spools, brokers or keys.

A fingerprint is a shortened, salted and slow hash (scrypt). It reveals no host, password or key, and testing a guess
costs as much as a login.
"""

import hashlib
import socket
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from shared.platform.crypto.encryption import key_source, split_keys
from shared.platform.settings import Settings

FINGERPRINT_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 6}
DEFAULT_PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
LOOPBACK_PREFIXES = ("localhost", "127.", "::1")

SettingsFingerprints = Mapping[str, str]


def fingerprint_reader(
    settings: Settings, read_folder_id: Callable[[], str] | None = None
) -> Callable[[], SettingsFingerprints]:
    """Return a function that computes the fingerprints of a service with those settings, by name.

    `read_folder_id` returns the id of the folder of files. A service that uses no files gives none.
    Its first call takes about 0.1 s. Every call reads the key of the data dir again, because `secrets rotate` changes
    it while services run.
    """

    def read() -> SettingsFingerprints:
        keys = key_source(settings)()
        files = {"files": _salted_hash("files", read_folder_id())} if read_folder_id else {}
        return files | {
            "spool": _salted_hash("spool", server_location(settings.spool_url)),
            "broker": _salted_hash("broker", server_location(settings.broker_url)),
            "secret_key": _salted_hash("secret_key", ",".join(split_keys(keys))),
        }

    return read


def server_location(url: str) -> str:
    """Return the location of a server, without user and password, which may differ between services of one server.

    The location of a server that is reachable only from its own machine includes that machine.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    named = query.get("db") or query.get("virtual_host")
    host = parts.hostname or ""
    if not host:
        return f"{_machine_id()}{Path(unquote(parts.path)).resolve()}/{named[0] if named else 0}"
    database = named[0] if named else parts.path.strip("/")
    where = f"{_machine_id()}/{host}" if host.startswith(LOOPBACK_PREFIXES) else host
    return f"{where}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 0)}/{database or 0}"


@lru_cache
def _machine_id() -> str:
    """Return an id of this machine, valid until it restarts. In a container it contains the container's name."""
    return f"{socket.gethostname()}/{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"


@lru_cache(maxsize=16)
def _salted_hash(name: str, text: str) -> str:
    salt = f"leadhub processes {name}".encode()
    return hashlib.scrypt(text.encode(), salt=salt, **FINGERPRINT_SCRYPT).hex()
