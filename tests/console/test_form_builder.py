"""The form builder in a browser: a form from a template, changed, published, seen by visitors, and taken back."""

import html
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.support.console import ConsoleClient, Reader, WatchedPage, needs_chromium, watched_page
from tests.support.console_routes import make_form
from tests.support.hostile_texts import MARK, PAYLOADS
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = needs_chromium

SAVED = re.compile("Draft saved")
TOKEN = re.compile(r"/f/([\w-]+)")


@pytest_asyncio.fixture
async def builder(browser: Browser, shared_stack: Stack, readers: dict[str, Reader]) -> AsyncIterator[WatchedPage]:
    """A manager at a desk."""
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        yield watched
        assert watched.faults == []


def rows(watched: WatchedPage) -> Locator:
    """The questions in the list of fields."""
    return watched.page.locator("[data-place] .cut")


async def open_form(watched: WatchedPage, stack: Stack, **members: object) -> int:
    """The id of a new form whose builder is open."""
    id_ = int(make_form(stack, **members)["id"])
    await watched.open(f"/console/main/forms/{id_}")
    return id_


async def test_form_from_a_template_to_its_visitors_and_back(builder: WatchedPage, shared_stack: Stack) -> None:
    page = builder.page
    await builder.open("/console/main/forms/new?template=callback")
    await page.fill("#name", "Call me")
    await page.get_by_role("button", name="Make the form").click()
    await expect(page.locator("#form-tags")).to_have_text("live, version 1")
    await expect(rows(builder)).to_have_count(5)
    preview = page.frame_locator("[data-frame] iframe")
    await expect(preview.get_by_role("heading", name="We call you back")).to_be_visible()
    await page.locator('[data-place="1"] button').click()
    await page.fill("#i-f_label", "Mobile number")
    await expect(page.locator("#draft-state")).to_have_text(SAVED)
    await expect(rows(builder).nth(1)).to_contain_text("Mobile number")
    await expect(preview.get_by_text("Mobile number")).to_be_visible()
    await expect(page.locator("#form-tags")).to_contain_text("draft, 1 change")
    await page.get_by_role("button", name="Publish version 2").click()
    await expect(page.locator(".toast")).to_contain_text("Version 2 is published")
    found = TOKEN.search(await page.locator(".frame .mono").inner_text())
    assert found
    async with page.context.expect_page() as opened:
        await page.evaluate(f"void open('/f/{found[1]}')")
    await expect((await opened.value).get_by_text("Mobile number")).to_be_visible()
    await page.get_by_role("link", name="Versions", exact=True).click()
    await expect(page.locator("ol.versions")).to_contain_text("Question changed: Phone → Mobile number")
    await page.get_by_role("button", name="Make it the draft").click()
    await expect(rows(builder).nth(1)).to_contain_text("Phone")
    await page.get_by_role("button", name="Publish version 3").click()
    await expect(page.locator("#form-tags")).to_have_text("live, version 3")


