"""Requests that another website makes a browser send, cookies, the ends of sessions, and guessing passwords."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import Browser
from yarl import URL

from shared.platform.data_dir import free_port
from tests.support.console import (
    ELSEWHERE,
    PASSWORD,
    SIGN_IN,
    ConsoleClient,
    Reader,
    console_client,
    needs_chromium,
    watched_page,
)
from tests.support.stack import Stack
from tests.support.waiting import until_async

PAUSE = "/console/main/queues/deliveries/pause"
FORM = {"reason": "forged", "until": "15"}
NEWEST_REASON = "SELECT count(*) FROM lane_pauses WHERE reason = 'forged'"


def forged_pauses(stack: Stack) -> int:
    with stack.database() as database:
        row = database.execute(NEWEST_REASON).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "leads.test"])
async def test_only_the_consoles_own_forms_are_taken(client: ConsoleClient, shared_stack: Stack, host: str) -> None:
    own = f"http://{host}:{shared_stack.port}"
    there = {"Host": f"{host}:{shared_stack.port}"}
    # aiohttp sends the cookie whatever the header says: as if the browser had no rule of its own.
    forged: list[dict[str, str]] = [
        {"Origin": "http://evil.test"},
        {"Origin": f"http://{host}:1"},
        {"Origin": f"http://{host}.evil.test:{shared_stack.port}"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": own, "Sec-Fetch-Site": "cross-site"},
        {"Origin": own, "Sec-Fetch-Site": "same-site"},
        {"Origin": own, "Sec-Fetch-Site": "none"},
    ]
    for headers in forged:
        answer = await client.post(PAUSE, FORM, **there, **headers)
        assert answer.status == 403, headers
    async with console_client(shared_stack.base) as stranger:
        del stranger.session.headers["Origin"]
        assert (await stranger.post(SIGN_IN, {"email": "a@example.com", "password": "x"}, **there)).status == 403
    assert forged_pauses(shared_stack) == 0
    for headers in ({"Origin": own}, {"Origin": own, "Sec-Fetch-Site": "same-origin"}):
        assert (await client.post(PAUSE, {}, **there, **headers)).status == 422  # it asks for a reason: it was taken


@asynccontextmanager
async def evil_site(target: str) -> AsyncIterator[int]:
    """The port of another website, whose page sends a form to `target` by itself."""
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in FORM.items())
    html = f'<form method="post" action="{target}">{fields}</form><script>document.forms[0].submit()</script>'

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port("127.0.0.1")
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield port
    finally:
        await runner.cleanup()


@needs_chromium
@pytest.mark.parametrize(("host", "evil"), [("127.0.0.1", "127.0.0.1"), ("leads.test", "evil.test")])
async def test_a_real_browser_does_not_carry_a_forged_form(
    browser: Browser, readers: dict[str, Reader], shared_stack: Stack, host: str, evil: str
) -> None:
    """On one host with two ports the browser sends the cookie along, since ports are no sites of their own."""
    base = f"http://{host}:{shared_stack.port}"
    async with watched_page(browser, base, readers["admin"].email) as watched, evil_site(base + PAUSE) as port:
        await watched.page.goto(f"http://{evil}:{port}/")
        await watched.page.wait_for_url(f"{base}/**")
        assert await watched.page.locator("h1").count() > 0
    assert forged_pauses(shared_stack) == 0


async def test_cookie_is_bound_to_this_host_and_closed_to_scripts(
    readers: dict[str, Reader], shared_stack: Stack
) -> None:
    async with console_client(shared_stack.base) as client:
        answer = await client.sign_in(readers["agent"].email)
        (cookie,) = session_cookies(answer.headers)
        assert cookie.startswith("__Host-leadhub=")
        assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= flags_of(cookie)
        assert not any(flag.startswith(("Domain", "Max-Age")) for flag in flags_of(cookie))
        kept = await client.sign_in(readers["agent"].email, keep="1")
        assert any(flag.startswith("Max-Age=") for flag in flags_of(session_cookies(kept.headers)[0]))
    there = f"leads.test:{shared_stack.port}"
    async with console_client(shared_stack.base, Host=there, Origin=f"http://{there}") as client:
        (cookie,) = session_cookies((await client.sign_in(readers["agent"].email)).headers)
        assert cookie.startswith("leadhub=")  # browsers refuse the other name over plain HTTP
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= flags_of(cookie)


def session_cookies(headers: Mapping[str, str]) -> list[str]:
    """The cookies of a session that an answer sets. Those that it takes away have no value."""
    lines: list[str] = headers.getall("Set-Cookie")  # type: ignore[attr-defined]
    named = [line for line in lines if line.startswith(("__Host-leadhub=", "leadhub="))]
    return [line for line in named if line.split(";")[0].partition("=")[2].strip('"')]


def flags_of(cookie: str) -> set[str]:
    return {part.strip() for part in cookie.split(";")[1:]}


async def test_signing_out_ends_the_session_wherever_its_cookie_is(
    readers: dict[str, Reader], shared_stack: Stack
) -> None:
    async with (
        console_client(shared_stack.base, readers["manager"].email) as first,
        console_client(shared_stack.base) as second,
    ):
        base = URL(shared_stack.base)
        second.session.cookie_jar.update_cookies(first.session.cookie_jar.filter_cookies(base), base)
        assert (await second.get("/console/main/now")).status == 200
        assert (await first.post("/console/sign-out")).location == SIGN_IN

        async def is_out() -> bool:
            return (await second.get("/console/main/now")).asks_sign_in

        await until_async(is_out, what="the end of the session")


@pytest.mark.parametrize(
    "wanted",
    [
        *("https://evil.test/", "//evil.test/console/", "/\\evil.test", "javascript:alert(1)", "/console/\nX: y"),
        *("/console//../../evil", "http:/console/", "/api/v1/leads", "\\\\evil.test", "/console/../\t//evil.test"),
    ],
)
async def test_sign_in_leads_to_no_other_place(readers: dict[str, Reader], shared_stack: Stack, wanted: str) -> None:
    async with console_client(shared_stack.base) as client:
        answer = await client.sign_in(readers["agent"].email, next=wanted)
    assert answer.status == 303
    assert answer.location.startswith("/console/")
    assert "\n" not in answer.location


async def test_page_that_was_asked_for_is_shown_after_the_sign_in(
    readers: dict[str, Reader], shared_stack: Stack
) -> None:
    async with console_client(shared_stack.base) as client:
        asked = await client.get("/console/main/queues?span=24h")
        assert asked.asks_sign_in
        assert (await client.get(asked.location)).status == 200
        answer = await client.sign_in(readers["agent"].email, next="/console/main/queues?span=24h")
        assert answer.location == "/console/main/queues?span=24h"


async def test_guessing_is_slowed_down_and_a_known_browser_is_not(
    readers: dict[str, Reader], shared_stack: Stack
) -> None:
    email = readers["stranger"].email
    try:
        async with (
            console_client(shared_stack.base, email) as known,
            console_client(shared_stack.base) as guesser,
        ):
            while "Too many attempts" not in (answer := await guesser.sign_in(email, "wrong")).text:
                assert answer.status == 422
            with shared_stack.database() as database:
                database.execute("UPDATE sign_in_failures SET retry_at = now() + interval '50 s'")
            assert (await guesser.sign_in(email)).status == 422  # the right one, but too soon
            assert (await known.get(f"/console/{ELSEWHERE}/leads")).status == 200
            assert (await known.sign_in(email, PASSWORD)).status == 303
    finally:
        with shared_stack.database() as database:
            database.execute("DELETE FROM sign_in_failures")
