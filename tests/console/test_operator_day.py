"""A day of an operator in one browser: leads arrive, fail, are fixed, released by the thousand and held back.

Every step goes by labels, roles and keys. The test itself only brings the leads, and counts them at the end of the job.
"""

import re
import secrets
from dataclasses import dataclass, field
from functools import partial

import aiohttp
from playwright.async_api import Browser, Locator, Page, expect

from shared.auth.passwords import PasswordHashing
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, WORKSPACE, make_account, needs_chromium, watched_page
from tests.support.console_failures import add_cause, add_many_held, add_submission
from tests.support.stack import Stack
from tests.support.waiting import until_async

GENTLE_RATE = "500"  # rows a second: slow enough that the job is seen running
JOB_PATIENCE = 120.0  # seconds, on a busy machine
THE_JOB = "The ledger of the job"
COUNT_HELD = """
SELECT convert_from(payload, 'UTF8')::json ->> 'notes' AS batch, state, count(*), count(DISTINCT lead_id) AS leads
FROM submissions WHERE source = %s GROUP BY 1, 2 ORDER BY 1
"""


@dataclass(frozen=True)
class OperatorDay:
    """The operator's window, and the LeadHub that it shows. `name` is part of all that the day brings."""

    page: Page
    stack: Stack
    name: str = field(default_factory=lambda: f"day{secrets.token_hex(4)}")

    def email(self, of: str) -> str:
        return f"{of}@{self.name}.example.com"

    async def go(self, title: str) -> None:
        """Follow the navigation to a page."""
        navigation = self.page.get_by_role("navigation", name="Main")
        await navigation.get_by_role("link", name=title).click()
        await expect(navigation.locator("[aria-current=page]")).to_contain_text(title)

    async def press(self, label: str) -> None:
        await self.page.get_by_role("button", name=label).click()

    async def key(self, keys: str) -> None:
        """Press keys, once the scripts of the page listen."""
        await self.page.wait_for_load_state()
        await self.page.keyboard.press(keys)

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)

    def figure(self, ledger: str, label: str) -> Locator:
        return self.page.get_by_label(ledger, exact=True).locator("div", has_text=label).locator("dd")

    async def see(self, text: str) -> None:
        await expect(self.page.get_by_text(text)).to_be_visible()

    async def reload_until(self, shown: Locator) -> None:
        """Load the page again until it shows that, as one does who waits for a verdict."""

        async def is_shown() -> bool:
            await self.page.reload()
            return await shown.is_visible()

        await until_async(is_shown, what=f"{shown}")

    async def post(self, of: str, prefer: str, **lead: str) -> int:
        """The status of the answer to a lead over the API."""
        body = {"email": self.email(of), "source": self.name, **lead}
        headers = {**self.stack.headers, "Prefer": prefer}
        async with aiohttp.request("POST", self.stack.inbound, json=body, headers=headers) as answer:
            return answer.status

    def hold(self, batch: str, n: int) -> None:
        """Let so many look like spam."""
        with self.stack.database() as database:
            add_many_held(database, f"{self.name}-held", batch, n)


@needs_chromium
async def test_an_operators_day(browser: Browser, stack: Stack) -> None:
    async with watched_page(browser, stack.base) as watched:
        day = OperatorDay(watched.page, stack)
        await sign_in(day)
        await see_the_figures_move(day)
        await see_a_lead_arrive(day)
        await find_it_by_its_email(day)
        await replay_a_dead_one(day)
        await fix_and_replay_another(day)
        await confirm_exactly_what_was_counted(day)
        await watch_the_job_while_more_are_held(day)
        await pause_a_lane_and_resume_it(day)
        assert watched.faults == []


async def sign_in(day: OperatorDay) -> None:
    email = day.email("operator")
    rights = {"is_operator": True, "password_hash": await PasswordHashing().hash_password(PASSWORD)}
    async with connect(day.stack.database_url, "tests") as connection:
        await make_account(connection, WORKSPACE, email, "admin", name="Ingrid Operator", **rights)
    await day.page.goto(day.stack.base)
    await day.page.get_by_label("E-mail").fill(email)
    await day.page.get_by_label("Password").fill(PASSWORD)
    await day.press("Sign in")
    await expect(day.page.get_by_role("region", name="Verdict")).to_be_visible()


async def see_the_figures_move(day: OperatorDay) -> None:
    """The page Now counts what arrives, without a reload."""
    figures = [day.figure("The ledger", label) for label in ("Accepted", "Done")]
    before = [await figure.inner_text() for figure in figures]
    assert await day.post("counted", "wait=5") == 201
    for figure, text in zip(figures, before, strict=True):
        await expect(figure).not_to_have_text(text)


async def see_a_lead_arrive(day: OperatorDay) -> None:
    await day.go("Submissions")
    assert await day.post("ada", "wait=5", first_name="Ada", last_name=day.name) == 201
    await expect(day.row(day.email("ada"))).to_have_count(0)
    await day.page.get_by_role("link", name=re.compile("new submission")).click()
    await expect(day.row(day.email("ada"))).to_contain_text("done")


async def find_it_by_its_email(day: OperatorDay) -> None:
    """Once in the list's own search, and once in the palette, from another page."""
    search = day.page.get_by_role("textbox", name="Search", exact=True)
    await search.fill(day.email("ada"))
    await search.press("Enter")
    await expect(day.page.get_by_role("row")).to_contain_text(["State", day.email("ada")])  # the titles, and one row
    await day.go("Queues")
    await day.key("Control+k")
    await day.page.get_by_role("combobox", name="Find or do").fill(day.email("ada"))
    await expect(day.page.get_by_role("option", selected=True)).to_contain_text(f"Ada {day.name}")
    await day.key("Enter")  # people stand before what they sent
    await day.page.wait_for_url(re.compile(r"/leads/\d+$"))
    await expect(day.page.get_by_role("heading", name=f"Ada {day.name}")).to_be_visible()


