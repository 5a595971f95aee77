"""A lead as a story: what people log, folds of the machine's runs, the score as a sum, and the way that it came."""

import json
import re
import secrets
from typing import Any

from playwright.async_api import Browser, expect

from tests.support.console import ConsoleClient, Reader, console_client, needs_chromium, watched_page
from tests.support.console_leads import call_api, new_lead, post_inbound
from tests.support.stack import Stack
from tests.support.waiting import until

ADD_ENTRIES = """
INSERT INTO activities (workspace_id, lead_id, type, data)
SELECT w.id, %s, e->>0, e->1 FROM workspaces w, json_array_elements(%s::json) e WHERE w.slug = 'main'
"""
ADD_ATTRIBUTION = """
INSERT INTO lead_attributions (workspace_id, lead_id, first_at, first, last_at, last)
SELECT id, %(lead)s, now(), %(first)s, now(), %(last)s FROM workspaces WHERE slug = 'main'
"""
ADJUST = "UPDATE leads SET lead_score = lead_score + %s WHERE id = %s"


def add_entries(stack: Stack, lead_id: int, *entries: tuple[str, dict[str, Any]]) -> None:
    with stack.database() as database:
        database.execute(ADD_ENTRIES, (lead_id, json.dumps(entries)))


def timeline_of(stack: Stack, lead_id: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = call_api(stack, "GET", f"/api/v1/leads/{lead_id}/activities")
    return entries


@needs_chromium
async def test_a_call_is_logged_by_two_keys_and_taken_back(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    phone = f"+49301{secrets.randbelow(10**7):07}"
    lead = new_lead(shared_stack, phone=phone)
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await watched.open(f"/console/main/leads/{lead['id']}")
        await watched.press("l")
        await expect(page.get_by_role("radio", name="reached", exact=True)).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status").filter(has_text="The call is logged.")).to_be_visible()
        card = page.locator("#timeline .own")
        await expect(card).to_contain_text("Ada Lovelace called")
        await expect(card).to_contain_text("reached")
        await page.get_by_role("button", name="Undo").click()
        await expect(card).to_have_count(0)
        assert [entry["type"] for entry in timeline_of(shared_stack, lead["id"])] == ["lead.created"]

        # A link that calls sets the form up for what was done.
        await page.get_by_role("radio", name="Note").check(force=True)
        call = page.locator(".head").get_by_role("link", name=phone)
        await expect(call).to_have_attribute("href", f"tel:{phone}")
        await call.evaluate("link => link.addEventListener('click', event => event.preventDefault())")
        await call.click()
        await expect(page.get_by_text("You called? Say how it went.")).to_be_visible()
        await page.keyboard.press("ArrowRight")
        await page.get_by_label("What was said").fill("<b>Prefers</b> calls after five")
        await page.get_by_role("button", name="Log the call").click()
        await expect(card).to_contain_text("<b>Prefers</b> calls after five")
        await expect(card).to_contain_text("no answer")
        await page.get_by_role("link", name="People’s", exact=True).click()
        await expect(page.locator("#entries > li:not(.day-heading)")).to_have_count(1)
        await page.get_by_role("button", name="Take back").click()
        await expect(page.get_by_text("It is taken back.")).to_be_visible()
        assert watched.faults == []


async def test_who_may_log_and_take_back(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    lead, secret = new_lead(shared_stack), f"said-{secrets.token_hex(6)}"
    path = f"/console/main/leads/{lead['id']}"
    assert (await client.post(f"{path}/activities", {"type": "note", "text": secret})).status == 303
    entry = timeline_of(shared_stack, lead["id"])[0]
    assert (entry["type"], entry["data"]["text"]) == ("note.logged", secret)
    wrong: tuple[dict[str, str], ...] = (
        {"type": "note", "text": " "},
        {"type": "fax"},
        {},
        {"type": "call", "outcome": "angry"},
        {"type": "call", "text": "x" * 5001},
        {"type": "note", "text": "\0"},
    )
    for sent in wrong:
        refused = await client.post(f"{path}/activities", sent)
        assert (refused.status, 'role="alert"' in refused.text) == (422, True), sent
    for absent in (f"{path}/activities/{2**62}/take-back", f"{path}/activities/x/take-back"):
        assert (await client.post(absent)).status == 404
    back = f"{path}/activities/{entry['id']}/take-back"
    async with console_client(shared_stack.base, readers["agent"].email) as agent:
        assert secret in (await agent.get(path)).text
        assert (await agent.post(back)).status == 404  # only who logged it
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        shown = await reader.get(path)
        assert (secret in shown.text, 'id="log"' in shown.text, "tel:" in shown.text) == (False, False, False)
        assert (await reader.post(f"{path}/activities", {"type": "call"})).status == 403
        assert (await reader.post(back)).status == 403
    async with console_client(shared_stack.base, readers["stranger"].email) as stranger:
        elsewhere = f"/console/elsewhere/leads/{lead['id']}/activities"
        assert (await stranger.post(elsewhere, {"type": "call"})).status == 404
        assert (await stranger.post(f"{elsewhere}/{entry['id']}/take-back")).status == 404
    with shared_stack.database() as database:
        database.execute("UPDATE activities SET created_at = now() - interval '25 hours' WHERE id = %s", (entry["id"],))
    assert back not in (await client.get(path)).text
    assert (await client.post(back)).status == 404


@needs_chromium
async def test_runs_of_the_machine_fold_and_open(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    lead = new_lead(shared_stack)
    scored = {"by": {"kind": "scoring", "id": None}}
    sent = ("delivery.sent", {"kind": "webhook", "event": "lead.created", "attempts": 1})
    add_entries(
        shared_stack,
        lead["id"],
        ("lead.updated", {**scored, "changes": {"lead_score": {"from": 0, "to": 20}}}),
        sent,
        ("delivery.failed", {"kind": "slack", "attempts": 2}),
        sent,
        ("lead.updated", {**scored, "changes": {"lead_score": {"from": 20, "to": 75}}}),
        sent,
    )
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await watched.open(f"/console/main/leads/{lead['id']}")
        lines = page.locator("#entries > li:not(.day-heading)")
        await expect(lines).to_have_count(3)
        await expect(lines.nth(0)).to_contain_text("3 deliveries")
        await expect(lines.nth(0)).to_contain_text("1 could not be sent")
        await expect(lines.nth(1)).to_contain_text("Score from 0 to 75")
        inner = lines.nth(0).locator(".fold li")
        await expect(inner.first).to_be_hidden()
        await lines.nth(0).locator("summary").press("Enter")
        await expect(inner).to_have_count(4)
        await expect(inner.first).to_be_visible()
        await expect(page.locator("#deliveries")).to_have_count(0)
        await page.get_by_role("link", name="Everything", exact=True).click()
        await expect(lines).to_have_count(7)
        await page.get_by_role("link", name="Deliveries", exact=True).click()
        await expect(lines).to_have_count(4)
        assert watched.faults == []


POINTS = re.compile(r'<span class="num ltr">([+−]?[\d,]+)</span>')


def shown_points(text: str) -> list[int]:
    """The points of each part of the sum, and the score."""
    return [int(number.replace("−", "-").replace(",", "")) for number in POINTS.findall(text)]


async def test_the_score_is_a_sum_of_rules_and_adjustments(client: ConsoleClient, shared_stack: Stack) -> None:
    source = f"score-{secrets.token_hex(4)}"
    wanted: list[tuple[str, str, Any, int]] = [
        ("source", "equals", source, 40),
        ("company", "is_empty", None, -5),
        ("custom_fields.seats", "greater_than", 30, 20),
        ("job_title", "contains", "chief", 1000),
        ("status", "equals", "new", 1),
    ]
    rules = [
        call_api(
            shared_stack,
            "POST",
            "/api/v1/lead-scoring-rules",
            {"field": field, "operator": operator, "value": value, "points": points},
        )
        for field, operator, value, points in wanted
    ]
    try:
        email = f"{secrets.token_hex(8)}@example.com"
        lead_id = post_inbound(shared_stack, email=email, source=source, custom_fields={"seats": 50})
        path, api = f"/console/main/leads/{lead_id}", f"/api/v1/leads/{lead_id}"
        until(lambda: call_api(shared_stack, "GET", api)["lead_score"] == 56, what="the score")
        shown = (await client.get(path)).text
        assert shown_points(shown) == [40, -5, 20, 1, 56]
        assert "Why the score is 56" in shown
        assert f"<bdi>Source</bdi> is <bdi>{source}</bdi>" in shown
        assert "<bdi>Status</bdi> is <bdi>new</bdi>" in shown

        # A rule that goes is no part any more, and what it gave is not hidden. So is what nobody remembers.
        call_api(shared_stack, "DELETE", f"/api/v1/lead-scoring-rules/{rules.pop(2)['id']}")
        with shared_stack.database() as database:
            database.execute(ADJUST, (7, lead_id))
        by = {"by": {"kind": "automation", "id": 2**40}, "changes": {"lead_score": {"from": 56, "to": 59}}}
        add_entries(shared_stack, lead_id, ("lead.updated", by))
        shown = (await client.get(path)).text
        assert shown_points(shown) == [40, -5, 1, 20, 3, 4, 63]
        assert "Changed since it was scored" in shown
        assert "An automation that was deleted" in shown
        assert "who adjusted it is not kept any more" in shown
    finally:
        for rule in rules:
            call_api(shared_stack, "DELETE", f"/api/v1/lead-scoring-rules/{rule['id']}")


async def test_the_way_of_a_lead_is_a_path(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    email, secret = f"{secrets.token_hex(8)}@example.com", secrets.token_hex(6)
    page = f"https://shop.example/{secret}?utm_source=newsletter&utm_campaign=autumn"
    first = {
        **{"landing_page": page, "referrer": "https://search.example/ads"},
        **{"utm_source": "newsletter", "utm_campaign": "autumn"},
    }
    lead_id = post_inbound(shared_stack, email=email, source="site", country="DE")
    once = (await client.get(f"/console/main/leads/{lead_id}")).text
    assert ("<dd>Once</dd>" in once, "<bdi>Germany</bdi>" in once) == (True, True)
    post_inbound(shared_stack, email=email, source="webinar")
    with shared_stack.database() as database:
        touches = {"first": json.dumps(first), "last": json.dumps({"utm_source": "zoom", "referrer": "http://["})}
        database.execute(ADD_ATTRIBUTION, {"lead": lead_id, **touches})
    path = f"/console/main/leads/{lead_id}"
    shown = (await client.get(path)).text
    way = shown[shown.index('class="touch-path"') : shown.index("</ol>", shown.index('class="touch-path"'))]
    told = [way.find(text) for text in ("first touch", "newsletter", "autumn", "landed on", secret, "became a lead")]
    assert told == sorted(told)
    assert told[0] >= 0
    assert "webinar" in way[way.index("last touch") :]
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        assert secret not in (await reader.get(path)).text


async def test_what_is_logged_counts_as_activity(client: ConsoleClient, shared_stack: Stack) -> None:
    steps = [{"action": {"type": "add_tag", "tag": "silent"}}]
    trigger = {"type": "no_activity", "minutes": 600}
    automation = call_api(
        shared_stack, "POST", "/api/v1/automations", {"name": "Silent", "trigger": trigger, "steps": steps}
    )
    lead = new_lead(shared_stack)
    path = f"/console/main/leads/{lead['id']}/activities"
    try:
        assert (await client.post(path, {"type": "call", "outcome": "no_answer"})).status == 303
        entry = timeline_of(shared_stack, lead["id"])[0]
        timer = "SELECT 1 FROM inactivity_timers WHERE lead_id = %s AND activity_id = %s"
        with shared_stack.database() as database:
            until(lambda: database.execute(timer, (lead["id"], entry["id"])).fetchone(), what="the timer")
    finally:
        call_api(shared_stack, "DELETE", f"/api/v1/automations/{automation['id']}")
