"""Somebody who works with a page at an even pace: how often they press, and how long it takes with the page's answers.

The pace is that of the keystroke-level model of Card, Moran and Newell (1980): 1.1 s to bring the pointer to a target,
0.2 s to press and let go, 0.28 s for a character. Reading and thinking are left out.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Locator, Page, expect

POINTING_SECONDS, PRESS_SECONDS, CHARACTER_SECONDS = 1.1, 0.2, 0.28
PATIENCE_MS = 30_000.0


@dataclass
class SteadyHand:
    """The presses so far, and the seconds in which the hand moved; the rest of a job is waiting for pages."""

    page: Page
    clicks: int = 0
    moving_seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The seconds since the beginning."""
        return time.monotonic() - self.began

    async def press(self, target: Locator) -> None:
        """Bring the pointer to a button, a link or a box, and press it."""
        self.clicks += 1
        await self._point_and_press(target)

    async def link(self, name: str | re.Pattern[str]) -> None:
        """Press the first link of the page's content with this name."""
        await self.press(self.page.locator("main, [role=dialog]").get_by_role("link", name=name).first)

    async def button(self, name: str | re.Pattern[str]) -> None:
        """Press the first button with this name."""
        await self.press(self.page.get_by_role("button", name=name).first)

    async def go(self, title: str) -> None:
        """Follow the navigation to a page."""
        navigation = self.page.get_by_role("navigation", name="Main")
        await self.press(navigation.get_by_role("link", name=title))
        await expect(navigation.locator("[aria-current=page]")).to_contain_text(title, timeout=PATIENCE_MS)

    async def write(self, target: Locator, text: str) -> None:
        """Type into a field. One that has no focus is pressed first, which counts in the seconds alone."""
        await self._ready(target)
        if not await target.evaluate("element => element === document.activeElement"):
            await self._point_and_press(target)
        for character in text:
            await self._spend(CHARACTER_SECONDS)
            await self.page.keyboard.type(character)

    async def choose(self, target: Locator, value: str) -> None:
        """Choose in a select: its list is opened by one press, and the choice is another. Neither counts as a click."""
        await self._ready(target)
        await self._spend(2 * (POINTING_SECONDS + PRESS_SECONDS))
        await target.select_option(value)

    async def choose_file(self, target: Locator, file: Path) -> None:
        """Press what opens the system's choice of a file, and choose one there by a double press."""
        async with self.page.expect_file_chooser() as chooser:
            await self.press(target)
        await self._spend(POINTING_SECONDS + 2 * PRESS_SECONDS)
        await (await chooser.value).set_files(file)

    async def see(self, target: Locator) -> None:
        """Wait until the page shows that."""
        await expect(target.first).to_be_visible(timeout=PATIENCE_MS)

    async def _point_and_press(self, target: Locator) -> None:
        await self._ready(target)
        began = time.monotonic()
        await asyncio.sleep(POINTING_SECONDS)
        await target.hover(timeout=PATIENCE_MS)
        await target.click(delay=PRESS_SECONDS * 1000, timeout=PATIENCE_MS)
        self.moving_seconds += min(time.monotonic() - began, POINTING_SECONDS + PRESS_SECONDS)

    async def _ready(self, target: Locator) -> None:
        await expect(target).to_be_enabled(timeout=PATIENCE_MS)
        await target.scroll_into_view_if_needed()

    async def _spend(self, seconds: float) -> None:
        self.moving_seconds += seconds
        await asyncio.sleep(seconds)
