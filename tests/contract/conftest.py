"""One running service for all tests of this folder, seen as its clients see it: over HTTP and on the command line."""

import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.service import HOUR, Service
from tests.contract.workspaces import Through, Workspace, new_workspace
from tests.support.lead_apis import LeadApis, serving_lead_apis
from tests.support.stack import Stack
from tests.support.waiting import until

ROOM = 30  # seconds of the clock hour that a test needs which looks at what is counted by it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these need the whole service."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def service(shared_stack: Stack) -> Service:
    """`./leadhub up`, shared with the other tests of the session."""
    shared_stack.until_settled()
    return Service(shared_stack)


@pytest.fixture(scope="session")
def key(service: Service) -> str:
    """A key of the workspace `main` that may do everything, without limit."""
    return service.stack.key


@pytest_asyncio.fixture(scope="session")
async def client(service: Service, key: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client with that key."""
    async with service.client(key) as session:
        yield session


@pytest_asyncio.fixture(scope="session")
async def nobody(service: Service) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a key."""
    async with service.client(None) as session:
        yield session


@pytest_asyncio.fixture(scope="module")
async def provider(service: Service) -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a key, as providers are."""
    async with service.client(None) as session:
        yield session


@pytest_asyncio.fixture(scope="module")
async def ours(service: Service) -> AsyncIterator[Workspace]:
    """A workspace of the module's own, and a client that may do everything in it."""
    async with new_workspace(service) as workspace:
        yield workspace


@pytest_asyncio.fixture(scope="module")
async def theirs(service: Service) -> AsyncIterator[Workspace]:
    """Another workspace, whose records are nobody else's business."""
    async with new_workspace(service) as workspace:
        yield workspace


@pytest_asyncio.fixture(scope="session")
async def lead_apis(service: Service, lead_api_socket: socket.socket) -> AsyncIterator[LeadApis]:
    """The APIs of Meta, LinkedIn and HubSpot, where the service fetches leads."""
    async with serving_lead_apis(lead_api_socket) as found:
        yield found


@pytest.fixture(scope="module", params=["http", "client"])
def through(request: pytest.FixtureRequest) -> Through:
    """What carries the requests of a module's workspaces, each in turn: HTTP, and the Python client."""
    chosen: Through = request.param
    return chosen


@pytest.fixture
def one_hour() -> None:
    """No count of requests starts anew in the midst of the test."""
    until(lambda: HOUR - time.time() % HOUR > ROOM, ROOM + 1)
