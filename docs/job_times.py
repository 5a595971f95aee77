"""Measure the fifteen jobs of `docs/console-jobs.md` in Chromium, each in a demo as it stands: `-m docs.job_times`.

`-m docs.job_times ADDRESS EMAIL PASSWORD` takes a demo that runs already. It prints a row for each job.
"""

import asyncio
import re
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urljoin

from playwright.async_api import async_playwright, expect

from docs.pictures import SIZE, find_chromium, running_demo, sign_in
from docs.steady_hand import PATIENCE_MS, SteadyHand

LEADS = "Name;E-Mail;Phone\n" + "".join(f"Ada Nr {n};ada{n}@example.com;+47 4120 {n:04}\n" for n in range(200))

Job = Callable[[SteadyHand], Awaitable[None]]


async def log_a_call(hand: SteadyHand) -> None:
    """From the list to the entry on the timeline."""
    await hand.go("All leads")
    await hand.press(hand.page.locator("tbody a.name").first)
    await hand.write(hand.page.get_by_label("What was said"), "Call on Friday")
    await hand.button("Log the call")
    await hand.see(hand.page.locator("#timeline").get_by_text("Call on Friday"))


async def move_a_lead(hand: SteadyHand) -> None:
    """In the list, by the menu of the lead's stage."""
    await hand.go("All leads")
    await hand.press(hand.page.locator("tbody [data-row-edit=stage]").first)
    menu = hand.page.locator("[data-row-menu=stage]")
    async with hand.page.expect_response(lambda answer: answer.request.method == "POST"):
        await hand.press(menu.get_by_role("button", name="Contacted").first)
    await expect(menu).to_be_hidden()


async def add_a_task(hand: SteadyHand) -> None:
    """For the reader themselves, without a time."""
    await hand.go("All leads")
    await hand.press(hand.page.locator("tbody a.name").first)
    await hand.write(hand.page.get_by_label("New task"), "Send the offer")
    await hand.press(hand.page.locator(".task-add").get_by_role("button", name="Add", exact=True))
    await hand.see(hand.page.locator("#tasks").get_by_text("Send the offer"))


async def merge_two_leads(hand: SteadyHand) -> None:
    """The first pair of the list, as the page proposes it."""
    await hand.go("Duplicates")
    await hand.press(hand.page.locator("tbody").get_by_role("link", name=re.compile("^Compare")).first)
    await hand.button(re.compile("^Merge into"))
    await hand.see(hand.page.locator(".toast"))