async def open_dead_one(day: OperatorDay, first_name: str, said: str) -> None:
    """Find a dead submission by what it died of."""
    await day.go("Dead letters")
    await day.page.get_by_role("link", name=f"the token of {day.name} has expired").click()
    await day.see(said)
    await day.page.get_by_role("link", name=f"{first_name} {day.name}").click()
    await expect(day.page.get_by_role("heading", name=f"{first_name} {day.name}")).to_contain_text("dead")


async def replay_a_dead_one(day: OperatorDay) -> None:
    with day.stack.database() as database:
        cause = add_cause(database, "submission", f"the token of {day.name} has expired")
        for first_name, email in (("Greta", day.email("greta")), ("Aoife", "broken")):
            payload = {"email": email, "first_name": first_name, "last_name": day.name}
            add_submission(database, "dead", payload, source=day.name, cause=cause)
    await open_dead_one(day, "Greta", "2 are failed now")
    await day.key("r")
    await day.page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    await day.see("Its verdict comes within moments.")
    await day.reload_until(day.page.get_by_text("It made lead #"))


async def fix_and_replay_another(day: OperatorDay) -> None:
    """The edit becomes the second version, and what came stays as it came."""
    await open_dead_one(day, "Aoife", "1 is failed now")
    await day.page.get_by_role("link", name="Fix and replay").click()
    payload = day.page.get_by_role("textbox", name="Payload")
    await payload.fill((await payload.input_value()).replace("broken", day.email("aoife")))
    await day.page.get_by_label("Why").fill("She gave it again by phone")
    await day.press("Try without storing")
    await day.see("It would make a new lead.")
    await day.press("Replay version 2")
    await day.see("The original is kept.")
    await day.reload_until(day.page.get_by_text("It made lead #"))
    for told in ("Version 1 as it came", "Version 2 Ingrid Operator", "She gave it again by phone"):
        await expect(day.page.get_by_role("main")).to_contain_text(told)
    came = day.page.get_by_role("region", name="Payload")
    await expect(came).to_contain_text('"broken"')
    await expect(came).not_to_contain_text(day.email("aoife"))


async def confirm_exactly_what_was_counted(day: OperatorDay) -> None:
    """What arrives between the count and the answer is left out."""
    day.hold("confirmed", 12_000)
    await day.go("Quarantine")
    await day.page.get_by_label("Source").select_option(f"{day.name}-held")
    await day.page.wait_for_url(re.compile(f"source={day.name}-held"))
    await day.page.get_by_role("link", name="Release the 12,000 that match").click()
    await day.see("12,000, counted exactly at")
    day.hold("late", 30)
    await day.page.get_by_label("Why").fill("They are customers of the fair")
    await day.page.get_by_label("At most, a second").fill(GENTLE_RATE)
    await day.page.get_by_label("Run automations").uncheck()
    await day.page.get_by_label("Type 12,000").fill("12,000")
    await day.press("Release 12,000")


async def watch_the_job_while_more_are_held(day: OperatorDay) -> None:
    """It moves while it is watched, goes faster when told to, and ends with what was confirmed and nothing else."""
    done = day.figure(THE_JOB, "Done")
    await expect(day.figure(THE_JOB, "Asked for")).to_have_text("12,000")
    await expect(done).not_to_have_text(await done.inner_text())
    assert await done.inner_text() not in ("0", "12,000")
    day.hold("late", 70)
    await day.page.get_by_label("At most, a second").fill("")
    await day.press("Set")
    await expect(done).to_have_text("12,000", timeout=JOB_PATIENCE * 1000)
    await expect(day.page.get_by_role("heading", name="All 12,000")).to_be_visible()
    await day.see("They are customers of the fair")
    for label in ("Died again", "Held", "Waiting", "Unaccounted"):
        await expect(day.figure(THE_JOB, label)).to_have_text("0")
    wanted = [("confirmed", "done", 12_000, 12_000), ("late", "quarantined", 100, 0)]
    with day.stack.database() as database:
        counted = partial(database.execute, COUNT_HELD, (f"{day.name}-held",))
        await until_async(lambda: counted().fetchall() == wanted, JOB_PATIENCE, "a lead of each that was confirmed")


async def pause_a_lane_and_resume_it(day: OperatorDay) -> None:
    """A lead is accepted meanwhile, waits while a later one of another lane is done, and is done after all."""
    await day.go("Queues")
    lane = day.page.get_by_role("row").filter(has=day.page.get_by_role("link", name="Prompt", exact=True))
    await lane.get_by_role("link", name="Pause").click()
    dialog = day.page.get_by_role("dialog", name="Pause the lane Prompt")
    await dialog.get_by_label("Why").fill(f"the sales team of {day.name} asked")
    await dialog.get_by_text("15 min").click()
    await dialog.get_by_role("button", name="Pause Prompt").click()
    await expect(lane.get_by_text(re.compile(r"^([1-9]\d*) of \1 processes hold it$"))).to_be_visible()
    assert await day.post("patient", "respond-async") == 202
    assert await day.post("later", "wait=5") == 201
    await day.go("Submissions")
    strip = day.page.get_by_role("status").filter(has_text="Prompt is paused")
    await expect(strip).to_contain_text(f"the sales team of {day.name} asked")
    await expect(day.row(day.email("later"))).to_contain_text("done")
    await expect(day.row(day.email("patient"))).to_contain_text("waiting")
    await strip.get_by_role("button", name="Resume now").click()
    await expect(strip).to_have_count(0)
    await day.go("Submissions")
    await day.reload_until(day.row(day.email("patient")).get_by_text("done", exact=True))
