"""The pages of conversions: platforms are connected, tried, changed, deleted; what they answer; who sees what."""

import html
import json
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from services.workers.conversions.conversion_platforms import TEST_EVENT_NAME
from shared.integrations.conversion_settings import MAX_CONVERSION_EVENTS
from tests.support.ad_platforms import AdPlatforms, serving_ad_platforms
from tests.support.console import ConsoleClient, Reader, console_client, make_readers, needs_chromium, watched_page
from tests.support.console_routes import make_source
from tests.support.conversions import META_CREDENTIALS, google_credentials
from tests.support.stack import Stack, running_stack
from tests.support.tenants import create_workspace
from tests.support.waiting import background, until_async

PAGE = "/console/main/conversions"
HOSTILE = '<img src=x onerror="alert(1)">'
TOKEN = META_CREDENTIALS["access_token"]
FIRST_STAGE = """
SELECT s.id, p.name, s.name FROM pipeline_stages s JOIN pipelines p ON p.id = s.pipeline_id
JOIN workspaces w ON w.id = s.workspace_id WHERE w.slug = %s ORDER BY s.id LIMIT 1
"""
COUNT_STATE = "SELECT count(*) FROM conversions WHERE integration_id = %s AND state = %s"
DELIVERED = "SELECT state FROM deliveries WHERE id = %s"
CAUSE_OF = "SELECT cause_id FROM deliveries WHERE id = %s"
AUDITED = """
SELECT action, before::text, after::text FROM audit_log
WHERE object_kind = 'integration' AND object_id = %s AND outcome = 'done' ORDER BY id
"""