async def import_a_file(hand: SteadyHand) -> None:
    """200 rows, whose columns are guessed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people.csv"
        await asyncio.to_thread(file.write_text, LEADS)
        await hand.go("Import")
        await hand.choose_file(hand.page.locator("[data-drop-area]"), file)
        await hand.button(re.compile(r"^Import \d"))
        await hand.see(hand.page.get_by_role("heading", name="rows imported"))


async def make_a_form(hand: SteadyHand) -> None:
    """From a template, as it is: a form is live as soon as it is made."""
    await hand.go("Forms")
    await hand.link("New form")
    await hand.press(hand.page.locator("main form label:has(input[type=radio])").nth(1))
    await hand.button("Make the form")
    await hand.see(hand.page.get_by_role("button", name="Published"))


async def make_a_scoring_rule(hand: SteadyHand) -> None:
    """Whoever is from Norway gets 20 points."""
    await hand.go("Scoring")
    await hand.link("Add a rule")
    await hand.choose(hand.page.get_by_label("Which field it looks at"), "country")
    await hand.write(hand.page.get_by_label("Value", exact=True), "NO")
    points = hand.page.get_by_label("Points")
    await points.evaluate("element => { element.value = '' }")
    await hand.write(points, "20")
    await hand.button(re.compile("^Save and count"))
    await hand.page.wait_for_url(re.compile(r"/jobs/\d+$"))


async def switch_on_an_automation(hand: SteadyHand) -> None:
    """From a recipe, as it is."""
    await hand.go("Automations")
    await hand.link("New automation")
    await hand.press(hand.page.locator("main form label:has(input[type=radio])").nth(1))
    await hand.button("Open the builder")
    await hand.button("Publish and switch on")
    await hand.see(hand.page.get_by_role("button", name="Published"))


async def release_a_held_one(hand: SteadyHand) -> None:
    """The first of the list."""
    await hand.go("Quarantine")
    await hand.press(hand.page.locator("tbody").get_by_role("button", name=re.compile("^Release")).first)
    await hand.see(hand.page.locator(".toast"))


async def fix_and_replay(hand: SteadyHand) -> None:
    """One to try, then all others of the first cause."""
    await hand.go("Dead letters")
    await hand.press(hand.page.locator("tbody").get_by_role("link", name=re.compile("^Fix and replay")).first)
    await hand.write(hand.page.get_by_label("Field"), "custom_fields.budget")
    await hand.write(hand.page.get_by_label("to", exact=True), "0")
    await hand.write(hand.page.get_by_label("Why"), "The form sent a word")
    await hand.button("Try one")
    await hand.button(re.compile("^Replay the other"))
    await hand.page.wait_for_url(re.compile(r"/jobs/\d+$"))


async def pause_and_resume(hand: SteadyHand) -> None:
    """The lane of deliveries."""
    await hand.go("Queues")
    lane = hand.page.locator("tbody tr", has_text="Deliveries").first
    await hand.press(lane.get_by_role("link", name=re.compile("Pause")))
    await hand.write(hand.page.get_by_label("Why"), "The CRM is down")
    await hand.press(hand.page.get_by_role("dialog").get_by_role("button", name=re.compile("^Pause")))
    await hand.press(hand.page.get_by_role("button", name=re.compile("^Resume")).first)
    await hand.see(hand.page.locator("tbody tr", has_text="Deliveries").get_by_role("link", name=re.compile("Pause")))


async def ask_why_not(hand: SteadyHand) -> None:
    """The first automation and the lead 1."""
    await hand.go("Automations")
    await hand.press(hand.page.locator("tbody a.name").first)
    await hand.link("Why did it not run?")
    await hand.write(hand.page.get_by_label("Why did it not run for"), "1")
    await hand.button("Ask")
    await hand.see(hand.page.get_by_role("region", name="Answer"))


async def invite_a_user(hand: SteadyHand) -> None:
    """An address and a name; the role as it stands."""
    await hand.go("Users")
    await hand.link(re.compile("^Invite"))
    await hand.write(hand.page.get_by_label("E-mail"), f"kari{secrets.token_hex(2)}@example.com")
    await hand.write(hand.page.get_by_label("Name"), "Kari Moen")
    await hand.press(hand.page.get_by_role("dialog").locator("footer button"))
    await hand.see(hand.page.get_by_text("Kari Moen"))


async def make_a_key(hand: SteadyHand) -> None:
    """With the rights that are proposed, to the copy of it."""
    await hand.go("API keys")
    await hand.link(re.compile("^New key|^Make"))
    await hand.write(hand.page.get_by_label("Name"), "Website")
    await hand.button("Make the key")
    await hand.button("Copy the key")
    await hand.see(hand.page.get_by_text("Copied"))


async def connect_a_source(hand: SteadyHand) -> None:
    """Zapier, which needs no secret."""
    await hand.go("Sources")
    await hand.link(re.compile("^Connect"))
    await hand.link(re.compile("Zapier"))
    await hand.button("Make the source")
    await hand.see(hand.page.locator("[data-copy*='/api/inbound/webhooks/']"))


JOBS: dict[str, Job] = {
    "log a call": log_a_call,
    "move a lead to another stage": move_a_lead,
    "add a task": add_a_task,
    "merge two leads that are one person": merge_two_leads,
    "import a CSV file": import_a_file,
    "make a form that is live": make_a_form,
    "make a scoring rule and count all leads by it": make_a_scoring_rule,
    "switch on an automation from a recipe": switch_on_an_automation,
    "release what is no spam": release_a_held_one,
    "fix and replay dead letters of a cause": fix_and_replay,
    "pause a lane and resume it": pause_and_resume,
    "learn why an automation did not run": ask_why_not,
    "invite a user": invite_a_user,
    "make an API key": make_a_key,
    "connect a source": connect_a_source,
}


async def measure_jobs(console: str, email: str, password: str) -> None:
    """Do each job once, from the first page after the sign-in, and print its row."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        context = await browser.new_context(viewport=SIZE, locale="en-GB", permissions=["clipboard-write"])
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        await sign_in(page, console, email, password)
        await page.wait_for_url(re.compile("/now$"))
        first_page = page.url
        for name, job in JOBS.items():
            await page.goto(urljoin(first_page, "now"))
            await page.wait_for_load_state()
            hand = SteadyHand(page)
            await job(hand)
            waiting = max(0.0, hand.seconds - hand.moving_seconds)
            sys.stdout.write(f"| {name} | {hand.clicks} | {hand.seconds:.1f} | {waiting:.1f} |\n")
            sys.stdout.flush()
        await browser.close()


def main() -> None:
    """Measure a demo that runs, or one that is started for it."""
    if len(sys.argv) == 4:
        asyncio.run(measure_jobs(*sys.argv[1:]))
        return
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder) / "demo") as demo:
        asyncio.run(measure_jobs(*demo))


if __name__ == "__main__":
    main()
