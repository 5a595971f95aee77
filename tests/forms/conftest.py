"""Forms on websites: a running LeadHub, another site, and a browser that all of these tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.console import chromium
from tests.support.cut_proxy import CutProxy, cut_proxy
from tests.support.form_sites import STEPPED_FIELDS, FormSite, form_site, make_public_form
from tests.support.stack import Stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these need the whole service."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium. Each test opens profiles of its own in it."""
    async with chromium() as launched:
        yield launched


@pytest_asyncio.fixture
async def site() -> AsyncIterator[FormSite]:
    """A site of somebody else."""
    async with form_site() as running:
        yield running


@pytest_asyncio.fixture
async def network(shared_stack: Stack) -> AsyncIterator[CutProxy]:
    """A network in front of LeadHub, which breaks where a test says so."""
    async with cut_proxy(shared_stack.port) as running:
        yield running


@pytest.fixture(scope="session")
def leads_base(shared_stack: Stack) -> str:
    """LeadHub's address as visitors know it: another site than the shop's."""
    return f"http://leads.test:{shared_stack.port}"


@pytest_asyncio.fixture(scope="session")
async def stepped_form(shared_stack: Stack) -> str:
    """The public id of a form of two steps, in English."""
    shared_stack.until_settled()
    return await make_public_form(shared_stack, STEPPED_FIELDS, language="en", title="Ask for prices")
