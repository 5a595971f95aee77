"""The page of a lead in a browser and without scripts: facts, conflicts, tags, tasks, neighbours, roles."""

import re
import secrets

from playwright.async_api import Browser, Page, expect

from tests.support.console import ConsoleClient, Reader, console_client, needs_chromium, watched_page
from tests.support.console_leads import call_api, new_lead, post_inbound
from tests.support.hostile_texts import PAYLOADS
from tests.support.stack import Stack
from tests.support.waiting import until


async def add_reword_and_finish_task(page: Page) -> None:
    """On the lead's page."""
    await page.locator("#task-title").fill("Call back")
    await page.locator(".task-add").get_by_role("button", name="Add", exact=True).click()
    await page.locator("#tasks summary").click()
    await page.get_by_label("What is to be done").fill("Call back on Monday")
    await page.locator("#tasks details").get_by_label("Due").fill("2031-05-05 09:30")
    await page.get_by_role("button", name="Save the task").click()
    await expect(page.locator("#tasks li")).to_contain_text("5 May 2031 09:30")
    await page.get_by_role("button", name="Done: Call back on Monday").click()
    await expect(page.get_by_role("button", name="Reopen: Call back on Monday")).to_be_visible()


@needs_chromium
async def test_a_lead_is_read_edited_and_worked_on(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    source, email = f"fair-{secrets.token_hex(4)}", f"{secrets.token_hex(8)}@example.com"
    tag = f"vip-{secrets.token_hex(4)}"  # of this test alone: a tag keeps the spelling in which it came first
    other = post_inbound(shared_stack, email=f"{secrets.token_hex(8)}@example.com", source=source, first_name="Other")
    lead = post_inbound(shared_stack, email=email, source=source, first_name="Grace", tags=["pricing"])
    post_inbound(shared_stack, email=email, company="Navy", tags=["second"])
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page = watched.page
        await watched.open(f"/console/main/leads/{lead}?source={source}")
        await expect(page.get_by_role("heading", name="Grace")).to_be_visible()
        await expect(page.locator("#known-by")).to_contain_text(email)
        await expect(page.locator("#known-by")).to_contain_text("through the API")
        await expect(page.locator("#timeline")).to_contain_text("Came in again, through the API")
        await expect(page.locator("#timeline")).to_contain_text("joined by email")

        await watched.press("e")
        await page.get_by_label("Job title").fill("Admiral")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("#facts")).to_contain_text("Admiral")
        await expect(page.locator("#timeline")).to_contain_text("by Ada Lovelace")

        await page.locator("summary.tag").click()
        await page.get_by_label("New tag").fill(tag)
        await page.locator("#facts").get_by_role("button", name="Add", exact=True).click()
        await expect(page.locator("#facts .tag bdi")).to_have_text(["pricing", "second", tag])
        await page.get_by_role("button", name="Remove the tag pricing").click()
        await expect(page.locator("#facts .tag bdi")).to_have_text(["second", tag])

        await add_reword_and_finish_task(page)
        await watched.press("s")
        await expect(page.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")

        await page.get_by_role("link", name="Changes", exact=True).click()
        await expect(page.locator("#timeline")).not_to_contain_text("Came in again")
        await page.get_by_role("link", name="Story", exact=True).click()
        call_api(shared_stack, "PUT", f"/api/v1/leads/{lead}", {"country": "USA"})
        await expect(page.locator("[data-new-text]")).to_have_text("1 new entry")
        await watched.press("]")
        await expect(page).to_have_url(re.compile(rf"/leads/{other}\?source={source}"))
        await watched.press("[")
        await expect(page).to_have_url(re.compile(rf"/leads/{lead}\?source={source}"))
        assert watched.faults == []


async def test_an_edit_meets_changes_of_others_and_contacts_that_are_taken(
    client: ConsoleClient, shared_stack: Stack
) -> None:
    lead, holder = new_lead(shared_stack, company="Old", notes="First\r\nsecond"), new_lead(shared_stack)
    path = f"/console/main/leads/{lead['id']}"
    call_api(shared_stack, "PUT", f"/api/v1/leads/{lead['id']}", {"company": "Theirs", "country": "Chile"})

    edit = {"company": "Mine", "was.company": "Old", "country": "", "was.country": ""}
    refused = await client.post(f"{path}/facts", edit)
    assert (refused.status, "it is now Theirs" in refused.text) == (422, True)
    assert 'name="was.company" value="Theirs"' in refused.text
    saved = await client.post(f"{path}/facts", {**edit, "was.company": "Theirs"})
    assert saved.status == 303
    stored = call_api(shared_stack, "GET", f"/api/v1/leads/{lead['id']}")
    assert (stored["company"], stored["country"]) == ("Mine", "Chile")

    taken = await client.post(f"{path}/facts", {"email": holder["email"], "was.email": lead["email"]})
    assert (taken.status, f'href="/console/main/leads/{holder["id"]}"' in taken.text) == (422, True)
    bad = await client.post(f"{path}/facts", {"phone": "12", "email": "no", "was.email": lead["email"]})
    assert "This is no e-mail address." in bad.text
    assert "no possible number" in bad.text
    # A form that was sent by a browser has other line ends than the notes.
    notes = {"notes": "First\r\nsecond\r\nthird", "was.notes": "First\r\nsecond"}
    assert (await client.post(f"{path}/facts", notes)).status == 303
    assert call_api(shared_stack, "GET", f"/api/v1/leads/{lead['id']}")["notes"] == "First\nsecond\nthird"


async def test_merged_deleted_and_foreign_leads(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    winner, loser = new_lead(shared_stack), new_lead(shared_stack)
    call_api(shared_stack, "POST", f"/api/v1/leads/{winner['id']}/merge", {"lead_id": loser["id"]})
    answer = await client.get(f"/console/main/leads/{loser['id']}?source=a")
    assert (answer.status, answer.location) == (303, f"/console/main/leads/{winner['id']}?source=a")
    shown = await client.get(answer.location)
    assert "Undo the merge" in shown.text
    assert f"Lead <bdi>#{loser['id']}</bdi> was merged" in shown.text

    gone = new_lead(shared_stack)
    path = f"/console/main/leads/{gone['id']}"
    assert "The lead and its tasks go for ever" in (await client.get(f"{path}?ask=delete")).text
    assert (await client.post(f"{path}/delete")).location == "/console/main/leads"
    assert [(await client.get(f"/console/main/leads/{id_}")).status for id_ in (gone["id"], 2**60, "x")] == [404] * 3
    async with console_client(shared_stack.base, readers["stranger"].email) as stranger:
        assert (await stranger.get(f"/console/elsewhere/leads/{winner['id']}")).status == 404
        moved = await stranger.post(f"/console/elsewhere/leads/{winner['id']}/change", {"starred": "1"})
        assert moved.status == 404


async def test_a_reader_sees_no_person_and_changes_nothing(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    secret = secrets.token_hex(8)
    lead = post_inbound(
        shared_stack, email=f"{secret}@example.com", first_name=secret, notes=secret, custom_fields={"budget": secret}
    )
    path = f"/console/main/leads/{lead}"
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        shown = await reader.get(path)
        assert (shown.status, secret in shown.text, "hidden for your role" in shown.text) == (200, False, True)
        board = await reader.get("/console/main/pipeline")
        assert (board.status, secret in board.text, "data-ask-move" in board.text) == (200, False, False)
        for below in ("/facts", "/change", "/tasks", "/delete", "/tasks/1"):
            assert (await reader.post(path + below)).status == 403
        assert (await reader.post("/console/main/pipeline/move")).status == 403


async def test_a_task_is_changed_or_refused_with_what_was_typed(client: ConsoleClient, shared_stack: Stack) -> None:
    lead, other = (new_lead(shared_stack, first_name=name)["id"] for name in ("Ada", "Eve"))
    path = f"/console/main/leads/{lead}"
    await client.post(f"{path}/tasks", {"title": "Ring her up", "due_at": "2031-05-05 09:30"})
    [task] = re.findall(r'id="task-(\d+)-title"', (await client.get(path)).text)
    edit = {"state": "edit", "title": "Send the offer", "due_at": "", "user_id": ""}
    wrong = [{"title": ""}, {"title": "x" * 256}, {"due_at": "soon"}, {"user_id": "9" * 18}, {"due_at": "9999-99-99"}]
    for fields in wrong:
        refused = await client.post(f"{path}/tasks/{task}", {**edit, "title": "Typed text", **fields})
        assert (refused.status, '<details class="drop end" open>' in refused.text) == (422, True), fields
        assert ("Typed text" in refused.text) == ("title" not in fields)
    for place in (f"/console/main/leads/{other}/tasks/{task}", f"{path}/tasks/{'9' * 18}"):
        assert (await client.post(place, edit)).status == 404
    assert (await client.post(f"{path}/tasks/{task}", edit)).status == 303
    shown = (await client.get(path)).text
    assert ("Send the offer" in shown, "5 May 2031" in shown, "Ring her up" in shown) == (True, False, False)


async def test_hostile_values_are_text(client: ConsoleClient, shared_stack: Stack) -> None:
    for payload in PAYLOADS[:6]:
        lead = new_lead(
            shared_stack, first_name=payload[:250], company=payload[:250], custom_fields={payload[:90]: payload}
        )
        for query in ("", "?edit=1"):
            shown = await client.get(f"/console/main/leads/{lead['id']}{query}")
            assert (shown.status, "<script>alert" in shown.text, "<img src" in shown.text) == (200, False, False)


async def test_a_possible_duplicate_is_named_and_taken_off(client: ConsoleClient, shared_stack: Stack) -> None:
    name, last = f"Zoe{secrets.token_hex(3)}", f"Quill{secrets.token_hex(3)}"
    same = {"first_name": name, "last_name": last, "company": f"{last} and Daughters"}
    one, other = new_lead(shared_stack, **same), new_lead(shared_stack, **same)
    until(lambda: call_api(shared_stack, "GET", f"/api/v1/leads/{one['id']}/duplicates"), what="a pair")
    path = f"/console/main/leads/{one['id']}"
    shown = (await client.get(path)).text
    assert f'href="/console/main/leads/{other["id"]}"' in shown
    pair = re.search(r'name="pair" value="(\d+)"', shown)
    assert pair
    absent = await client.post(f"/console/main/leads/{new_lead(shared_stack)['id']}/not-same", {"pair": pair[1]})
    assert absent.status == 404
    answer = await client.post(f"{path}/not-same", {"pair": pair[1]})
    assert (answer.status, answer.location) == (303, path)
    assert "Maybe the same person" not in (await client.get(path)).text


BROKEN_WORDS = """name => {
  const text = name.firstChild, range = document.createRange(), broken = [];
  for (const word of text.data.matchAll(/[^ -]+/g)) {
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    if (new Set(Array.from(range.getClientRects(), box => box.top)).size > 1) broken.push(word[0]);
  }
  return broken;
}"""


@needs_chromium
async def test_no_word_of_an_owners_name_is_broken_on_a_phone(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    user = {"name": "Nilüfer Karabulutoğlu-Lindqvist", "email": f"{secrets.token_hex(8)}@example.com"}
    owner = call_api(shared_stack, "POST", "/api/v1/users", user)
    lead = new_lead(shared_stack, assigned_user_id=owner["id"])
    phone = {"width": 390, "height": 844}
    async with watched_page(browser, shared_stack.base, readers["agent"].email, viewport=phone) as watched:
        await watched.open(f"/console/main/leads/{lead['id']}")
        name = watched.page.locator(".lead-tally .long-name").filter(has_text="Nilüfer")
        assert await name.evaluate(BROKEN_WORDS) == []


async def test_a_lead_is_added_by_hand(client: ConsoleClient) -> None:
    path, email = "/console/main/leads/new", f"{secrets.token_hex(8)}@example.com"
    empty = await client.post(path, {"notes": "Nobody"})
    assert (empty.status, "A lead needs a name" in empty.text, ">\nNobody<" in empty.text) == (422, True, True)
    wrong = await client.post(path, {"email": "nomail", "first_name": "Grace"})
    assert (wrong.status, "This is no e-mail address." in wrong.text) == (422, True)
    assert 'value="Grace"' in wrong.text
    made = await client.post(path, {"email": email, "first_name": "Grace"})
    assert made.status == 303
    shown = await client.get(made.location)
    assert "The lead is added." in shown.text
    assert "typed by somebody" in shown.text
    again = await client.post(path, {"email": email})
    assert (again.status, "has it already" in again.text) == (422, True)
