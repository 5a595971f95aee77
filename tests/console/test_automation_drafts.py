"""Drafts and versions of automations without scripts: who was faster, secrets, runs that wait, and hostile input."""

import secrets
from itertools import product

from shared.platform.masking import SECRET_MASK
from tests.support.automation_pages import (
    AUTOMATIONS_PAGE,
    draft_revision,
    new_automation,
    press_button,
    publish_draft,
    stored_automation,
)
from tests.support.console import ConsoleClient
from tests.support.console_leads import call_api
from tests.support.stack import Stack
from tests.support.waiting import until

HOSTILE = '<img src=x onerror="alert(1)">\u202e'
PRIVATE_DRAFT = "UPDATE automation_drafts SET steps = %s WHERE automation_id = %s"
SECRETS = "SELECT a.secrets, d.secrets FROM automations a LEFT JOIN automation_drafts d ON d.automation_id = a.id"
TOO_LONG = "x" * 10_000
KINDS = (
    *("condition", "delay", "add_tag", "set_field", "set_status", "move_stage", "assign_user", "adjust_score"),
    *("send_webhook", "send_email", "send_sms", "notify_slack", "notify_users", "create_task", "", HOSTILE),
)
TAGGING = {"action": {"type": "add_tag", "tag": "reached"}}
INPUTS = (
    *("tag", "amount", "unit", "field", "value", "status", "stage_id", "user_id", "users", "points", "url", "secret"),
    *("to", "subject", "body", "text", "integration_id", "title", "due_in_hours", "custom", "c.0.field", "c.0.value"),
)


