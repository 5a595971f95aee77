"""The WordPress plugin within a real WordPress, against a running LeadHub."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.console import chromium
from tests.support.form_sites import OPEN_SETTINGS, form_visit, make_public_form
from tests.support.stack import Stack
from tests.support.waiting import until, until_async
from tests.support.wordpress import WordPress, missing_reason
from tests.support.wordpress_shop import (
    RECORDINGS,
    Shop,
    assert_like,
    gravity_recording,
    operator_session,
    press,
    save_connection,
    settings_url,
)

DAY = 86400
ASKING_FIELDS: list[dict[str, Any]] = [
    {"key": "email", "label": "E-mail", "type": "email", "required": True, "maps_to": "email"},
]


async def test_a_key_is_saved_and_tried_and_an_entry_arrives_once(shop: Shop) -> None:
    wordpress = shop.wordpress
    with wordpress.served():
        async with operator_session(wordpress) as session:
            told = await save_connection(session, wordpress, url=shop.stack.base, key=shop.key)
            assert "takes leads for the workspace The shop" in told
            assert shop.key not in told
            told = await save_connection(session, wordpress, url="http://other.example", key="")
            assert "a saved key goes to no other address" in told
    recording = RECORDINGS["contact_form_7"]
    shop.fire(recording, recording)
    shop.fire(recording)  # the visitor sends the same page again
    lead = shop.await_lead(recording["lead"]["email"])
    assert_like(lead, recording["lead"])
    assert shop.submissions() == 1
    assert wordpress.run("state")["counts"] == {"waiting": 0, "sent": 1, "refused": 0, "given_up": 0}
    assert wordpress.run("option", name="leadhub_api_key")["autoload"] in ("off", "no")
    assert wordpress.log() == ""


@pytest.mark.extended
@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_an_entry_of_each_plugin_arrives_once(connected_shop: Shop, name: str) -> None:
    recording, before = RECORDINGS[name], connected_shop.submissions()
    connected_shop.fire(recording, recording)
    assert_like(connected_shop.await_lead(recording["lead"]["email"]), recording["lead"])
    if name != "contact_form_7":  # that one came in the test before
        assert connected_shop.submissions() == before + 1
    assert connected_shop.wordpress.log() == ""


@pytest.mark.extended
def test_entries_outlive_an_absence_and_are_sent_once(connected_shop: Shop) -> None:
    shop, emails = connected_shop, [f"away-{number}@shop.example" for number in range(3)]
    recordings = [gravity_recording(email, 500 + n) for n, email in enumerate(emails)]
    with shop.stack.away("gateway"):
        shop.fire(*recordings)
        found = shop.wordpress.run("state")
        assert found["counts"]["waiting"] == 3
        assert "LeadHub cannot be reached" in found["state"]["last_error"]
    shop.fire(*recordings)  # fired again while they wait
    shop.stack.kill("gateway")
    shop.stack.until_settled()

    def visited() -> bool:
        return bool(shop.wordpress.run("cron")["counts"]["waiting"] == 0)

    until(visited, what="an empty queue")
    assert [shop.await_lead(email)["email"] for email in emails] == emails
    assert shop.wordpress.run("cron")["counts"]["waiting"] == 0
    assert all(len(shop.leads(email=email)) == 1 for email in emails)


@pytest.mark.extended
async def test_a_later_visit_sends_what_waits(connected_shop: Shop) -> None:
    shop, email = connected_shop, "visit@shop.example"
    with shop.stack.away("gateway"):
        shop.fire(gravity_recording(email, 600))
    shop.stack.until_settled()
    with shop.wordpress.served():
        async with aiohttp.ClientSession() as session:

            async def visit() -> bool:
                async with session.get(f"{shop.wordpress.url}/") as answer:
                    assert answer.status == 200
                return bool(shop.leads(email=email))

            await until_async(visit, what="the lead of a visit")


@pytest.mark.extended
def test_what_leadhub_refuses_is_kept_and_said(connected_shop: Shop) -> None:
    shop = connected_shop
    shop.fire(gravity_recording("no address", 700))  # without an email there is no lead
    found = shop.wordpress.run("state")
    assert found["counts"]["refused"] == 1
    assert found["errors"] == ["The answer to “Email” is not a valid email address, which LeadHub needs."]
    assert shop.wordpress.run("age", seconds=31 * DAY)["counts"]["refused"] == 0
    assert shop.wordpress.run("state")["state"]["removed"] == 1


@pytest.mark.extended
def test_what_waits_too_long_is_given_up_and_counted(connected_shop: Shop) -> None:
    shop = connected_shop
    shop.connect("http://127.0.0.1:9")
    shop.fire(gravity_recording("old@shop.example", 800))
    removed = shop.wordpress.run("state")["state"]["removed"]
    assert shop.wordpress.run("age", seconds=31 * DAY)["counts"]["given_up"] == 1
    assert shop.wordpress.run("age", seconds=31 * DAY)["counts"]["given_up"] == 0
    assert shop.wordpress.run("state")["state"]["removed"] == removed + 1


@pytest.mark.extended
def test_fields_go_where_the_operator_says(connected_shop: Shop) -> None:
    shop, email = connected_shop, "mapped@shop.example"
    shop.fire(gravity_recording("first@shop.example", 900))  # the form is known from now on
    mapping = {"4": "tags", "5": "ignore", "7": "consent_required", "6": "company", "8": "notes"}
    shop.wordpress.run("map", form="gravity:3", enabled=True, mapping=mapping)
    shop.fire(gravity_recording(email, 901))
    lead = shop.await_lead(email)
    assert (lead["tags"], lead["company"], lead["source"]) == (["Acme GmbH"], "Red, Blue", "mapped")
    assert "topics" not in lead["custom_fields"]
    assert lead["notes"] is None  # a password goes nowhere
    refused = gravity_recording("no-consent@shop.example", 902)
    refused["arguments"][0]["7.1"] = ""
    assert shop.fire(refused)["waiting"] == 0
    shop.wordpress.run("map", form="gravity:3", enabled=False, mapping={})
    assert shop.fire(gravity_recording("off@shop.example", 903))["waiting"] == 0
    assert shop.leads(email="no-consent@shop.example") == shop.leads(email="off@shop.example") == []
    shop.wordpress.run("map", form="gravity:3", enabled=True, mapping={})


@pytest.mark.extended
def test_a_form_of_leadhub_takes_entries_without_an_email(connected_shop: Shop) -> None:
    shop = connected_shop
    shop.fire(gravity_recording("known@shop.example", 930))
    number = shop.make_form([{"key": "phone", "type": "phone", "label": "Phone", "maps_to": "phone"}])
    shop.wordpress.run("map", form="gravity:3", enabled=True, mapping={}, form_number=number)
    recording = gravity_recording("", 931)
    shop.fire(recording, recording)
    (lead,) = until(lambda: shop.leads(phone="+14155550931"), what="the lead of a phone")
    assert (lead["email"], lead["source"]) == (None, "callbacks")
    shop.wordpress.run("map", form="gravity:3", enabled=True, mapping={})


@pytest.mark.extended
async def test_forms_of_leadhub_stand_on_pages(connected_shop: Shop) -> None:
    shop, form_id = connected_shop, await make_public_form(connected_shop.stack, ASKING_FIELDS, language="en")
    block = f'<!-- wp:leadhub/form {{"formId":"{form_id}"}} /-->'
    pages = [shop.wordpress.run("page", content=text)["url"] for text in (block, f'[leadhub_form id="{form_id}"]')]
    with shop.wordpress.served():
        async with chromium() as browser:
            for number, url in enumerate(pages):
                async with form_visit(browser, url) as visit:
                    await visit.page.get_by_label("E-mail").fill(f"block-{number}@shop.example")
                    await visit.page.get_by_role("button", name="Send").click()
                    await visit.page.get_by_text(OPEN_SETTINGS["success_message"]).wait_for()
                    assert visit.faults == []


@pytest.mark.extended
async def test_strangers_change_nothing(connected_shop: Shop) -> None:
    wordpress = connected_shop.wordpress
    with wordpress.served():
        async with aiohttp.ClientSession() as session:
            fields = {"action": "leadhub_save_connection", "url": "https://evil.example", "key": "lh_0123456789"}
            async with session.post(f"{wordpress.url}/wp-admin/admin-post.php", data=fields) as answer:
                assert "evil" not in await answer.text()
        async with operator_session(wordpress) as session:  # signed in, but without the form's nonce
            async with session.post(f"{wordpress.url}/wp-admin/admin-post.php", data=fields) as answer:
                assert answer.status == 403
            async with session.get(settings_url(wordpress)) as answer:
                assert "evil.example" not in await answer.text()


@pytest.mark.extended
async def test_the_settings_page_is_arabic_and_fits(connected_shop: Shop) -> None:
    wordpress = connected_shop.wordpress
    connected_shop.fire(RECORDINGS["gravity_forms"])
    with wordpress.served():
        async with chromium() as browser:
            context = await browser.new_context(viewport={"width": 390, "height": 844})
            page = await context.new_page()
            await page.goto(f"{wordpress.url}/wp-login.php")
            await page.fill("#user_login", "operator")
            await page.fill("#user_pass", "pass-word-1")
            await page.click("#wp-submit")
            wordpress.run("language", language="ar")
            try:
                for tab in ("connection", "forms", "forms&form=gravity%3A3", "queue"):
                    await page.goto(f"{settings_url(wordpress)}&tab={tab}")
                    assert await page.get_by_text("الاتصال").count()
                    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            finally:
                wordpress.run("language", language="")
            await context.close()


@pytest.mark.extended
def test_uninstalling_leaves_nothing(shared_stack: Stack, tmp_path: Path) -> None:
    if reason := missing_reason():
        pytest.skip(reason)
    wordpress = WordPress(tmp_path / "site")
    wordpress.run("activate")
    wordpress.run("connect", leadhub=shared_stack.base, key="lh_none")
    wordpress.run("fire", recordings=[RECORDINGS["gravity_forms"]])
    found = wordpress.run("uninstall")
    assert {"wp_leadhub_queue", "leadhub_api_key", "leadhub_forms"} <= set(found["before"])
    assert found["after"] == []


@pytest.mark.extended
def test_sites_of_a_network_have_queues_of_their_own(connected_shop: Shop, tmp_path: Path) -> None:
    shop, network = connected_shop, WordPress(tmp_path / "network")
    network.become_network()
    network.run("activate")
    network.run("site", name="/second/")
    emails = ["first-site@shop.example", "second-site@shop.example"]
    for number, (email, path) in enumerate(zip(emails, ("/", "/second/"), strict=True), 950):
        network.run("connect", path=path, leadhub=shop.stack.base, key=shop.key)
        network.run("fire", path=path, recordings=[gravity_recording(email, number)])
    # An admin of one site may not have the server ask into its own network.
    assert "LEADHUB_ALLOW_PRIVATE_ADDRESS" in network.run("state", path="/second/")["state"]["last_error"]
    network.configure(network.network_config + "define('LEADHUB_ALLOW_PRIVATE_ADDRESS', true);")

    def are_sent() -> bool:
        return all(network.run("cron", path=path)["counts"]["sent"] == 1 for path in ("/", "/second/"))

    until(are_sent, what="the entries of both sites")
    assert [shop.await_lead(email)["email"] for email in emails] == emails
    found = network.run("uninstall")
    assert {"wp_leadhub_queue", "wp_2_leadhub_queue"} <= set(found["before"])
    assert found["after"] == []


@pytest.mark.extended
def test_forms_are_listed_before_their_first_entry(tmp_path: Path) -> None:
    if reason := missing_reason():
        pytest.skip(reason)
    wordpress = WordPress(tmp_path / "site")
    wordpress.run("activate")
    forms = wordpress.run("list", recordings=[RECORDINGS["contact_form_7"], RECORDINGS["gravity_forms"]])
    assert {key: form["title"] for key, form in forms.items()} == {"cf7:12": "Contact", "gravity:3": "Quote"}
    assert list(forms["cf7:12"]["fields"]) == ["your-name", "your-email", "your-tel", "budget", "your-message", "terms"]
    assert "8" not in forms["gravity:3"]["fields"]  # a password
    wordpress.run("fire", recordings=[RECORDINGS["contact_form_7"]])
    assert "my_extra" not in wordpress.run("forms")["cf7:12"]["fields"]  # a visitor may have made it up


@pytest.mark.extended
async def test_the_campaign_of_a_visit_is_remembered(connected_shop: Shop) -> None:
    shop, email = connected_shop, "campaign@shop.example"
    shop.wordpress.run("remember")
    with shop.wordpress.served():
        async with chromium() as browser:
            context = await browser.new_context()
            page = await context.new_page()
            await page.goto(f"{shop.wordpress.url}/?utm_source=fair&gclid=abc")
            await page.goto(f"{shop.wordpress.url}/?p=1")
            cookies = {each["name"]: each["value"] for each in await context.cookies() if "leadhub" in each["name"]}
            await context.close()
    shop.wordpress.run("fire", recordings=[gravity_recording(email, 970)], cookies=cookies)
    custom = shop.await_lead(email)["custom_fields"]
    assert (custom["utm_source"], custom["gclid"]) == ("fair", "abc")
    assert custom["landing_page"] == f"{shop.wordpress.url}/"
    assert custom["page_url"] == "https://shop.example/quote/"


@pytest.mark.extended
async def test_the_operator_sends_what_waits(connected_shop: Shop) -> None:
    shop, wordpress, email = connected_shop, connected_shop.wordpress, "pressed@shop.example"
    shop.connect("http://127.0.0.1:9")
    shop.fire(gravity_recording(email, 980))
    assert wordpress.run("state")["counts"]["waiting"] == 1
    shop.connect()
    with wordpress.served():
        async with operator_session(wordpress) as session:
            told = await press(session, wordpress, "queue", "leadhub_act_on_queue", send_now="1")
    # A visit of the page itself may have been quicker.
    assert re.search(r"LeadHub took [01] entr", told)
    assert shop.await_lead(email)["email"] == email


@pytest.mark.extended
def test_what_waits_of_a_person_is_exported_and_erased(connected_shop: Shop) -> None:
    shop, email = connected_shop, "erased@shop.example"
    shop.connect("http://127.0.0.1:9")
    shop.fire(gravity_recording(email, 990))
    found = shop.wordpress.run("person", email=email)
    assert (found["exported"], found["left"]) == (1, 0)
    assert (found["erased"]["items_removed"], found["erased"]["done"]) == (True, True)
