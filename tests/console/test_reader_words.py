"""Words on pages for a reader: what was deleted has no machine's name, errors speak Arabic, long names stay short."""

import secrets

from playwright.async_api import Browser

from tests.support.automation_pages import AUTOMATIONS_PAGE
from tests.support.console import Reader, console_client, make_failed, needs_chromium, watched_page
from tests.support.console_failures import add_cause, workspace_of
from tests.support.console_leads import call_api
from tests.support.stack import Stack

BRING_BY_SQL = "UPDATE submissions SET channel = %s WHERE id = %s"
ADD_DELIVERY_SQL = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, endpoint, payload, state, attempts, error, cause_id)
VALUES (%s, %s, 'webhook', 'lead.created', 'host:gone.example', '{}', 'failed', 8, %s, %s)
"""
ADD_TAG = {"action": {"type": "add_tag", "tag": "twice"}}
LINE_PIXELS = 30  # more than one line of a breadcrumb, less than two


async def test_what_was_deleted_is_not_called_by_its_number(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with console_client(shared_stack.base, readers["admin"].email) as client:
        for channel, words in (
            ("form:999999", "Through a form that was"),
            ("integration:999999", "Through the webhook"),
        ):
            id_ = make_failed(shared_stack)
            with shared_stack.database() as database:
                database.execute(BRING_BY_SQL, (channel, id_))
            sentence = (await client.get(f"/console/main/submissions/{id_}")).text.partition(words)[2].partition("<")[0]
            assert "deleted since." in sentence, channel


async def test_why_a_delivery_failed_is_said_in_arabic(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    said = "552 the mailbox is full"
    with shared_stack.database() as database:
        cause, workspace = add_cause(database, "delivery", "The receiver answered 500."), workspace_of(database)
        for error in ("No answer came within 20 s.", "The host name could not be resolved.", said):
            database.execute(ADD_DELIVERY_SQL, (workspace, f"msg_{secrets.token_hex(8)}", error, cause))
    headers = {"Accept-Language": "ar"}
    async with console_client(shared_stack.base, readers["admin"].email, **headers) as client:
        page = (await client.get(f"/console/main/dead-letters?cause={cause}")).text
    assert ("لم تصل استجابة خلال 20 ث." in page, "لا عنوان لاسم المضيف." in page, said in page) == (True, True, True)
    assert "No answer came" not in page


@needs_chromium
async def test_a_long_name_takes_one_line_of_the_way_back(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    made = {"name": "Whoever asks twice " * 12, "trigger": {"type": "manual"}, "steps": [ADD_TAG]}
    id_ = call_api(shared_stack, "POST", "/api/v1/automations", made)["id"]
    phone = {"width": 390, "height": 844}
    async with watched_page(browser, shared_stack.base, readers["admin"].email, viewport=phone) as watched:
        await watched.open(f"{AUTOMATIONS_PAGE}/{id_}/runs")
        crumb = await watched.page.locator(".breadcrumb .long-name").locator("..").bounding_box()
        assert crumb
        assert crumb["height"] < LINE_PIXELS
        assert await watched.excess_width() <= 0
