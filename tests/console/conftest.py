"""A running console, its readers, and a browser that all of its tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.console import ConsoleClient, Reader, chromium, console_client, make_readers
from tests.support.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these need the whole service."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest_asyncio.fixture(scope="session")
async def readers(shared_stack: Stack) -> dict[str, Reader]:
    """An account of each kind: the four roles, an operator, and a stranger of another workspace."""
    shared_stack.until_settled()
    return await make_readers(shared_stack.database_url)


@pytest_asyncio.fixture
async def client(shared_stack: Stack, readers: dict[str, Reader]) -> AsyncIterator[ConsoleClient]:
    """An admin who is signed in, over HTTP."""
    async with console_client(shared_stack.base, readers["admin"].email) as signed_in:
        yield signed_in


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium. Each test opens profiles of its own in it."""
    async with chromium() as launched:
        yield launched
