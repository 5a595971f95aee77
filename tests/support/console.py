"""The console as people use it: accounts for each role, clients and browsers that are signed in, records to look at."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from yarl import URL

from shared.auth.operator_accounts import create_operator_made_user
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import Connection, connect
from shared.platform.ids import now_ms, received_time, uuid7
from tests.support.browser import CHROMIUM
from tests.support.stack import Stack
from tests.support.waiting import DEADLINE_SECONDS

PASSWORD = "correct horse battery"
WORKSPACE = "main"
ELSEWHERE = "elsewhere"
SIGN_IN = "/console/sign-in"
_find_wait = re.compile(r"Too many attempts failed. Try again in (\d+) second").search
CHROMIUM_OPTIONS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.test 127.0.0.1"]

expect.set_options(timeout=DEADLINE_SECONDS * 1000)  # for all tests: its own five seconds are a busy machine's pause
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")

MAKE_WORKSPACE = "INSERT INTO workspaces (slug, name) VALUES (%s, %s) ON CONFLICT DO NOTHING"
# As a worker marks one as dead or held, with the ledger that goes with it.
FAIL = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT id, state, 1 FROM workspaces, unnest(ARRAY['accepted', %(state)s]) state WHERE slug = 'main'
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, error, attempts)
SELECT id, %(id)s, %(at)s, %(state)s, 'inbound', %(source)s, %(payload)s, 'ValueError: no', 5
FROM workspaces WHERE slug = 'main'
"""

# Each kind of reader: the workspace, the role there, and whether they are operators.
READERS: dict[str, tuple[str, Role, bool]] = {
    "admin": (WORKSPACE, "admin", False),
    "manager": (WORKSPACE, "manager", False),
    "agent": (WORKSPACE, "agent", False),
    "read_only": (WORKSPACE, "read_only", False),
    "operator": (ELSEWHERE, "read_only", True),
    "stranger": (ELSEWHERE, "admin", False),
}


@dataclass(frozen=True)
class Reader:
    """An account. `role` is the one in `workspace`; an operator may see all of them."""

    email: str
    account_id: int
    workspace: str
    role: Role
    is_operator: bool


