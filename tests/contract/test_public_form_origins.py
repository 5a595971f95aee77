"""Origins: from which sites a form may be posted, and what browsers are told about it."""

from collections.abc import Mapping

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.public_forms import PAGE_ACCEPTED, VisitedForm, filled_in, visited_form
from tests.contract.service import Service, ask, new_email

SHOP = "https://shop.example"


@pytest_asyncio.fixture(scope="module")
async def closed_form(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> VisitedForm:
    return await visited_form(client, nobody, settings={"allowed_origins": [SHOP, "https://b.example:8443"]})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": SHOP}, 202),
        ({"Origin": "https://SHOP.example:443"}, 202),
        ({"Origin": "https://b.example:8443"}, 202),
        ({"Referer": f"{SHOP}/contact?x=1"}, 202),
        ({"Origin": "null", "Referer": f"{SHOP}/"}, 202),
        ({"Origin": "https://evil.example", "Referer": f"{SHOP}/"}, 403),
        ({"Origin": "http://shop.example"}, 403),
        ({"Origin": "https://shop.example.evil.example"}, 403),
        ({"Origin": "https://b.example"}, 403),
        ({"Origin": "https://shop.example@evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://["}, 403),
        ({}, 403),
    ],
)
async def test_a_form_takes_posts_from_its_sites_alone(
    closed_form: VisitedForm, headers: Mapping[str, str], status: int
) -> None:
    answer = await closed_form.send(data=filled_in(mail=new_email()), headers=headers)
    assert answer.status == status, answer.raw
    page = await closed_form.send(accept=PAGE_ACCEPTED, data=filled_in(mail=new_email()), headers=headers)
    assert page.status == (200 if status == 202 else 403)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_our_own_page_may_always_post(closed_form: VisitedForm, service: Service) -> None:
    answer = await closed_form.send(data=filled_in(mail=new_email()), headers={"Origin": service.url})
    assert answer.status == 202


async def test_browsers_are_told_who_may_read_the_answer(closed_form: VisitedForm) -> None:
    for origin, allowed in ((SHOP, SHOP), ("https://evil.example", None)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = await ask(closed_form.visitor, "OPTIONS", closed_form.path, headers=asked)
        assert (preflight.status, preflight.raw) == (204, b"")
        assert preflight.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Idempotency-Key" in preflight.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in preflight.headers
        wrong = await closed_form.send(data={}, headers={"Origin": origin})
        assert wrong.headers.get("Access-Control-Allow-Origin") == allowed
        assert "Origin" in wrong.headers["Vary"]


async def test_a_form_without_sites_of_its_own_takes_posts_from_anywhere(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    form = await visited_form(client, nobody)
    for headers in ({"Origin": "https://any.example"}, {}):
        answer = await form.send(data=filled_in(mail=new_email()), headers=headers)
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (202, "*")
    assert (await ask(nobody, "OPTIONS", "/f/unknown")).status == 404
