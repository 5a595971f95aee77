"""The three longest jobs take few presses, from the first page to the end: docs/console-jobs.md has the numbers."""

import re
import secrets

from playwright.async_api import Browser, FilePayload, expect

from tests.support.console import Reader, needs_chromium, watched_page
from tests.support.console_failures import add_cause, add_submission
from tests.support.presses import Presses
from tests.support.scored_workspace import make_scored
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = needs_chromium

NOW = "/console/main/now"
STATES = "SELECT state FROM submissions WHERE id = ANY(%s) ORDER BY id"
COUNTRY = "SELECT options ->> 'phone_country' FROM imports ORDER BY id DESC LIMIT 1"


def people(salt: str, email_title: str) -> FilePayload:
    phone = f"+47 4{secrets.randbelow(100_000):05}"  # nobody else's
    rows = [f"Ada;Nr {n};{salt}{n}@example.com;{phone}{n:02}" for n in range(10)]
    text = "\r\n".join([f"Vorname;Nachname;{email_title};Telefon", *rows, "Kari;;;22 33 45 99"])
    return {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}


async def test_import_takes_three_presses(browser: Browser, shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        presses = Presses(watched.page)
        await watched.open(NOW)
        await presses.go("Import")
        await presses.choose_file(watched.page.locator("[data-drop-area]"), people(secrets.token_hex(5), "E-Mail"))
        await expect(watched.page.locator("h1")).to_have_text("What would become of the rows")
        await expect(watched.page.locator("#phone_country")).to_have_value("NO")
        await presses.button("Import 11")
        await expect(watched.page.locator("h1")).to_have_text("11 rows imported")
        assert presses.count == 3
        assert watched.faults == []


async def test_import_with_a_column_that_was_guessed_wrongly_takes_four_presses(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    salt = secrets.token_hex(5)
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        presses = Presses(watched.page)
        await watched.open(NOW)
        await presses.go("Import")
        await presses.choose_file(watched.page.locator("[data-drop-area]"), people(salt, "Where to write"))
        await expect(watched.page.locator("h1")).to_have_text("What would become of the rows")
        await watched.page.get_by_label("Where to write", exact=True).select_option("email")
        async with watched.page.expect_navigation():
            await presses.button("Try again")
        await expect(watched.page.locator("h1")).to_have_text("What would become of the rows")
        await presses.button("Import 11")
        await expect(watched.page.locator("h1")).to_have_text("11 rows imported")
        assert presses.count == 4
        assert watched.faults == []
    with shared_stack.database() as database:
        made = database.execute("SELECT count(*) FROM leads WHERE email LIKE %s", (f"{salt}%",)).fetchone()
    assert made == (10,)


async def test_fix_and_replay_of_dead_letters_takes_four_presses(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    salt = secrets.token_hex(5)
    with shared_stack.database() as database:
        cause = add_cause(database, "submission", f"No such stage {salt}")
        payloads = [{"email": f"{salt}{n}@example.com", "status": "warm"} for n in range(3)]
        ids = [add_submission(database, "dead", payload, cause=cause) for payload in payloads]
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        page, presses = watched.page, Presses(watched.page)
        await watched.open(NOW)
        await presses.go("Dead letters")
        await presses.press(page.locator(f"#cause-{cause}").get_by_role("link", name="Fix and replay"))
        await page.get_by_label("Field").fill("status")
        await page.get_by_label("to", exact=True).fill("new")
        await expect(page.locator("#examples ins")).to_have_count(3)
        await page.get_by_label("Why").fill("The form sent another word")
        await presses.button("Try one")
        await expect(page.get_by_role("status")).to_contain_text("The one to try is done")
        await presses.button("Replay the other 2")
        await expect(page).to_have_url(re.compile(r"/jobs/\d+$"))
        assert presses.count == 4
        assert watched.faults == []
    with shared_stack.database() as database:
        until(lambda: database.execute(STATES, (ids,)).fetchall() == [("done",)] * 3, what="all three")


async def test_a_scoring_rule_takes_three_presses(browser: Browser, shared_stack: Stack) -> None:
    scored = await make_scored(shared_stack)
    async with watched_page(browser, shared_stack.base, f"manager@{scored.slug}.example.com") as watched:
        page, presses = watched.page, Presses(watched.page)
        await watched.open(f"/console/{scored.slug}/leads")
        await presses.go("Scoring")
        await presses.link("Add a rule")
        await page.get_by_label("Which field it looks at").select_option("country")
        await page.get_by_label("Value", exact=True).fill("NO")
        await page.get_by_label("Points").fill("20")
        await expect(page.locator("[data-score-preview]")).to_contain_text("3 leads: 2 gain, 0 lose, 1 stay.")
        await presses.button("Save and count 3 again")
        await expect(page).to_have_url(re.compile(r"/jobs/\d+$"))
        assert presses.count == 3
        assert watched.faults == []
    until(lambda: scored.scores() == [20, 20, 0], what="the scores")
