"""Take the README's pictures of the console from a demo of its own: `.venv/bin/python -m docs.pictures`.

It needs Chromium. The demo's people are made up, so the pictures show nobody.
"""

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright

PROJECT = Path(__file__).resolve().parents[1]
PICTURES = Path(__file__).with_name("pictures")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZE: ViewportSize = {"width": 1280, "height": 800}  # CSS pixels
DEMO_LEADS = "800"
START_SECONDS, TRAFFIC_SECONDS = 120.0, 75.0  # until the demo is ready; until its charts show some minutes
SETTLING_SECONDS = 2.0  # for what a page loads after itself
FIND_ADDRESS = re.compile(r"(http://\S+/console/)")
FIND_ACCOUNT = re.compile(r"sign in as (\S+) with (\S+)")


@contextmanager
def running_demo(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Run a demo in `folder` and yield its console's address, an e-mail and a password."""
    command = [str(PROJECT / "leadhub"), "demo", "--port", "0", "--leads", DEMO_LEADS, "--data-dir", str(folder)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        printed = ""
        assert demo.stdout is not None  # noqa: S101  # it is a pipe
        for line in demo.stdout:
            printed += line
            address, account = FIND_ADDRESS.search(printed), FIND_ACCOUNT.search(printed)
            if address and account:
                yield address[1], account[1], account[2]
                return
        raise RuntimeError(f"the demo did not start:\n{printed}")
    finally:
        demo.terminate()
        demo.wait(START_SECONDS)


async def take_pictures(console: str, email: str, password: str) -> None:
    """Sign in, and take the pictures of Now and of a lead, in light colours."""
    chromium = next(path for name in CHROMIUM_NAMES if (path := shutil.which(name)))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport=SIZE, color_scheme="light", locale="en-GB")
        await page.goto(console)
        await page.fill("input[name=email]", email)
        await page.fill("input[name=password]", password)
        await page.click("main form button[type=submit]")
        await page.wait_for_timeout(TRAFFIC_SECONDS * 1000)
        await _take(page, "now")
        await page.goto(page.url.replace("/now", "/leads?sort=-lead_score"))
        await page.click("tbody a.name >> nth=0")
        await page.wait_for_url(re.compile(r"/leads/\d+"))
        await _take(page, "lead")
        await browser.close()


async def _take(page: Page, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    await page.wait_for_timeout(SETTLING_SECONDS * 1000)
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def main() -> None:
    """Start a demo, take the pictures, and stop it."""
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder) / "demo") as (console, email, password):
        asyncio.run(take_pictures(console, email, password))


if __name__ == "__main__":
    main()
