"""`GET /f/{public_id}` and what belongs to it, through the real gateway: pages, fragments, styles, scripts, tokens."""

import json
from typing import Any

import aiohttp
import pytest

from shared.form_pages.page_messages import MESSAGE_LANGUAGES
from tests.contract.form_helpers import FORMS, make_form
from tests.contract.service import Answer, Service, ask
from tests.support.form_samples import EVERY_FIELD, PageReader
from tests.support.waiting import until

SITE = "https://shop.example"
COUNTS = """
SELECT outcome, source, sum(n)::int FROM form_counts WHERE form_id = %s GROUP BY 1, 2 ORDER BY 1, 2
"""


async def make_page(client: aiohttp.ClientSession, **settings: Any) -> tuple[dict[str, Any], str]:
    """A form with a field of every kind, and the path of its page."""
    form = await make_form(client, fields=EVERY_FIELD, settings=settings)
    return form, f"/f/{form['public_id']}"


async def browse(session: aiohttp.ClientSession, path: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(session, "GET", path, headers={"Accept": "text/html", **named})


async def read_page(session: aiohttp.ClientSession, path: str, **headers: str) -> PageReader:
    answer = await browse(session, path, **headers)
    assert answer.status == 200, answer.raw
    return PageReader(answer.raw.decode())


def hidden_value(page: PageReader, name: str) -> str:
    return page.named(name)[0]["value"] or ""


async def test_page_is_complete_without_a_script(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> None:
    form, path = await make_page(client, title="Ask us", language="en")
    answer = await browse(nobody, f"{path}?utm_source=news", Referer="https://search.example/")
    page = PageReader(answer.raw.decode())
    (tag,) = page.tagged("form")
    assert (tag["action"], tag["method"], tag["enctype"]) == (path, "post", "multipart/form-data")
    assert {field["key"] for field in EVERY_FIELD} <= {each.get("name") for _, each in page.tags}
    assert hidden_value(page, "_token")
    assert len(hidden_value(page, "_key")) == 32
    assert hidden_value(page, "_page").endswith(f"{path}?utm_source=news")
    assert json.loads(hidden_value(page, "_attribution"))["last"]["referrer"] == "https://search.example/"
    assert form["settings"]["title"] in page.text


async def test_each_visitor_gets_a_key_and_a_token_of_his_own(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    _, path = await make_page(client)
    pages = [await read_page(nobody, path) for _ in range(3)]
    for name in ("_key", "_token"):
        assert len({hidden_value(page, name) for page in pages}) == 3


async def test_headers_of_a_page_let_nothing_foreign_in(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    settings = {"allowed_origins": [SITE], "redirect_url": "https://thanks.example/page?a=1"}
    _, path = await make_page(client, **settings)
    headers = (await browse(nobody, path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == f"'self' {SITE}"
    assert policy["form-action"] == "'self' https://thanks.example"
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Vary"] == "Accept-Language"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_address_fills_in_only_fields_that_allow_it(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    _, path = await make_page(client)
    hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E"
    page = await read_page(nobody, f"{path}?name={hostile}&mail=a@b.example&topics=Sales&topics=x&partner=acme")
    assert page.element("lh-name")["value"] == '"><script>alert(1)</script>'
    assert page.element("lh-mail")["value"] == ""
    assert [each["value"] for each in page.named("topics") if "checked" in each] == ["Sales"]
    assert page.element("lh-partner")["value"] == "acme"
    assert len(page.tagged("script")) == 1


@pytest.mark.parametrize("language", MESSAGE_LANGUAGES)
async def test_page_speaks_the_visitors_language(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession, language: str
) -> None:
    # An English form is not mirrored for whoever reads Arabic.
    intro = "اكتبوا إلينا اليوم. " * 50 if language == "ar" else "Write to us."
    _, path = await make_page(client, intro=intro)
    page = await read_page(nobody, path, Accept_Language=f"nl, {language};q=0.8, en;q=0.1")
    assert page.tagged("html")[0]["lang"] == language
    wanted = await read_page(nobody, f"{path}?lang=ar", Accept_Language=language)
    assert wanted.tagged("html")[0] == {"lang": "ar", "dir": "rtl"}
    assert wanted.tagged("form")[0]["action"] == f"{path}?lang=ar"


async def test_an_english_form_is_not_mirrored_for_an_arabic_browser(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    _, path = await make_page(client, title="Write to us")
    page = await read_page(nobody, path, Accept_Language="ar, en;q=0.1")
    assert page.tagged("html")[0] == {"lang": "en", "dir": "ltr"}


async def test_a_changed_form_is_shown_at_once(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> None:
    form, path = await make_page(client, title="Before")
    assert "Before" in (await read_page(nobody, path)).text
    changed = await ask(client, "PATCH", f"{FORMS}/{form['id']}", json={"settings": {"title": "After"}})
    assert changed.status == 200
    assert "After" in (await read_page(nobody, path)).text


async def test_closed_and_unknown_forms_are_404_pages_and_json_for_scripts(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    form, path = await make_page(client)
    await ask(client, "PATCH", f"{FORMS}/{form['id']}", json={"is_active": False})
    for address in (
        path,
        "/f/no-such-form",
        "/f/%00",
        "/f/%ff",
        "/f/%D8%A7",
        f"/f/{'x' * 500}",
        f"{path}/",
        "/f/",
        f"{path}/nothing",
    ):
        answer = await browse(nobody, address, Accept_Language="ar")
        assert answer.status == 404, address
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "هذا النموذج مغلق" in answer.raw.decode()
    told = await ask(nobody, "GET", path, headers={"Accept": "application/json"})
    assert (told.status, told.code) == (404, "NOT_FOUND")
    assert (await browse(nobody, "/f/form.css")).headers["Content-Type"].startswith("text/css")


async def test_fragment_is_read_by_scripts_of_any_site(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession, service: Service
) -> None:
    _, path = await make_page(client)
    answer = await browse(nobody, f"{path}/fragment", Origin=SITE)
    page = PageReader(answer.raw.decode())
    assert page.tagged("form")[0]["action"] == f"{service.url}{path}"
    assert hidden_value(page, "_key") == hidden_value(page, "_token") == ""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    again = await browse(nobody, f"{path}/fragment", If_None_Match=answer.headers["ETag"])
    assert (again.status, again.raw) == (304, b"")


@pytest.mark.parametrize("part", ["fragment", "form.css", "embed.js", "token"])
async def test_forms_with_sites_of_their_own_are_read_there_alone(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession, part: str
) -> None:
    _, path = await make_page(client, allowed_origins=[SITE])
    own = await browse(nobody, f"{path}/{part}", Origin=SITE)
    assert (own.status, own.headers["Access-Control-Allow-Origin"]) == (200, SITE)
    assert "Origin" in own.headers["Vary"]
    foreign = await browse(nobody, f"{path}/{part}", Origin="https://other.example")
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert "Origin" in foreign.headers["Vary"]


async def test_preflights_of_permitted_sites_pass(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> None:
    _, path = await make_page(client, allowed_origins=[SITE])
    for address in (path, f"{path}/token", f"{path}/fragment"):
        answer = await ask(nobody, "OPTIONS", address, headers={"Origin": SITE})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, SITE)
        assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


async def test_style_sheet_has_the_forms_colours_and_is_kept_for_a_while(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    _, path = await make_page(client, theme={"accent": "#AA0055", "mode": "dark"})
    answer = await browse(nobody, f"{path}/form.css", Accept_Encoding="gzip")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"color-scheme: dark" in answer.raw
    again = await browse(nobody, f"{path}/form.css", If_None_Match=answer.headers["ETag"])
    assert again.status == 304
    script = await browse(nobody, f"{path}/embed.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert b"currentScript" in script.raw


async def test_tokens_are_new_each_time_and_kept_by_nobody(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    _, path = await make_page(client)
    answers = [await browse(nobody, f"{path}/token", Origin=SITE) for _ in range(2)]
    assert answers[0].body["token"] != answers[1].body["token"]
    assert answers[0].body["challenge"] is None
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


async def test_views_and_starts_are_counted_by_source(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession, service: Service
) -> None:
    form, path = await make_page(client)
    long_name = "x" * 300
    await browse(nobody, f"{path}?utm_source=news")
    await browse(nobody, f"{path}?utm_source={long_name}")
    await browse(nobody, path, Referer="https://Search.example:8443/q?x=1")
    await browse(nobody, path, Referer=f"{service.url}/f/other")
    await browse(nobody, path, Sec_Purpose="prefetch;prerender")
    await ask(nobody, "HEAD", path)
    await browse(nobody, f"{path}/fragment", Referer=f"{SITE}/")
    await browse(nobody, f"{path}/fragment?_source=mail", Referer=f"{SITE}/")
    await browse(nobody, f"{path}/token?_source=mail", Referer=f"{SITE}/")
    page = await read_page(nobody, f"{path}?embed=1&_source=mail", Sec_Purpose="prefetch")
    assert hidden_value(page, "_source") == "mail"
    expected = [
        ("start", "mail", 1),
        ("view", "direct", 1),
        ("view", "mail", 1),
        ("view", "news", 1),
        ("view", "search.example", 1),
        ("view", "shop.example", 1),
        ("view", "x" * 100, 1),
    ]

    def counted() -> list[tuple[Any, ...]]:
        with service.stack.database() as connection:
            return connection.execute(COUNTS, (form["id"],)).fetchall()

    until(lambda: counted() == expected)


async def test_pages_of_forms_are_no_part_of_the_apis_document(nobody: aiohttp.ClientSession) -> None:
    paths = (await ask(nobody, "GET", "/api/v1/openapi.json")).body["paths"]
    assert [path for path in paths if path.startswith("/f/") and "get" in paths[path]] == []
