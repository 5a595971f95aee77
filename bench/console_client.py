"""A reader of the console: an account, its session over HTTP, and pages one after another on one connection."""

import http.client
import re
import secrets
import subprocess
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.servers import own_environment
from bench.stack import BENCH_WORKSPACE, LAUNCHER_COMMAND
from shared.platform.installation import PROJECT_ROOT

READER_EMAIL = "bench@console.example"
PAGE_TIMEOUT_SECONDS = 30.0
SIGN_IN_PATH = "/console/sign-in"
find_older_link = re.compile(rb'href="([^"]*[?&;]older=[^"]*)"').search


@dataclass(frozen=True)
class PageAnswer:
    """An answer, read whole. `ms` runs from the first byte that is sent to the last one that is read."""

    status: int
    body: bytes
    ms: float


class ConsoleReader:
    """A browser that is signed in and asks for one thing at a time, on one connection that stays open."""

    def __init__(self, base: str, cookies: str) -> None:
        self.base = base
        self.headers = {"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "User-Agent": "leadhub-bench"}
        self._connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=PAGE_TIMEOUT_SECONDS)

    def request_page(self, path: str, *, is_part: bool = False) -> PageAnswer:
        """Return what an address answers. A redirection is an answer too. A script of a page asks for a part of it.

        A page that takes longer than 30 s counts as a 504, and the connection is closed.
        """
        headers = {**self.headers, "HX-Request": "true"} if is_part else self.headers
        started = time.perf_counter()
        try:
            self._connection.request("GET", path, headers=headers)
            response = self._connection.getresponse()
            status, body = response.status, response.read()
        except TimeoutError:
            self.disconnect()
            status, body = http.client.GATEWAY_TIMEOUT, b""
        return PageAnswer(int(status), body, (time.perf_counter() - started) * 1e3)

    def disconnect(self) -> None:
        """Close the connection, which the console would close by itself after a while. The next request opens one."""
        self._connection.close()

    def older_path(self, path: str) -> str:
        """Return the address of the next older page of a list, as its link says it."""
        link = find_older_link(self.request_page(path).body)
        if link is None:
            raise RuntimeError(f"{path} has no link to older rows")
        return link[1].decode().replace("&amp;", "&")


@dataclass(frozen=True)
class ConsoleAccount:
    """Somebody who can sign in with the form."""

    base: str
    email: str
    password: str

    def sign_in(self) -> ConsoleReader:
        return ConsoleReader(self.base, _fetch_cookies(self))


def sign_in_reader(base: str, folder: Path) -> ConsoleReader:
    """Make an operator who is an admin of the workspace, and sign them in with the form."""
    return create_account(base, folder, READER_EMAIL, "admin", "--operator").sign_in()


def create_account(base: str, folder: Path, email: str, role: str, *options: str) -> ConsoleAccount:
    """Make a user of the workspace who has a password."""
    password = secrets.token_urlsafe(16)
    command = [LAUNCHER_COMMAND, "user", "create", "--workspace", BENCH_WORKSPACE, "--email", email, *options]
    command += ["--name", "Bench", "--role", role, "--password-stdin", "--data-dir", str(folder)]
    subprocess.run(command, check=True, input=password.encode(), cwd=PROJECT_ROOT, env=own_environment())
    return ConsoleAccount(base, email, password)


def _fetch_cookies(account: ConsoleAccount) -> str:
    base = account.base
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=PAGE_TIMEOUT_SECONDS)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": base,
        "Sec-Fetch-Site": "same-origin",
        "User-Agent": "leadhub-bench",
    }
    connection.request("POST", SIGN_IN_PATH, urlencode({"email": account.email, "password": account.password}), headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    if response.status != http.client.SEE_OTHER:
        raise RuntimeError(f"signing in answered {response.status}")
    kept = SimpleCookie()
    for line in response.headers.get_all("Set-Cookie") or ():
        kept.load(line)
    return "; ".join(f"{name}={cookie.value}" for name, cookie in kept.items() if cookie.value)