@pytest_asyncio.fixture(scope="module")
async def platforms() -> AsyncIterator[AdPlatforms]:
    async with serving_ad_platforms() as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def open_stack(platforms: AdPlatforms, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A LeadHub whose Meta and Google are on this machine."""
    env = {
        "LEADHUB_META_URL": platforms.url,
        "LEADHUB_GOOGLE_DATA_MANAGER_URL": platforms.url,
        "LEADHUB_GOOGLE_ACCOUNTS_URL": f"{platforms.url}/token",
    }
    async with background(running_stack(tmp_path_factory.mktemp("conversions"), env)) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def people(open_stack: Stack) -> dict[str, Reader]:
    return await make_readers(open_stack.database_url)


@pytest_asyncio.fixture
async def manager(open_stack: Stack, people: dict[str, Reader]) -> AsyncIterator[ConsoleClient]:
    async with console_client(open_stack.base, people["manager"].email) as client:
        yield client


def meta_form(**more: str) -> dict[str, str]:
    """The form of a connection to Meta that is told of new leads."""
    return {
        "type": "meta_conversions",
        "name": f"Meta {secrets.token_hex(4)}",
        "credential_dataset_id": META_CREDENTIALS["dataset_id"],
        "credential_access_token": TOKEN,
        "trigger_0": "created",
        "event_0": "Lead",
        "without_consent": "send",
        "test_event_code": "TEST7",
        **more,
    }


async def connect_meta(client: ConsoleClient, **more: str) -> int:
    """The id of a new connection to Meta."""
    made = await client.post(PAGE, meta_form(**more))
    assert made.status == 303, made.text
    return int(made.location.rpartition("/")[2])


async def settings_of(stack: Stack, id_: int) -> dict[str, Any]:
    async with aiohttp.request("GET", f"{stack.base}/api/v1/integrations/{id_}", headers=stack.headers) as answer:
        record: dict[str, Any] = (await answer.json())["data"]
    return record


async def add_lead(stack: Stack, **fields: str) -> int:
    body = {"first_name": "Ada", "email": f"{secrets.token_hex(6)}@example.com", **fields}
    async with aiohttp.request("POST", f"{stack.base}/api/v1/leads", json=body, headers=stack.headers) as answer:
        return int((await answer.json())["data"]["id"])


def first_stage(stack: Stack, slug: str) -> tuple[int, str, str]:
    with stack.database() as database:
        [stage] = database.execute(FIRST_STAGE, (slug,)).fetchall()
        return stage


def count(stack: Stack, id_: int, state: str) -> int:
    with stack.database() as database:
        [(found,)] = database.execute(COUNT_STATE, (id_, state)).fetchall()
        return int(found)


def delivery_state(stack: Stack, id_: int) -> str:
    with stack.database() as database:
        [(state,)] = database.execute(DELIVERED, (id_,)).fetchall()
        return str(state)


def delivery_of(location: str) -> int:
    found = re.search(r"delivery=(\d+)", location)
    assert found, location
    return int(found[1])


async def until_shown(client: ConsoleClient, path: str, text: str) -> None:
    """Wait until a page has a text."""

    async def is_shown() -> bool:
        return text in html.unescape((await client.get(path)).text)

    await until_async(is_shown, what=text)


async def test_a_platform_is_connected_changed_and_deleted(open_stack: Stack, manager: ConsoleClient) -> None:
    stage, pipeline, stage_name = first_stage(open_stack, "main")
    form = (await manager.get(f"{PAGE}/new?type=meta_conversions")).text
    assert (f'value="stage:{stage}"' in form, 'value="status:qualified"' in form) == (True, True)
    row = {"trigger_1": f"stage:{stage}", "event_1": HOSTILE, "value_1": "900.5", "currency_1": "eur"}
    id_ = await connect_meta(manager, **row, name=HOSTILE, consent_keys="ad_user_data\nmarketing\n")
    path = f"{PAGE}/{id_}"
    for address in (path, PAGE, f"{path}/edit", f"{path}?ask=test", f"{path}?ask=delete"):
        shown = (await manager.get(address)).text
        assert (TOKEN in shown, HOSTILE in shown) == (False, False), address
    assert f"{pipeline}: {stage_name}" in html.unescape((await manager.get(path)).text)
    stored = (await settings_of(open_stack, id_))["settings"]["conversions"]
    assert stored == {
        "events": [
            {"created": True, "event": "Lead"},
            {"stage_id": stage, "event": HOSTILE, "value": 900.5, "currency": "EUR"},
        ],
        "without_consent": "send",
        "consent_keys": ["ad_user_data", "marketing"],
        "lead_event_source": "LeadHub",
        "test_event_code": "TEST7",
    }
    masked = "********" + TOKEN[-4:]
    saved = await manager.post(path, meta_form(name="Meta", credential_access_token=masked, event_0="New lead"))
    assert saved.status == 303
    record = await settings_of(open_stack, id_)
    assert (record["name"], record["credentials"]["access_token"]) == ("Meta", masked)
    assert record["settings"]["conversions"]["events"] == [{"created": True, "event": "New lead"}]
    refused = await manager.post(path, meta_form(credential_dataset_id="999", credential_access_token=masked))
    assert (refused.status, "it is not kept for another place" in refused.text) == (422, True)
    assert (await manager.post(f"{path}/switch", {"on": ""})).status == 303
    assert "no event is told" in (await manager.get(path)).text
    off = await manager.post(f"{path}/test", {"event": "Lead"})
    assert (off.status, "switch it on to try it" in off.text) == (409, True)
    assert (await manager.post(f"{path}/delete")).status == 303
    assert {(await manager.get(f"{path}{below}")).status for below in ("", "/edit", "/live")} == {404}

    def audited() -> list[tuple[str, str, str]]:
        with open_stack.database() as database:
            return database.execute(AUDITED, (str(id_),)).fetchall()

    actions = ["conversion.created", "conversion.changed", "conversion.changed", "conversion.deleted"]
    await until_async(lambda: [one[0] for one in audited()] == actions, what="the entries of the audit log")
    assert TOKEN not in str(audited())


async def test_wrong_forms_are_shown_again_with_their_problems(open_stack: Stack, manager: ConsoleClient) -> None:
    create_workspace(open_stack.database_url, "others", "Others")
    foreign, _, _ = first_stage(open_stack, "others")
    many = {f"{name}_{place}": "created" for name in ("trigger", "event") for place in range(MAX_CONVERSION_EVENTS + 1)}
    problems: list[tuple[dict[str, str], str]] = [
        ({"trigger_1": f"stage:{foreign}", "event_1": "Won"}, "This stage is not there any more."),
        ({"event_1": "Won"}, "Choose when it is sent."),
        ({"trigger_1": "created"}, "Write the name of the event"),
        ({"value_0": "5"}, "A value needs a currency."),
        ({"value_0": "1,000", "currency_0": "EUR"}, "with a point before decimals"),
        ({"currency_0": "€"}, "three letters"),
        (many, "At most 50 events."),
        ({"consent_keys": "\n".join(map(str, range(21)))}, "At most 20 consents"),
        ({"test_event_code": "x" * 65}, "At most 64 characters"),
        ({"name": " "}, "Give it a name"),
        ({"name": "a\0b"}, "Give it a name"),
        ({"credential_dataset_id": "abc"}, "Dataset id cannot be taken"),
        ({"credential_access_token": ""}, "Access token of the dataset is needed."),
    ]
    for more, said in problems:
        refused = await manager.post(PAGE, meta_form(**more))
        assert (refused.status, said in html.unescape(refused.text), TOKEN in refused.text) == (422, True, False), said
    for type_ in ("smtp", "webhook", "", "x" * 5_000):
        assert (await manager.post(PAGE, meta_form(type=type_))).status == 404
    assert (await manager.get(f"{PAGE}/new?type=smtp")).status == 404
    google = {f"credential_{name}": text for name, text in google_credentials().items()}
    form = {**meta_form(), **google, "type": "google_data_manager", "conversion_action_0": "12"}
    made = await manager.post(PAGE, form)
    assert made.status == 303
    record = await settings_of(open_stack, int(made.location.rpartition("/")[2]))
    assert record["settings"]["conversions"]["events"][0]["conversion_action"] == "12"
    for query in ("delivery=x", "delivery=0", "before=-1", "delivery=" + "9" * 20):
        assert (await manager.get(f"{made.location}?{query}")).status == 404, query


async def test_test_events_show_what_each_platform_answers(
    open_stack: Stack, manager: ConsoleClient, platforms: AdPlatforms
) -> None:
    id_ = await connect_meta(manager, test_event_code="")
    path = f"{PAGE}/{id_}"
    lacking = await manager.post(f"{path}/test", {"event": "Lead"})
    assert (lacking.status, "Meta takes test events with a code only" in lacking.text) == (409, True)
    assert (await manager.post(path, meta_form())).status == 303
    platforms.add_trouble(400, body={"error": {"code": 190, "type": "OAuthException"}})
    for event, answer in (("Lead", "Meta does not accept the access token"), ("no such", "events_received")):
        sent = await manager.post(f"{path}/test", {"event": event})
        await until_shown(manager, f"{path}?delivery={delivery_of(sent.location)}", answer)
    names = [each["event_name"] for test in platforms.tests for each in test["data"]]
    assert TEST_EVENT_NAME in names
    assert "no such" not in names


async def test_refused_events_are_named_and_counted(
    open_stack: Stack, people: dict[str, Reader], manager: ConsoleClient, platforms: AdPlatforms
) -> None:
    name = f"Bad {secrets.token_hex(4)}"
    platforms.refused.add(name)
    id_ = await connect_meta(manager, event_0=name)
    lead_id = await add_lead(open_stack)
    await until_async(lambda: count(open_stack, id_, "failed") == 1, 60, "the refused event")
    listed = (await manager.get(PAGE)).text
    assert re.search(rf'href="{PAGE}/{id_}".*?the last try failed', listed, re.S)
    shown = (await manager.get(f"{PAGE}/{id_}")).text
    assert "Of the recent events: 0 sent, 0 waiting, 1 failed." in shown
    [delivery] = re.findall(r'id="d-(\d+)"', shown)
    opened = html.unescape((await manager.get(f"{PAGE}/{id_}?delivery={delivery}")).text)
    assert ("Invalid parameter" in opened, f'href="/console/main/leads/{lead_id}"' in opened) == (True, True)
    async with console_client(open_stack.base, people["read_only"].email) as reader:
        shown = html.unescape((await reader.get(f"{PAGE}/{id_}?delivery={delivery}")).text)
        assert ("The last try failed." in shown, "Meta refused" in shown, "Invalid" in shown) == (True, False, False)
    with open_stack.database() as database:
        [(cause,)] = database.execute(CAUSE_OF, (delivery,)).fetchall()
    dead = (await manager.get(f"/console/main/dead-letters?cause={cause}")).text
    assert f'href="{PAGE}/{id_}?delivery={delivery}"' in dead
    await manager.post(f"{PAGE}/{id_}/delete")


async def test_roles_see_what_they_may_and_other_workspaces_nothing(
    open_stack: Stack, people: dict[str, Reader], manager: ConsoleClient
) -> None:
    id_ = await connect_meta(manager)
    path = f"{PAGE}/{id_}"
    delivery = delivery_of((await manager.post(f"{path}/test", {"event": "Lead"})).location)
    await until_async(lambda: delivery_state(open_stack, delivery) == "sent", what="the test event")
    posts: dict[str, dict[str, str]] = {"": meta_form(), "/switch": {}, "/test": {}, "/delete": {}}
    opened = f"{path}?delivery={delivery}"
    for role, sees in {"manager": True, "agent": True, "read_only": False}.items():
        async with console_client(open_stack.base, people[role].email) as client:
            shown = html.unescape((await client.get(opened)).text)
            has_answer, may_try = '"A1"' in shown, "Send a test event…" in shown
            assert (has_answer, may_try) == (sees, role == "manager"), role
            if role != "manager":
                assert {(await client.post(f"{path}{below}", form)).status for below, form in posts.items()} == {403}
                assert (await client.post(PAGE, meta_form())).status == 403
                assert {(await client.get(f"{PAGE}/{page}")).status for page in (f"{id_}/edit", "new")} == {403}
    create_workspace(open_stack.database_url, "theirs", "Theirs")
    async with console_client(open_stack.base, people["operator"].email) as operator:
        foreign = f"/console/theirs/conversions/{id_}"
        gets = ("", "/live", "/edit", f"?delivery={delivery}", "?ask=delete")
        assert {(await operator.get(foreign + below)).status for below in gets} == {404}
        assert {(await operator.post(foreign + below, form)).status for below, form in posts.items()} == {404}
        other = await connect_meta(manager)
        assert (await operator.get(f"{PAGE}/{other}?delivery={delivery}")).status == 404
        source = make_source(open_stack)
        assert {(await operator.get(f"{PAGE}/{source}{below}")).status for below in ("", "/edit", "/live")} == {404}
        assert {(await operator.post(f"{PAGE}/{source}{below}", form)).status for below, form in posts.items()} == {404}
    async with console_client(open_stack.base, people["stranger"].email) as stranger:
        assert (await stranger.get(path)).status == 404
    assert (await settings_of(open_stack, id_))["is_active"] is True


async def choose_events(page: Page, stage: str) -> None:
    """Fill in the form of a connection to Meta as a person does."""
    await page.get_by_label("Dataset id").fill(META_CREDENTIALS["dataset_id"])
    await page.get_by_label("Access token of the dataset").fill(TOKEN)
    row = page.get_by_role("group", name="Event 2")
    await row.get_by_label("Sent when a lead").select_option("status:qualified")
    await row.get_by_label("Name at the platform").fill("Qualified")
    await row.get_by_label("Value").fill("50")
    await row.get_by_label("Currency").fill("EUR")
    third = page.get_by_role("group", name="Event 3")
    await third.get_by_label("Sent when a lead").select_option(label=stage)
    await third.get_by_label("Name at the platform").fill("First talk")
    await page.get_by_text("tell all the same").click()
    await page.get_by_label("Code for test events").fill("TEST9")


@needs_chromium
async def test_meta_is_connected_tried_and_told_of_a_lead(
    browser: Browser, open_stack: Stack, people: dict[str, Reader], platforms: AdPlatforms
) -> None:
    _, _, stage = first_stage(open_stack, "main")
    async with watched_page(browser, open_stack.base, people["manager"].email) as watched:
        page = watched.page
        await page.get_by_role("navigation", name="Main").get_by_role("link", name="Conversions").click()
        await page.get_by_role("link", name="Connect Meta").click()
        await page.get_by_label("Name", exact=True).fill("Our Meta")
        await choose_events(page, stage)
        await page.get_by_role("button", name="Connect", exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Our Meta")
        await page.get_by_role("link", name="Send a test event…").click()
        await page.get_by_label("Event", exact=True).select_option("Qualified")
        await page.get_by_role("button", name="Send it").click()
        await expect(page.get_by_label("Body of the answer")).to_contain_text("events_received")
        assert "TEST9" in [each["test_event_code"] for each in platforms.tests]  # another test's may come late
        await add_lead(open_stack, status="qualified")
        await expect(page.locator(".tally")).to_contain_text(re.compile(r"Sent\s*[23]"))
        assert json.dumps(META_CREDENTIALS["access_token"]) not in await page.content()
        await page.get_by_role("button", name="Switch off").click()
        await expect(page.get_by_text("It is switched off: no event is told,")).to_be_visible()
        await page.get_by_role("link", name="Delete…").click()
        await page.get_by_role("button", name="Delete the connection").click()
        await expect(page.get_by_text("The connection is deleted.")).to_be_visible()
        assert watched.faults == []
