"""A workspace of a running LeadHub for the clients, and what their programs need."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadhub_client import LeadHub
from tests.support.stack import Stack, running_stack
from tests.support.tenants import create_key, create_workspace
from tests.support.waiting import until
from tests.support.wordpress import WordPress, missing_reason
from tests.support.wordpress_shop import Shop

HOUR = 3600
ROOM = 70  # seconds of the clock hour that a test needs which uses up a key
WALKED_LEADS = 1000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that ask for a site, or for a LeadHub of their own, need the whole service."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            needs_service = any(name.endswith(("_stack", "_site")) for name in getattr(item, "fixturenames", ()))
            item.add_marker(pytest.mark.e2e if needs_service else pytest.mark.unit)


@dataclass(frozen=True)
class Site:
    """A workspace with a key that may do everything; `thousand` is the source of its thousand leads."""

    stack: Stack
    slug: str
    key: str
    thousand: str = "walked"

    @property
    def url(self) -> str:
        return self.stack.base

    def make_key(self, rate_limit: int | None = None) -> tuple[str, int]:
        """Another key of the workspace, and its id."""
        return create_key(self.stack.database_url, "*", workspace=self.slug, rate_limit=rate_limit)

    def count(self, source: str) -> int:
        """How many leads came from a source."""
        with LeadHub(self.url, self.key) as client:
            return client.leads.list(source=source).count()


def make_site(stack: Stack, name: str) -> Site:
    """A new workspace, and a key of the same name."""
    slug = f"{name.lower()}-{secrets.token_hex(4)}"
    create_workspace(stack.database_url, slug, name)
    key, _ = create_key(stack.database_url, "*", workspace=slug, name=name)
    return Site(stack, slug, key)


@pytest.fixture(scope="session")
def site(shared_stack: Stack) -> Site:
    """A workspace with a thousand leads."""
    shared_stack.until_settled()
    found = make_site(shared_stack, "Clients")
    with LeadHub(found.url, found.key, tenant=found.slug) as client:
        client.submit_leads(
            [{"email": f"walked-{number}@example.com", "source": found.thousand} for number in range(WALKED_LEADS)]
        )
    until(lambda: found.count(found.thousand) == WALKED_LEADS, 120, "a thousand leads")
    return found


@pytest.fixture
def settled_site(site: Site) -> Site:
    """The same, healed from what the test before did to it."""
    site.stack.until_settled()
    return site


@pytest.fixture
def one_hour() -> None:
    """No count of requests starts anew in the midst of the test."""
    until(lambda: HOUR - time.time() % HOUR > ROOM, ROOM + 30, "a new hour")


@pytest.fixture(scope="session")
def open_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A LeadHub of its own that sends webhooks to this machine."""
    with running_stack(tmp_path_factory.mktemp("open") / "data", {"LEADHUB_ALLOWED_TARGETS": "127.0.0.1"}) as stack:
        yield stack


@pytest.fixture(scope="session")
def open_site(open_stack: Stack) -> Site:
    """A workspace of it, apart from `main`."""
    return make_site(open_stack, "Open")


@pytest.fixture(scope="module")
def shop(shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that is not connected yet."""
    if reason := missing_reason():
        pytest.skip(reason)
    shared_stack.until_settled()
    slug = f"shop-{secrets.token_hex(4)}"
    create_workspace(shared_stack.database_url, slug, "The shop")
    key, _ = create_key(shared_stack.database_url, "submit:leads", workspace=slug)
    reading_key, _ = create_key(shared_stack.database_url, "*", workspace=slug)
    wordpress = WordPress(tmp_path_factory.mktemp("wordpress"))
    assert wordpress.run("activate") == {"problem": ""}
    return Shop(wordpress, shared_stack, slug, key, reading_key)


@pytest.fixture
def connected_shop(shop: Shop) -> Shop:
    """A shop whose key is saved, and whose queue sends again."""
    shop.stack.until_settled()
    shop.connect()
    return shop