async def test_versions_tell_their_changes_and_come_back(shared_stack: Stack, client: ConsoleClient) -> None:
    made = new_automation(shared_stack, is_active=False)
    id_ = made["id"]
    kept = await press_button(client, id_, "keep", part="1", kind="set_status", status="lost")
    assert kept.status == 303
    assert (
        await press_button(client, id_, "keep", part="details", name="Renamed & more", description="why")
    ).status == 303
    page = await client.get(f"{AUTOMATIONS_PAGE}/{id_}")
    assert "draft, 3 changes" in page.text
    assert "Step 2 is changed" in page.text
    assert stored_automation(shared_stack, id_)["steps"] == made["steps"]
    assert (await publish_draft(client, id_)).status == 303
    assert (await publish_draft(client, id_)).status == 303  # nothing is left to publish
    now = stored_automation(shared_stack, id_)
    assert (now["name"], now["description"], now["is_active"]) == ("Renamed & more", "why", False)
    assert now["steps"][1] == {"action": {"type": "set_status", "status": "lost"}}
    # What the API changes is a version, too.
    call_api(shared_stack, "PUT", f"/api/v1/automations/{id_}", {"steps": made["steps"][:1]})
    versions = (await client.get(f"{AUTOMATIONS_PAGE}/{id_}/versions")).text
    assert [f"Version {number}" in versions for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert "Renamed &amp; more" in versions
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/versions/1/restore")).status == 303
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/versions/9/restore")).status == 404
    assert stored_automation(shared_stack, id_)["steps"] == made["steps"][:1]
    assert (await publish_draft(client, id_)).status == 303
    assert stored_automation(shared_stack, id_)["steps"] == made["steps"]
    # The newest 200 are kept.
    with shared_stack.database() as database:
        database.execute("UPDATE automations SET version = 200 WHERE id = %s", (id_,))
    call_api(shared_stack, "PUT", f"/api/v1/automations/{id_}", {"name": "The 201st"})
    versions = (await client.get(f"{AUTOMATIONS_PAGE}/{id_}/versions")).text
    assert [f"Version {number}<" in versions for number in (1, 2, 201)] == [False, True, True]
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/switch", {"on": "1"})).status == 303
    assert stored_automation(shared_stack, id_)["is_active"]
    assert "Published an automation" in (await client.get("/console/main/settings/audit-log")).text


async def test_stale_page_changes_nothing(shared_stack: Stack, client: ConsoleClient) -> None:
    id_ = new_automation(shared_stack)["id"]
    old = await draft_revision(client, f"{AUTOMATIONS_PAGE}/{id_}")
    assert (await press_button(client, id_, "up:2")).status == 303
    for form in ({"do": "delete:0"}, {"do": "keep", "part": "0", "kind": "add_tag", "tag": "mine"}):
        answer = await client.post(f"{AUTOMATIONS_PAGE}/{id_}/draft", {"revision": old, **form})
        assert answer.status == 409
        assert "The draft was changed meanwhile" in answer.text
    assert 'value="mine"' in answer.text
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/publish", {"revision": old})).status == 409
    assert (await client.get(f"{AUTOMATIONS_PAGE}/{id_}")).text.count('class="step-link"') == 3


async def test_secret_of_a_webhook_is_kept_and_never_shown(shared_stack: Stack, client: ConsoleClient) -> None:
    secret, url = f"s3cret-{secrets.token_hex(8)}", "https://crm.example.com/hook?token=inside"
    id_ = new_automation(shared_stack)["id"]
    hook = {"part": "0", "kind": "send_webhook", "url": url, "signed": "1"}
    refused = await press_button(client, id_, "keep", **hook)
    assert refused.status == 422
    assert "Type the secret" in refused.text
    assert (await press_button(client, id_, "keep", **hook, secret=secret)).status == 303
    shown = [(await client.get(f"{AUTOMATIONS_PAGE}/{id_}{query}")).text for query in ("", "?part=0", "/versions")]
    assert not any(secret in text for text in shown)
    assert "A secret is kept" in shown[1]
    assert "crm.example.com" in shown[0]
    assert "token=inside" not in shown[0]
    assert (await press_button(client, id_, "keep", **hook)).status == 303  # left empty: the kept one
    moved = await press_button(client, id_, "keep", **{**hook, "url": "https://other.example.com/"})
    assert moved.status == 422
    assert (await publish_draft(client, id_)).status == 303
    assert stored_automation(shared_stack, id_)["steps"][0]["action"]["secret"] == SECRET_MASK
    with shared_stack.database() as database:
        rows = database.execute(SECRETS + " WHERE a.id = %s", (id_,)).fetchall()
    assert rows[0][0]
    assert secret.encode() not in rows[0][0]
    log = (await client.get("/console/main/settings/audit-log")).text
    assert secret not in log


async def test_step_does_not_post_to_a_private_address(shared_stack: Stack, client: ConsoleClient) -> None:
    id_ = new_automation(shared_stack)["id"]
    hook = {"part": "0", "kind": "send_webhook"}
    for url in ("http://169.254.169.254/", "http://127.0.0.1/x", "http://[::ffff:7f00:1]/", "http://0x7f000001/"):
        refused = await press_button(client, id_, "keep", **hook, url=url)
        assert (refused.status, "This is a private address" in refused.text) == (422, True), url
    assert (await press_button(client, id_, "keep", **hook, url="https://crm.example.com/")).status == 303
    with shared_stack.database() as database:  # an earlier version may hold one
        database.execute(PRIVATE_DRAFT, ('[{"action": {"type": "send_webhook", "url": "http://10.0.0.1/"}}]', id_))
    assert "This is a private address" in (await client.get(f"{AUTOMATIONS_PAGE}/{id_}")).text
    assert (await publish_draft(client, id_)).status == 422


async def test_waiting_runs_are_counted_before_they_end(shared_stack: Stack, client: ConsoleClient) -> None:
    steps = [{"delay": {"days": 3}}, {"action": {"type": "add_tag", "tag": "late"}}]
    id_ = new_automation(shared_stack, steps=steps)["id"]
    lead = call_api(shared_stack, "POST", "/api/v1/leads", {"first_name": "Waits"})
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/run", {"lead": "no number"})).status == 422
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/run", {"lead": f"#{lead['id']}"})).status == 303
    until(lambda: call_api(shared_stack, "GET", f"/api/v1/automations/{id_}/runs")[0]["steps"], 60, "the delay")
    for question in ("delete", "off"):
        assert "1 run waits, and ends." in (await client.get(f"{AUTOMATIONS_PAGE}/{id_}?ask={question}")).text
    told_nothing = await client.post(f"{AUTOMATIONS_PAGE}/{id_}/switch", {"on": ""})
    assert told_nothing.location.endswith("?ask=off")
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/delete", {"count": "0"})).location.endswith("?ask=delete")
    assert stored_automation(shared_stack, id_)["is_active"]
    assert (await client.post(f"{AUTOMATIONS_PAGE}/{id_}/delete", {"count": "1"})).location.endswith("/automations")
    assert (await client.get(f"{AUTOMATIONS_PAGE}/{id_}")).status == 404


def hostile_automation(stack: Stack) -> int:
    """Make an automation of hostile texts. Return its id."""
    steps = [{"action": {"type": "create_task", "title": HOSTILE}}]
    trigger = {"type": "tag_added", "tag": HOSTILE[:100]}
    id_: int = new_automation(stack, name=HOSTILE, trigger=trigger, steps=steps)["id"]
    return id_


async def test_hostile_texts_are_shown_as_text(shared_stack: Stack, client: ConsoleClient) -> None:
    path = f"{AUTOMATIONS_PAGE}/{hostile_automation(shared_stack)}"
    for address in (AUTOMATIONS_PAGE, path, f"{path}?part=0", f"{path}?ask=delete", f"{path}/versions"):
        page = await client.get(address)
        assert page.status == 200, address
        assert "<img src=x" not in page.text, address


async def test_hostile_addresses_show_the_builder(shared_stack: Stack, client: ConsoleClient) -> None:
    path = f"{AUTOMATIONS_PAGE}/{hostile_automation(shared_stack)}"
    for query in (
        *("part=%00", "part=99", f"part={'9' * 5000}", "part=-1", "part=0&new=nothing"),
        *("add=99", "ask=x", "at=\u0661"),
    ):
        assert (await client.get(f"{path}?{query}")).status == 200, query[:20]
    assert (await client.get(path.replace("/main/", "/elsewhere/"))).status == 404


async def test_hostile_fields_of_a_step_are_kept_or_refused(shared_stack: Stack, client: ConsoleClient) -> None:
    id_ = hostile_automation(shared_stack)
    for kind, value in product(KINDS, ("", "\0", "   ", TOO_LONG, "9" * 18, "-1", "{{", "\ud800")):
        form = {**dict.fromkeys(INPUTS, value), "part": "0", "kind": kind, "signed": "1"}
        encoded = {name: text.encode(errors="surrogatepass").decode(errors="replace") for name, text in form.items()}
        answer = await press_button(client, id_, "keep", **encoded)
        assert answer.status in (303, 422), (kind, value[:5], answer.status)


async def test_hostile_buttons_and_names_are_refused(shared_stack: Stack, client: ConsoleClient) -> None:
    id_ = hostile_automation(shared_stack)
    for do in (
        *("up:-1", "move:0-999999", "delete:\0", f"copy:{'9' * 50}"),
        *("line:c.9", "drop:c", "group:c.0.0.0", HOSTILE),
    ):
        assert (await press_button(client, id_, do, part="0", kind="condition")).status in (200, 303), do
    for name in ("x" * 300, "\0 "):
        answer = await client.post(AUTOMATIONS_PAGE, {"recipe": "blank", "name": name})
        assert answer.status in (303, 422)
    assert (await client.post(AUTOMATIONS_PAGE, {"recipe": "nothing"})).status == 404


async def test_versions_without_end_are_pages_of_short_sentences(shared_stack: Stack, client: ConsoleClient) -> None:
    leaf = {"field": "source", "operator": "equals", "value": "afar"}
    groups = [{"all": [{"any": [leaf] * 4}] * 3}] * 5
    id_ = new_automation(shared_stack, steps=[{"condition": {"all": groups}}, TAGGING])["id"]
    path = f"{AUTOMATIONS_PAGE}/{id_}/versions"
    for number in range(2, 13):
        steps = [{"condition": {"all": [*groups, {**leaf, "value": f"place {number}"}]}}] * 55
        call_api(shared_stack, "PUT", f"/api/v1/automations/{id_}", {"steps": steps})
    page = (await client.get(path)).text
    assert [f"Version {number}<" in page for number in (12, 3, 2, 1)] == [True, True, False, False]
    assert page.count("afar") <= 10 * (12 + 10 * 2 * 12)  # a sentence a version, and ten changes before and after
    assert "45 more" in page
    older = (await client.get(f"{path}?before=3")).text
    assert [f"Version {number}<" in older for number in (3, 2, 1)] == [False, True, True]
    assert f'href="{path}?before=3"' in page
    assert f'href="{path}"' in older
    assert (await client.get(AUTOMATIONS_PAGE)).text.count("afar") <= 12
    for query in ("before=\0", "before=x", f"before={'9' * 5000}", "before=-1", "before=0"):
        assert (await client.get(f"{path}?{query}")).status == 200, query[:20]


async def test_automation_that_was_never_published_has_a_page_of_versions(client: ConsoleClient) -> None:
    made = await client.post(AUTOMATIONS_PAGE, {"recipe": "blank", "name": "Nothing yet"})
    page = await client.get(f"{made.location.partition('?')[0]}/versions")
    assert page.status == 200
    assert "Nothing of it is published yet." in page.text