@dataclass(frozen=True)
class Shown:
    """An answer of the console, read whole."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    @property
    def asks_sign_in(self) -> bool:
        """Whether it sends the reader to the sign-in page."""
        return self.status == 303 and URL(self.location).path == SIGN_IN


async def make_readers(database_url: str, names: str = "", *, name: str = "Ada Lovelace") -> dict[str, Reader]:
    """One account of each kind, with a password. `names` keeps those of several tests apart."""
    password_hash = await PasswordHashing().hash_password(PASSWORD)
    made = {}
    async with connect(database_url, "tests") as connection:
        await connection.execute(MAKE_WORKSPACE, (ELSEWHERE, "Elsewhere"))
        for kind, (workspace, role, is_operator) in READERS.items():
            email = f"{kind}{names}-{secrets.token_hex(4)}@console.example"
            account_id = await make_account(
                connection, workspace, email, role, name=name, password_hash=password_hash, is_operator=is_operator
            )
            made[kind] = Reader(email, account_id, workspace, role, is_operator)
    return made


async def make_account(connection: Connection, workspace: str, email: str, role: Role, **more: Any) -> int:
    """The id of a new account that is a member of a workspace."""
    async with connection.transaction():
        made = await create_operator_made_user(connection, workspace, email=email, role=role, **more)
    return made.account_id


class ConsoleClient:
    """A browser without scripts: it keeps cookies, says where its forms come from, and follows nothing by itself."""

    def __init__(self, base: str, **headers: str) -> None:
        self.base = base
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(base))
        timeout = aiohttp.ClientTimeout(DEADLINE_SECONDS)
        self.session = aiohttp.ClientSession(cookie_jar=jar, timeout=timeout, headers={"Origin": base, **headers})

    async def get(self, path: str, **headers: str) -> Shown:
        """What an address shows."""
        async with self.session.get(self.base + path, headers=headers, allow_redirects=False) as answer:
            if answer.content_type == "text/event-stream":  # it has no end
                return Shown(answer.status, "", answer.headers)
            return Shown(answer.status, await answer.text(), answer.headers)

    async def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Shown:
        """What a form comes to."""
        options: dict[str, Any] = {"data": form or {}, "headers": headers, "allow_redirects": False}
        async with self.session.post(self.base + path, **options) as answer:
            return Shown(answer.status, await answer.text(), answer.headers)

    async def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> Shown:
        """Fill in the sign-in form."""
        return await self.post(SIGN_IN, {"email": email, "password": password, **fields})

    async def post_when_allowed(self, path: str, form: Mapping[str, str]) -> Shown:
        """What a form with a password comes to. Others of this address may have mistyped theirs: then it waits as long
        as the page says.
        """
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            shown = await self.post(path, form)
            told = _find_wait(shown.text)
            if told is None or time.monotonic() > deadline:
                return shown
            await asyncio.sleep(int(told[1]))

    async def sign_in_when_allowed(self, email: str, password: str = PASSWORD, **fields: str) -> Shown:
        """Sign in, as soon as the page lets anybody of this address."""
        return await self.post_when_allowed(SIGN_IN, {"email": email, "password": password, **fields})


@asynccontextmanager
async def console_client(base: str, email: str | None = None, **headers: str) -> AsyncIterator[ConsoleClient]:
    """A client, signed in if an e-mail address is given."""
    client = ConsoleClient(base, **headers)
    try:
        if email is not None:
            answer = await client.sign_in_when_allowed(email)
            assert (answer.status, answer.asks_sign_in) == (303, False), answer.text
        yield client
    finally:
        await client.session.close()


class WatchedPage:
    """A page of a browser. `faults` are errors of its scripts, of its console and of its policy, and its dialogs."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.faults: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", self._dismiss)

    async def open(self, path: str, wait_until: Any = "load") -> None:
        """Open an address of the console."""
        answer = await self.page.goto(self.base + path, wait_until=wait_until)
        assert answer is not None

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Fill in the sign-in form as a person does."""
        await self.open(SIGN_IN)
        await self.page.fill("input[name=email]", email)
        await self.page.fill("input[name=password]", password)
        await self.page.click("main form button[type=submit]")
        await self.page.wait_for_url(lambda url: SIGN_IN not in url)

    async def press(self, key: str) -> None:
        """Press a key that the scripts of the page handle: they run only once a page that was just sent has loaded."""
        await self.page.wait_for_load_state()
        await self.page.keyboard.press(key)

    async def excess_width(self) -> int:
        """How many pixels the page is wider than its window."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    async def _dismiss(self, dialog: Any) -> None:
        self.faults.append(f"a dialog: {dialog.message[:100]}")
        await dialog.dismiss()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium for which every name below `.test` is this machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        await browser.close()


@asynccontextmanager
async def watched_page(
    browser: Browser, base: str, email: str | None = None, **options: Any
) -> AsyncIterator[WatchedPage]:
    """A page in a browser profile of its own, signed in if an e-mail address is given."""
    size = {"width": 1440, "height": 900}
    context: BrowserContext = await browser.new_context(**{"viewport": size, "locale": "en-GB", **options})
    try:
        watched = WatchedPage(await context.new_page(), base)
        if email is not None:
            await watched.sign_in(email)
        yield watched
    finally:
        await context.close()


def make_failed(stack: Stack, state: str = "dead", **payload: object) -> str:
    """The id of a new submission that is dead, or `quarantined`."""
    id_ = uuid7(now_ms())
    body = {"email": "dead@example.com", "source": "console", **payload}
    values = {"id": id_, "at": received_time(id_), "state": state, "source": str(body["source"])}
    with stack.database() as database:
        database.execute(FAIL, {**values, "payload": json.dumps(body).encode()})
    return id_


async def post_leads(stack: Stack, leads: list[dict[str, Any]]) -> None:
    """Send leads one after another, each until a worker has decided about it."""
    async with aiohttp.ClientSession(headers={**stack.headers, "Prefer": "wait=5"}) as session:
        for lead in leads:
            async with session.post(stack.inbound, json=lead) as answer:
                assert answer.status < 500, await answer.text()


def shown_mark(page: str) -> str:
    """The mark of the values that a page's form shows."""
    found = re.search(r'name="shown_values" value="(\w{16})"', page)
    assert found, "the page has no form with a mark"
    return found[1]
