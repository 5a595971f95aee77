"""The WordPress plugin: its archive and texts, and the plugin within a real WordPress against a running LeadHub."""

import re
import secrets
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from babel.messages.pofile import read_po

from integrations.wordpress.plugin_archive import PLUGIN_DIR, plugin_version, write_archive
from integrations.wordpress.plugin_texts import TEXTS_DIR, catalogue_files
from tests.support.console import chromium
from tests.support.form_sites import OPEN_SETTINGS, form_visit, make_public_form
from tests.support.stack import Stack
from tests.support.tenants import create_key, create_workspace
from tests.support.waiting import until, until_async
from tests.support.wordpress import PHP, WordPress, missing_reason
from tests.support.wordpress_shop import (
    RECORDINGS,
    Shop,
    assert_like,
    gravity_recording,
    operator_session,
    save_connection,
    settings_url,
)

DAY = 86400
ASKING_FIELDS: list[dict[str, Any]] = [
    {"key": "email", "label": "E-mail", "type": "email", "required": True, "maps_to": "email"},
]

# Functions and syntax of PHP 8 that PHP 7.4 has not, in lines of code.
NEWER_PHP = re.compile(
    r"\b(str_(contains|starts_with|ends_with)|array_is_list|get_debug_type|match|enum|readonly|array_find)\s*\(?\s*[({$]"
    r"|,\s*\)\s*(:\s*\??\w+\s*)?\{|\?->|#\[|\bstatic fn [^(]|function __construct\(\s*(private|public|protected)"
)


def test_archive_holds_what_is_installed(tmp_path: Path) -> None:
    archive = write_archive(tmp_path)
    assert archive.name == f"leadhub-{plugin_version()}.zip"
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    folders = {name.split("/")[1] for name in names}
    assert all(name.startswith("leadhub/") for name in names)
    assert folders == {
        *("LICENSE", "leadhub.php", "readme.txt", "uninstall.php"),
        *("assets", "block", "includes", "languages"),
    }
    for name in ("languages/leadhub-ar.mo", "block/block.json", "assets/admin.css", "includes/QueueTable.php"):
        assert f"leadhub/{name}" in names
    assert archive.read_bytes() == write_archive(tmp_path / "again").read_bytes()


def test_versions_agree() -> None:
    readme = (PLUGIN_DIR / "readme.txt").read_text(encoding="utf-8")
    head = (PLUGIN_DIR / "leadhub.php").read_text(encoding="utf-8")
    plugin = (PLUGIN_DIR / "includes" / "Plugin.php").read_text(encoding="utf-8")
    assert f"Stable tag: {plugin_version()}\n" in readme
    assert f"VERSION = '{plugin_version()}'" in plugin
    for line in ("Requires at least", "Requires PHP"):
        (in_readme,) = re.findall(rf"^{line}: +(\S+)$", readme, re.MULTILINE)
        assert re.search(rf"{line}: +{re.escape(in_readme)}\n", head)


def test_texts_are_up_to_date_and_translated() -> None:
    """If they are not: `python -m integrations.wordpress.plugin_texts`, then translate what is empty."""
    for path, content in catalogue_files().items():
        assert path.read_bytes() == content, path.name
    with (TEXTS_DIR / "leadhub-ar.po").open("rb") as file:
        messages = list(read_po(file, locale="ar"))
    assert [m.id for m in messages if m.id and (not m.string or not all([*m.string]) or m.fuzzy)] == []


def test_code_is_that_of_php_7_4() -> None:
    if PHP is None:
        pytest.skip("there is no php here")
    files = sorted(PLUGIN_DIR.rglob("*.php"))
    command = [PHP, "-l", *map(str, files)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout
    for path in files:
        code = path.read_text(encoding="utf-8")
        assert NEWER_PHP.search(code) is None, (path.name, NEWER_PHP.search(code))
        assert "defined('ABSPATH') || exit;" in code or "defined('WP_UNINSTALL_PLUGIN') || exit;" in code
        assert max(map(len, code.splitlines())) <= 120, path.name


@pytest.fixture(scope="module")
def shop(shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that is not connected yet."""
    if reason := missing_reason():
        pytest.skip(reason)
    shared_stack.until_settled()
    slug = f"shop-{secrets.token_hex(4)}"
    create_workspace(shared_stack.database_url, slug, "The shop")
    key, _ = create_key(shared_stack.database_url, "submit:leads", workspace=slug)
    reading_key, _ = create_key(shared_stack.database_url, "*", workspace=slug)
    wordpress = WordPress(tmp_path_factory.mktemp("wordpress"))
    assert wordpress.run("activate") == {"problem": ""}
    return Shop(wordpress, shared_stack, slug, key, reading_key)


@pytest.fixture
def connected_shop(shop: Shop) -> Shop:
    """A shop whose key is saved, and whose queue sends again."""
    shop.stack.until_settled()
    shop.connect()
    return shop


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
    assert found["errors"] == ["The entry has no email address, which LeadHub needs."]
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
    assert "LeadHub cannot be reached" in network.run("state", path="/second/")["state"]["last_error"]
    network.configure(network.network_config + "define('LEADHUB_ALLOW_PRIVATE_ADDRESS', true);")

    def are_sent() -> bool:
        return all(network.run("cron", path=path)["counts"]["sent"] == 1 for path in ("/", "/second/"))

    until(are_sent, what="the entries of both sites")
    assert [shop.await_lead(email)["email"] for email in emails] == emails
    found = network.run("uninstall")
    assert {"wp_leadhub_queue", "wp_2_leadhub_queue"} <= set(found["before"])
    assert found["after"] == []
