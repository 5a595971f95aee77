"""The hosts by which the console is reached, and what another `Host` comes to."""

import pytest

from tests.support.console import SIGN_IN, ConsoleClient, Reader, console_client
from tests.support.stack import Stack

FORGOTTEN = "/console/forgotten"
EVIL = "evil.example"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LEADS.test", "127.0.0.2", "app.localhost"])
async def test_the_hosts_that_were_named_or_bound_are_served(shared_stack: Stack, host: str) -> None:
    for place in (host, f"{host}:{shared_stack.port}"):
        async with console_client(shared_stack.base, Host=place) as client:
            assert (await client.get(SIGN_IN)).status == 200, place


@pytest.mark.parametrize(
    "host",
    [
        EVIL,
        "leads.test.evil.example",
        "127.0.0.1.evil.example",
        "203.0.113.7",
        "user@leads.test",
        "evil.example\\@leads.test",
        "leads.test/x",
        "[",
    ],
)
async def test_another_host_is_refused_with_a_line_that_helps(shared_stack: Stack, host: str) -> None:
    async with console_client(shared_stack.base, Host=host) as client:
        for path in ("/", "/console/", SIGN_IN, "/console/main/now", "/console/welcome/x"):
            answer = await client.get(path)
            assert answer.status == 421, path
            assert "LEADHUB_HOSTS" in answer.text
        for path in (SIGN_IN, FORGOTTEN):
            answer = await client.post(path, {"email": "ada@example.com"}, Origin=f"http://{host}")
            assert answer.status == 421, path
        assert "</html>" in answer.text


async def test_what_a_stranger_says_of_a_proxy_is_not_believed(client: ConsoleClient) -> None:
    assert (await client.get(SIGN_IN, **{"X-Forwarded-Host": EVIL})).status == 303
    assert (await client.get(SIGN_IN, **{"X-Forwarded-Host": "leads.test", "Host": EVIL})).status == 421


async def test_leads_forms_and_the_api_do_not_mind_the_host(shared_stack: Stack) -> None:
    async with console_client(shared_stack.base, Host=EVIL) as client:
        assert (await client.get("/api/v1/health")).status == 200
        assert (await client.get("/api/v1/me", **shared_stack.headers)).status == 200
        assert (await client.get("/f/unknown")).status == 404
        headers = {**shared_stack.headers, "Prefer": "respond-async"}
        assert (
            await client.post("/api/inbound/leads?tenant=main", {"email": "h@example.com"}, **headers)
        ).status == 202


async def test_the_plain_cookie_counts_only_where_the_bound_one_cannot_be(
    readers: dict[str, Reader], shared_stack: Stack
) -> None:
    """Another host of the domain can set it."""
    there = f"leads.test:{shared_stack.port}"
    async with console_client(shared_stack.base) as stranger, console_client(shared_stack.base) as victim:
        answer = await stranger.sign_in(readers["agent"].email)
        token = next(
            line.partition("=")[2].partition(";")[0]
            for line in answer.headers.getall("Set-Cookie")  # type: ignore[attr-defined]
            if line.startswith("__Host-leadhub=") and len(line.partition(";")[0]) > 40
        )
        page = "/console/main/now"
        assert (await victim.get(page, Cookie=f"__Host-leadhub={token}")).status == 200
        assert (await victim.get(page, Cookie=f"leadhub={token}")).asks_sign_in
        assert (await victim.get(page, Cookie=f"leadhub={token}", Host=there)).status == 200


async def test_a_toast_is_signed_and_for_its_reader(readers: dict[str, Reader], shared_stack: Stack) -> None:
    async with (
        console_client(shared_stack.base, readers["agent"].email) as one,
        console_client(shared_stack.base, readers["manager"].email) as other,
    ):
        answer = await one.post("/console/me/name", {"name": "Ada Lovelace"})
        assert answer.status == 303
        (toast,) = [
            line.partition("=")[2].partition(";")[0]
            for line in answer.headers.getall("Set-Cookie")  # type: ignore[attr-defined]
            if line.startswith("leadhub_toast=")
        ]
        said = "Your name is saved."
        shown = [
            said
            in (await client.get("/console/main/now", Cookie=f"leadhub_toast={cookie}; {await session(client)}")).text
            for client, cookie in ((one, toast), (other, toast), (one, toast[:-2] + "xx"), (one, forged()))
        ]
        assert shown == [True, False, False, False]


async def session(client: ConsoleClient) -> str:
    """The cookie of the client's session, since a header of one's own replaces those of the jar."""
    return next(f"{each.key}={each.value}" for each in client.session.cookie_jar if each.key == "__Host-leadhub")


def forged() -> str:
    """The cookie as it was before it was signed."""
    return "eyJ0ZXh0IjogIllvdXIgbmFtZSBpcyBzYXZlZC4ifQ=="
