"""Websites with forms of ours: pages of other origins, the forms that stand on them, and what became of a visit."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
import orjson
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, FrameLocator, Page

from shared.platform.data_dir import free_port
from tests.support.stack import Stack

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

# Two steps, a condition, and a control of each kind.
STEPPED_FIELDS: list[dict[str, Any]] = [
    {"key": "name", "label": "Your name", "type": "text", "required": True, "maps_to": "full_name", "prefill": True},
    {"key": "email", "label": "Work e-mail", "type": "email", "required": True, "maps_to": "email"},
    {"key": "seats", "label": "How many seats?", "type": "radio", "options": ["1–5", "6–20", "more"]},
    {"key": "topics", "label": "Topics", "type": "checkbox", "options": ["prices", "terms"], "required": True},
    {
        "key": "why",
        "label": "Why that many?",
        "type": "text",
        "required": True,
        "show_if": {"field": "seats", "operator": "equals", "value": "MORE"},
    },
    {"key": "size", "label": "Size", "type": "select", "options": ["S", "M"], "step": 2},
    {"key": "message", "label": "Message", "type": "textarea", "step": 2},
    {"key": "agree", "label": "Agreement", "type": "consent", "required": True, "step": 2},
]
# Not held, however fast a test fills it in.
OPEN_SETTINGS: dict[str, Any] = {"spam": {"threshold": 1000}, "success_message": "Thank you, Ada will call."}

# Notes what moves without the visitor's doing, and the events of forms.
WATCH_SCRIPT = """
window.shifts = []; window.formEvents = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
    const moved = entry.sources.map(({node}) => node ? node.className || node.nodeName : "gone");
    window.shifts.push([entry.value.toFixed(4), ...moved].join(" "));
  }
}).observe({type: "layout-shift", buffered: true});
for (const name of ["ready", "start", "step", "error", "submit", "success"])
  addEventListener(`leadhub:${name}`, (event) => window.formEvents.push([name, event.detail]));
"""


class FormSite:
    """A web server of somebody else, on an origin of its own."""

    def __init__(self) -> None:
        self.port = free_port("127.0.0.1")
        self._pages: dict[str, tuple[str, str, dict[str, str]]] = {}

    @property
    def base(self) -> str:
        return f"http://shop.test:{self.port}"

    def put(self, path: str, body: str, policy: str = "", *, head: str = "", media: str = "text/html") -> str:
        """Serve a page, or a file of another type. Return its address."""
        if media == "text/html":
            title = "<meta charset=utf-8><meta name=viewport content='width=device-width'><title>A shop</title>"
            body = f"<!doctype html><html lang=en><head>{title}{head}</head><body>{body}</body></html>"
        self._pages[path] = (body, media, {"Content-Security-Policy": policy} if policy else {})
        return self.base + path

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp's handler."""
        found = self._pages.get(request.path)
        if found is None:
            return web.Response(status=204)
        body, media, headers = found
        return web.Response(text=body, content_type=media, headers=headers)


@asynccontextmanager
async def form_site() -> AsyncIterator[FormSite]:
    """A running site."""
    site = FormSite()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", site.port).start()
        yield site
    finally:
        await runner.cleanup()


class FormVisit:
    """A page in a browser profile of its own. `faults`: errors of scripts, and what a policy forbade."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._hear)

    async def moved(self) -> list[str]:
        """What moved by itself: of each shift its share of the window, and the elements."""
        return await self.page.evaluate("shifts")  # type: ignore[no-any-return]

    async def events(self) -> list[str]:
        """The names of the events that reached the page's window."""
        return await self.page.evaluate("formEvents.map(([name]) => name)")  # type: ignore[no-any-return]

    async def excess_width(self) -> int:
        """How many pixels the page is wider than its window."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)


@asynccontextmanager
async def form_visit(
    browser: Browser, url: str, *, wait_until: Literal["load", "commit"] = "load", **options: Any
) -> AsyncIterator[FormVisit]:
    """A visitor who opens an address."""
    context: BrowserContext = await browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    try:
        await context.add_init_script(WATCH_SCRIPT)
        visit = FormVisit(await context.new_page())
        await visit.page.goto(url, wait_until=wait_until)
        yield visit
    finally:
        await context.close()


async def make_public_form(stack: Stack, fields: list[dict[str, Any]], **settings: Any) -> str:
    """Return the public id of a new form of the workspace `main`."""
    body = {"name": "Ask for prices", "fields": fields, "settings": {**OPEN_SETTINGS, **settings}}
    session = aiohttp.ClientSession(stack.base, headers=stack.headers)
    async with session, session.post("/api/v1/forms", json=body) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["data"]["public_id"])


async def submissions_of(stack: Stack, text: str) -> list[dict[str, Any]]:
    """Return the submissions that hold a text, newest first, as the API shows them, each with its `form` part."""
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:
        async with session.get("/api/v1/submissions", params={"search": text}) as answer:
            assert answer.status == 200, await answer.text()
            found = (await answer.json())["data"]
        for submission in found:
            async with session.get(f"/api/v1/submissions/{submission['id']}/raw") as answer:
                submission["form"] = orjson.loads(await answer.read())["_form"]
    return found  # type: ignore[no-any-return]


def new_email() -> str:
    """An address that no other test has."""
    return f"visitor-{secrets.token_hex(6)}@example.com"


def embed_snippet(base: str, public_id: str, attributes: str = "", *, height: int = 700) -> str:
    """The snippet of the builder. The height is an attribute of SVG, which no policy forbids."""
    return (
        f'<div data-leadhub-form="{public_id}"><svg width="1" height="{height}" aria-hidden="true"></svg>'
        f'<a href="{base}/f/{public_id}">Our form</a>'
        f'<script async src="{base}/f/{public_id}/embed.js" {attributes}></script></div>'
    )


async def fill_first_step(scope: Page | FrameLocator, email: str) -> None:
    """Fill in the first page of the form of `STEPPED_FIELDS`.

    The address is typed: an error goes away by it, and what then moves counts as the visitor's doing only after a key.
    """
    await scope.get_by_label("Your name").fill("Ada Lovelace")
    await scope.get_by_label("Work e-mail").press_sequentially(email)
    await scope.get_by_label("6–20").check()
    await scope.get_by_role("checkbox", name="prices").check()


async def fill_stepped(scope: Page | FrameLocator, email: str) -> None:
    """Fill in both pages, up to the button that sends."""
    await fill_first_step(scope, email)
    await scope.locator("[data-next]").click()
    await scope.get_by_role("checkbox", name="Agreement").check()
