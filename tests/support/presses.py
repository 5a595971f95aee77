"""Presses of buttons and links, counted. Typing and choosing in a select are none."""

import re
from dataclasses import dataclass

from playwright.async_api import FilePayload, Locator, Page, expect


@dataclass
class Presses:
    """Somebody who works with a page. `count` is how often they pressed a button or a link."""

    page: Page
    count: int = 0

    async def press(self, target: Locator) -> None:
        """Press what is there once."""
        self.count += 1
        await target.click()

    async def go(self, title: str) -> None:
        """Follow the navigation to a page."""
        navigation = self.page.get_by_role("navigation", name="Main")
        await self.press(navigation.get_by_role("link", name=title))
        await expect(navigation.locator("[aria-current=page]")).to_contain_text(title)

    async def button(self, name: str | re.Pattern[str]) -> None:
        await self.press(self.page.get_by_role("button", name=name))

    async def link(self, name: str | re.Pattern[str]) -> None:
        await self.press(self.page.get_by_role("link", name=name))

    async def choose_file(self, target: Locator, file: FilePayload) -> None:
        """Press what opens the browser's choice of a file, and choose it."""
        async with self.page.expect_file_chooser() as chooser:
            await self.press(target)
        await (await chooser.value).set_files(file)
