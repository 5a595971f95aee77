"""Take the pictures of the console from a demo of its own: `.venv/bin/python -m docs.pictures [SET]`.

The sets are `readme`, `arabic` (Now for an Arabic reader) and `connect` (for the pages of providers); all unless named.
It needs Chromium. The demo's people are made up, so the pictures show nobody.
"""

import asyncio
import base64
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright

from shared.integrations.catalogue import PROVIDERS_BY_TYPE

PROJECT = Path(__file__).resolve().parents[1]
PICTURES = Path(__file__).with_name("pictures")
CONNECT_PICTURES = PICTURES / "connect"
README_NAME, ARABIC_NAME, CONNECT_NAME = PICTURE_SETS = ("readme", "arabic", "connect")
# The box of a page's main part, which is as high as the window, down to the end of its content.
CONTENT_BOX = """
() => {
  const { x, y, width } = document.querySelector("main").getBoundingClientRect();
  const ends = [...document.querySelectorAll("main .columns > *")].map((one) => one.getBoundingClientRect().bottom);
  return { x, y, width, height: Math.max(...ends) - y + 24, scale: 1 };
}
"""
WEBP_QUALITY = 60  # of 100: some 15 KB a picture
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


def find_chromium() -> str:
    """Return the path of the browser."""
    return next(path for name in CHROMIUM_NAMES if (path := shutil.which(name)))


async def sign_in(page: Page, console: str, email: str, password: str) -> None:
    """Sign in, as somebody does by the form."""
    await page.goto(console)
    await page.fill("input[name=email]", email)
    await page.fill("input[name=password]", password)
    await page.click("main form button[type=submit]")


async def take_pictures(console: str, email: str, password: str, names: Sequence[str]) -> None:
    """Sign in, and take the sets of pictures, in light colours."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = await browser.new_page(viewport=SIZE, color_scheme="light", locale="en-GB")
        await sign_in(page, console, email, password)
        await page.wait_for_url(re.compile(r"/now$"))
        workspace = page.url.removesuffix("/now")
        if CONNECT_NAME in names:
            await _take_connect_pictures(page, workspace)
        if README_NAME in names:
            await page.goto(f"{workspace}/now")
            await _take_readme_pictures(page, workspace)
        if ARABIC_NAME in names:
            await page.goto(f"{workspace}/now")
            await page.get_by_text("العربية").first.click()
            await page.wait_for_timeout(TRAFFIC_SECONDS * 1000)
            await _take(page, "now-ar")
        await browser.close()


async def _take_readme_pictures(page: Page, workspace: str) -> None:
    await page.wait_for_timeout(TRAFFIC_SECONDS * 1000)
    await _take(page, "now")
    await page.goto(f"{workspace}/leads?sort=-lead_score")
    await page.click("tbody a.name >> nth=0")
    await page.wait_for_url(re.compile(r"/leads/\d+"))
    await _take(page, "lead")


async def _take_connect_pictures(page: Page, workspace: str) -> None:
    """Take the page that connects each provider, without what stands around it."""
    CONNECT_PICTURES.mkdir(parents=True, exist_ok=True)
    chromium = await page.context.new_cdp_session(page)  # Playwright itself makes no WebP
    for type_ in PROVIDERS_BY_TYPE:
        await page.goto(f"{workspace}/sources/new?type={type_}")
        await page.evaluate("document.activeElement.blur()")
        clip = await page.evaluate(CONTENT_BOX)
        picture = await chromium.send(
            "Page.captureScreenshot",
            {"format": "webp", "quality": WEBP_QUALITY, "captureBeyondViewport": True, "clip": clip},
        )
        (CONNECT_PICTURES / f"{type_}.webp").write_bytes(base64.b64decode(picture["data"]))


async def _take(page: Page, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    await page.wait_for_timeout(SETTLING_SECONDS * 1000)
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def main() -> None:
    """Start a demo, take the pictures, and stop it."""
    names = sys.argv[1:] or PICTURE_SETS
    if unknown := set(names) - set(PICTURE_SETS):
        sys.exit(f"docs.pictures: {', '.join(sorted(unknown))}: take one of {', '.join(PICTURE_SETS)}")
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder) / "demo") as (console, email, password):
        asyncio.run(take_pictures(console, email, password, names))


if __name__ == "__main__":
    main()
