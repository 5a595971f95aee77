"""Charts answer: a crosshair with values, a stretch that leads to its submissions, and the receiver to blame."""

from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Browser, Page, expect

from services.console.queues.busiest_receiver import LEAST_DUE, read_busiest_receiver
from shared.platform.db.connections import connect
from tests.support.console import ConsoleClient, Reader, needs_chromium, watched_page
from tests.support.console_routes import make_webhook
from tests.support.stack import Stack

NOW = "/console/main/now?all=1"
ADD_DUE = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, subscription_id, endpoint, payload, due_at)
SELECT s.workspace_id, 'msg_' || s.id || '_' || n, 'webhook', 'lead.created', s.id, 'subscription:' || s.id, '{}',
       now() - interval '1 minute'
FROM webhook_subscriptions s, generate_series(1, %(n)s::int) n WHERE s.id = %(id)s
"""


async def middle_of(page: Page, share: float) -> tuple[float, float]:
    """A place on the first chart's plot, from 0 at its start to 1 at its end."""
    box = await page.locator("svg.chart .plot").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] * share, box["y"] + box["height"] / 2


@needs_chromium
async def test_a_chart_tells_its_values_and_a_stretch_leads_to_its_submissions(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(NOW)
        tip, chart = page.locator(".chart-tip"), page.locator("svg.chart").first
        await page.mouse.move(*await middle_of(page, 0.5))
        for word in ("accepted", "done", "failed"):
            await expect(tip).to_contain_text(word)
        await chart.focus()
        told = [await tip.locator("> b").inner_text()]
        for key in ("ArrowLeft", "ArrowLeft"):
            await page.keyboard.press(key)
            await expect(tip.locator("> b")).not_to_have_text(told[-1])
            told.append(await tip.locator("> b").inner_text())
        assert told == sorted(told, reverse=True) or "00:" in told[0]  # each a minute earlier, but for midnight
        await page.keyboard.press("Escape")
        await expect(tip).to_be_hidden()

        await page.mouse.move(*await middle_of(page, 0.25))
        await page.mouse.down()
        await page.mouse.move(*await middle_of(page, 0.5), steps=3)
        await expect(page.locator(".chart-stretch")).to_be_visible()
        await page.mouse.up()
        await page.wait_for_url("**/submissions?**")
        query = parse_qs(urlsplit(page.url).query)
        assert query.keys() == {"received_after", "received_before"}
        assert query["received_after"] < query["received_before"]
        assert watched.faults == []


async def test_the_receiver_that_holds_what_waits_is_named(stack: Stack, client: ConsoleClient) -> None:
    urls = ("https://crm.example.com/x", "https://other.example.com/x")
    busy, other = (int(make_webhook(stack, url=url)["id"]) for url in urls)
    async with connect(stack.database_url, "tests") as connection:
        workspace = await (await connection.execute("SELECT id FROM workspaces WHERE slug = 'main'")).fetchone()
        assert workspace is not None
        async with connection.transaction(force_rollback=True):  # so that nobody sends them
            await connection.execute(ADD_DUE, {"id": busy, "n": LEAST_DUE - 1})
            assert await read_busiest_receiver(connection, workspace[0]) is None
            await connection.execute(ADD_DUE.replace("'msg_'", "'more_'"), {"id": busy, "n": 81 - LEAST_DUE})
            await connection.execute(ADD_DUE, {"id": other, "n": 20})
            found = await read_busiest_receiver(connection, workspace[0])
            assert found is not None
            assert (found.waiting, found.due, found.webhook_id, found.name) == (80, 100, busy, "crm.example.com")
            await connection.execute(ADD_DUE.replace("'msg_'", "'more_'"), {"id": other, "n": 61})
            found = await read_busiest_receiver(connection, workspace[0])
            assert found is not None
            assert (found.webhook_id, found.waiting) == (other, 81)
    for page in ("queues?lane=deliveries", "now?all=1"):
        assert (await client.get(f"/console/main/{page}")).status == 200