async def test_fields_are_moved_by_keys_and_dragged_and_deleted_and_brought_back(
    builder: WatchedPage, shared_stack: Stack
) -> None:
    page = builder.page
    await open_form(builder, shared_stack, name="Moved")
    await page.locator(".add-field summary").click()
    await page.get_by_role("button", name="Company").click()
    await expect(rows(builder)).to_have_text([re.compile("E-mail"), "Your message", "Company"])
    await page.locator('[data-place="2"] button').focus()
    await page.keyboard.press("Alt+ArrowUp")
    await expect(rows(builder)).to_have_text([re.compile("E-mail"), "Company", "Your message"])
    await expect(page.locator('[data-place="1"] button')).to_be_focused()
    grip = await page.locator('[data-place="0"] [data-grip]').bounding_box()
    target = await page.locator('[data-place="2"]').bounding_box()
    assert grip
    assert target
    await page.mouse.move(grip["x"] + 8, grip["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(target["x"] + 8, target["y"] + 10, steps=8)
    await page.mouse.up()
    await expect(rows(builder)).to_have_text(["Company", "Your message", re.compile("E-mail")])
    await expect(page.locator('[data-place="2"]')).to_have_class(re.compile("cur"))
    await page.locator(".field-in").get_by_role("button", name="Delete").click()
    await expect(rows(builder)).to_have_text(["Company", "Your message"])
    await page.locator("#builder-toast").get_by_role("button", name="Undo").click()
    await expect(rows(builder)).to_have_text(["Company", "Your message", re.compile("E-mail")])


async def test_wrong_inputs_are_told_and_a_form_that_contradicts_itself_is_not_published(
    builder: WatchedPage, shared_stack: Stack
) -> None:
    page = builder.page
    await open_form(builder, shared_stack, name="Wrong")
    await page.fill("#i-s_allowed_origins", "https://a.example/path")
    await expect(page.locator("#p-s_allowed_origins")).to_contain_text("without a path")
    await expect(page.locator("#draft-state")).to_have_text("Not saved: 1 input")
    await page.fill("#i-s_allowed_origins", "https://a.example")
    await expect(page.locator("#draft-state")).to_have_text(SAVED)
    await expect(page.locator("#p-s_allowed_origins")).to_have_text("")
    await page.locator('[data-place="1"] button').click()
    await page.select_option("#i-f_type", "radio")
    await expect(page.locator("#draft-problems")).to_contain_text("it has no choices yet")
    await expect(page.locator("#publish button")).to_be_disabled()
    await page.fill("#i-f_options", "One\nTwo")
    await expect(page.locator("#publish button")).to_be_enabled()


PLAN = {"key": "plan", "label": "Plan", "type": "radio", "options": ["solo", "team"]}
CONSENT = {"key": "consent", "label": "Consent", "type": "consent"}


async def test_a_condition_chooses_from_the_answers_and_an_unknown_one_is_not_published(
    builder: WatchedPage, shared_stack: Stack
) -> None:
    page = builder.page
    seats = {"key": "seats", "label": "How many?", "type": "number"}
    id_ = await open_form(builder, shared_stack, name="Asked", fields=[PLAN, CONSENT, seats])
    await page.locator('[data-place="2"] button').click()
    await page.get_by_text("Help, key, step, condition").click()
    await page.get_by_label("Field", exact=True).first.select_option("plan")
    # The first answer is chosen at once, so that nothing is half said.
    value = page.get_by_label("Value", exact=True)
    await expect(value).to_have_value("solo")
    await expect(page.get_by_label("Field", exact=True).first).to_be_focused()
    await expect(page.get_by_label("Comparison").first.locator("option")).to_have_count(5)
    await value.select_option("team")
    preview = page.frame_locator("[data-frame] iframe")
    await expect(preview.locator("[data-key=seats]")).to_have_attribute("data-show-if", re.compile("team"))
    await expect(preview.get_by_label("How many?")).to_be_hidden()
    await preview.get_by_label("team").check()
    await expect(preview.get_by_label("How many?")).to_be_visible()
    await page.get_by_label("Comparison").first.select_option("in")
    await expect(page.get_by_role("checkbox", name="team")).to_be_checked()
    await page.get_by_role("checkbox", name="solo").check()
    await page.get_by_label("Field", exact=True).nth(1).select_option("consent")
    await expect(page.get_by_label("Value", exact=True)).to_have_text("ticked")
    await page.get_by_role("button", name="Publish version 2").click()
    await expect(page.locator("#form-tags")).to_have_text("live, version 2")
    with shared_stack.database() as database:
        [(fields,)] = database.execute("SELECT fields FROM forms WHERE id = %s", (id_,)).fetchall()
    wanted = [
        {"field": "plan", "operator": "in", "value": ["solo", "team"]},
        {"field": "consent", "operator": "equals", "value": "true"},
    ]
    assert fields[2]["show_if"] == {"all": wanted}
    await page.locator('[data-place="0"] button').click()
    await page.fill("#i-f_options", "solo\nenterprise")
    problems = page.locator("#draft-problems")
    await expect(problems).to_contain_text("its condition asks for a choice that is not there: team")
    await expect(page.locator("#publish button")).to_be_disabled()
    await problems.get_by_role("button", name="How many?").click()
    await page.get_by_role("checkbox", name="team").uncheck()
    await expect(page.locator("#publish button")).to_be_enabled()


async def test_what_is_set_for_a_field_stays_with_it(builder: WatchedPage, shared_stack: Stack) -> None:
    page = builder.page
    lines = [{"key": key, "label": key, "type": "text"} for key in ("seats", "extra")]
    id_ = await open_form(builder, shared_stack, name="Apart", fields=[PLAN, *lines])
    await page.locator('[data-place="1"] button').click()
    await page.get_by_text("Help, key, step, condition").click()
    await page.fill("#i-f_help", "For how many people?")
    await page.fill("#i-f_step", "2")
    await page.select_option("#i-f_maps_to", "job_title")
    await page.get_by_label("Required").check()
    await page.get_by_label("Field", exact=True).first.select_option("plan")
    await expect(page.get_by_label("Value", exact=True)).to_have_value("solo")
    await expect(page.locator("#draft-state")).to_have_text(SAVED)
    await page.locator('[data-place="2"] button').click()
    await expect(page.locator("#i-f_label")).to_have_value("extra")
    await expect(page.get_by_label("Required")).not_to_be_checked()
    await page.fill("#i-f_label", "Anything else?")
    await expect(rows(builder).nth(2)).to_have_text("Anything else?")
    await page.get_by_role("button", name="Publish version 2").click()
    await expect(page.locator("#form-tags")).to_have_text("live, version 2")
    with shared_stack.database() as database:
        [(fields,)] = database.execute("SELECT fields FROM forms WHERE id = %s", (id_,)).fetchall()
    seats, extra = fields[1:]
    settings = ("help", "step", "maps_to", "required", "show_if")
    assert [seats[name] for name in settings[:4]] == ["For how many people?", 2, "job_title", True]
    assert [extra[name] for name in settings] == [None, 1, None, False, None]


async def test_a_new_field_stands_above_the_consent_and_its_key_follows_its_question(
    builder: WatchedPage, shared_stack: Stack
) -> None:
    page = builder.page
    await open_form(builder, shared_stack, name="Followed", fields=[PLAN, CONSENT])
    await page.locator(".add-field summary").click()
    await page.get_by_role("button", name="one line").click()
    await expect(rows(builder)).to_have_text(["Plan", "New question", "Consent"])
    await page.get_by_text("Help, key, step, condition").click()
    key = page.get_by_label("Key", exact=True)
    await expect(key).to_have_value("new_question")
    await page.locator("#i-f_label").fill("")
    await page.locator("#i-f_label").press_sequentially("Team size", delay=20)
    await expect(key).to_have_value("team_size")
    await expect(page.locator("#i-f_label")).to_be_focused()
    await expect(page.get_by_text("It follows the question")).to_be_visible()
    await page.get_by_role("button", name="Publish version 2").click()
    await expect(page.locator("#form-tags")).to_have_text("live, version 2")
    await page.locator('[data-place="1"] button').click()
    await page.fill("#i-f_label", "How many people")
    await expect(rows(builder).nth(1)).to_have_text("How many people")
    await expect(key).to_have_value("team_size")
    await expect(page.get_by_text("It follows the question")).to_have_count(0)


async def test_two_editors_are_told_of_each_other(
    browser: Browser, builder: WatchedPage, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    id_ = await open_form(builder, shared_stack, name="Shared")
    async with watched_page(browser, shared_stack.base, readers["admin"].email) as other:
        await other.open(f"/console/main/forms/{id_}")
        await other.page.fill("#i-s_title", "Theirs")
        await expect(other.page.locator("#draft-state")).to_have_text(SAVED)
        await builder.page.fill("#i-s_intro", "Mine")
        banner = builder.page.locator("#draft-problems")
        await expect(banner).to_contain_text("What you typed is still here, and not saved")
        await banner.get_by_role("button", name="Save mine over it").click()
        await expect(builder.page.locator("#draft-state")).to_have_text(SAVED)
        await expect(banner).to_have_text("")
        await other.page.fill("#i-s_title", "Theirs again")
        await other.page.get_by_role("link", name="Load theirs").click()
        await expect(other.page.locator("#i-s_intro")).to_have_value("Mine")
        assert other.faults == []


async def test_the_first_visit_is_seen_while_it_happens(builder: WatchedPage, shared_stack: Stack) -> None:
    page = builder.page
    form = make_form(shared_stack, name="Embedded", settings={"allowed_origins": ["https://shop.example"]})
    await builder.open(f"/console/main/forms/{form['id']}/embed?way=html")
    await expect(page.locator(".command-line code")).to_contain_text('<input name="email" type="email"')
    await page.get_by_role("link", name="Link and QR code").click()
    await expect(page.locator("svg.qr-code")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_contain_text("May stand on shop.example.")
    await expect(page.locator("#visits")).to_contain_text("Waiting for its first visit")
    assert (await page.request.get(f"{shared_stack.base}/f/{form['public_id']}?utm_source=fair")).ok
    await expect(page.locator("#visits")).to_contain_text("1 visit", timeout=60_000)
    await builder.open(f"/console/main/forms/{form['id']}/numbers?days=30")
    await expect(page.locator("table")).to_contain_text("fair")


async def test_a_test_makes_no_lead_and_is_not_counted(builder: WatchedPage, shared_stack: Stack) -> None:
    page, form = builder.page, make_form(shared_stack, name="Tried", settings={"title": "Try me"})
    await builder.open(f"/console/main/forms/{form['id']}")
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="Send a test").click()
    tried = await opened.value
    await expect(tried.get_by_role("note")).to_contain_text("makes no lead")
    await tried.fill("[name=email]", "tried@example.com")
    await tried.locator("button[type=submit]").click()
    await expect(tried.get_by_text("Your answers have arrived")).to_be_visible()

    async def is_kept() -> bool:
        await builder.open(f"/console/main/submissions?channel=form:{form['id']}")
        return await page.get_by_text("a test: it makes no lead").count() == 1

    await until_async(is_kept, what="the test among the submissions")
    with shared_stack.database() as database:
        assert database.execute("SELECT 1 FROM leads WHERE email = 'tried@example.com'").fetchone() is None
        assert database.execute("SELECT 1 FROM form_counts WHERE form_id = %s", (form["id"],)).fetchone() is None


async def test_hostile_texts_of_a_form_stay_texts(builder: WatchedPage, shared_stack: Stack) -> None:
    texts = [text[:250] for text in PAYLOADS]
    fields = [
        {"key": f"f{number}", "type": "radio", "label": text, "options": [text, "x"], "help": text}
        for number, text in enumerate(texts)
    ]
    settings = {"title": texts[0], "intro": texts[2], "submit_label": texts[1][:100], "success_message": texts[5]}
    id_ = await open_form(builder, shared_stack, name=texts[2], fields=fields, settings=settings)
    for below in ("?field=2", "/embed?way=html", "/versions", "/numbers", "?ask=delete", "/preview"):
        await builder.open(f"/console/main/forms/{id_}{below}")
        assert await builder.page.evaluate(f"window.{MARK.partition('=')[0].partition('.')[2]} === undefined"), below
        assert await builder.excess_width() <= 0, below


async def test_a_form_is_made_and_changed_without_scripts(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["manager"].email, java_script_enabled=False) as watched:
        page = watched.page
        await watched.open("/console/main/forms/new?template=blank")
        await page.get_by_role("button", name="Make the form").click()
        await page.locator(".add-field summary").click()
        await page.get_by_role("button", name="Company").click()
        await expect(rows(watched)).to_have_text([re.compile("E-mail"), "Company"])
        await page.fill("#i-f_label", "Your firm")
        await page.locator(".field-in").get_by_role("button", name="Up").click()
        await expect(rows(watched)).to_have_text(["Your firm", re.compile("E-mail")])
        await page.fill("#i-s_title", "Hello")
        await page.locator("#part-settings").get_by_role("button", name="Save the draft").click()
        await expect(page.frame_locator("iframe").get_by_role("heading", name="Hello")).to_be_visible()
        await page.locator(".field-in").get_by_role("button", name="Delete").click()
        await page.get_by_role("button", name="Undo").click()
        await expect(rows(watched)).to_have_text(["Your firm", re.compile("E-mail")])
        await page.get_by_role("button", name="Publish version 2").click()
        await expect(page.locator("#form-tags")).to_have_text("live, version 2")
        assert watched.faults == []


async def test_looking_is_for_all_and_changing_for_those_who_set_up(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        await open_form(watched, shared_stack, name="Looked at")
        page = watched.page
        await page.locator('[data-place="1"] a').click()
        await expect(page.locator("#i-f_label")).to_be_disabled()
        await page.get_by_role("button", name="Dark").click()
        await expect(page.frame_locator("iframe").get_by_text("Your message")).to_be_visible()
        await expect(page.locator("#publish")).to_have_count(0)
        assert watched.faults == []


@pytest.mark.parametrize("text", ['{"key": 7}', "[]", "no json", '{"key": "a", "type": "none"}'])
async def test_an_undo_that_is_no_field_changes_nothing(client: ConsoleClient, shared_stack: Stack, text: str) -> None:
    form = make_form(shared_stack, name="Undone")
    answer = await client.post(f"/console/main/forms/{form['id']}/draft", {"do": "undo:0", "removed": text})
    assert answer.status in (303, 422), html.unescape(answer.text)[:500]
    shown = await client.get(f"/console/main/forms/{form['id']}")
    assert "No draft" in shown.text
