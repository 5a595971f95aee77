"""Fixtures for every kind of test. Helpers stand in `tests/support/`."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from shared.platform.db.connections import Connection, connect
from tests.support.database import Databases, running_databases
from tests.support.run_report import register_reporter
from tests.support.stack import WITHOUT_FAST_PATH, Stack, running_stack

# Both go by the clock on the wall, which runs on while a busy machine attends to others.
UNHURRIED: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("landing", max_examples=25, derandomize=True, **UNHURRIED)  # the same in each run
settings.register_profile("extended", max_examples=200, **UNHURRIED)
settings.load_profile("landing")
os.environ["LEADHUB_ENV_FILE"] = os.devnull  # no test runs with an operator's settings

# Folders whose tests need no whole LeadHub come first: it is started when the first of the others wants it.
FOLDERS_IN_ORDER = ("unit", "integration", "concurrency")
# Files of the others that take longest begin first, so that no process is left with one of them at the end.
LONGEST_FILES = (
    "console/test_pages_everywhere.py",
    "e2e/test_backup.py",
    "forms/test_lost_network.py",
    "e2e/test_source_fetches.py",
    "console/test_operator_day.py",
    "e2e/test_form_mail_limits.py",
    "e2e/test_double_opt_in.py",
    "e2e/test_erasure.py",
    "contract/test_mutated_webhooks.py",
    "contract/test_authentication.py",
)


def pytest_configure(config: pytest.Config) -> None:
    register_reporter(config)
    # A shell starts what runs in its background with the signal ignored, and so would all processes of the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files into their order. The long forms run only when asked for: `-m long`, as `--faults` does."""
    items.sort(key=lambda item: place_of(item.path.relative_to(config.rootpath / "tests")))
    if "long" in config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if not item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)


def place_of(file: Path) -> tuple[int, int]:
    """Where the tests of a file stand among the others: by folder, then the longest first."""
    folder = file.parts[0]
    by_folder = FOLDERS_IN_ORDER.index(folder) if folder in FOLDERS_IN_ORDER else len(FOLDERS_IN_ORDER)
    name = file.as_posix()
    return by_folder, LONGEST_FILES.index(name) if name in LONGEST_FILES else len(LONGEST_FILES)


# One workspace holds what all tests make.
ROOM = {"LEADHUB_MAX_SUBSCRIPTIONS": "100000", "LEADHUB_MAX_AUTOMATIONS": "100000", "LEADHUB_MAX_KEYS": "100000"}


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """A PostgreSQL of this session's own."""
    with running_databases(tmp_path_factory.mktemp("databases")) as found:
        yield found


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database of the test's own, with the workspace `main`."""
    with databases.clone() as url:
        yield url


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    """A connection to the test's database, autocommit."""
    async with connect(database_url, "tests") as connection:
        yield connection


@pytest.fixture(scope="session")
def lead_api_socket() -> Iterator[socket.socket]:
    """The address of the APIs that the shared LeadHub fetches leads from. It is refused until a test listens there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory, lead_api_socket: socket.socket) -> Iterator[Stack]:
    """A whole LeadHub that the session's tests share: use `stack`, or leave it as it was found."""
    address = f"http://127.0.0.1:{lead_api_socket.getsockname()[1]}"
    apis = {f"LEADHUB_{name}_URL": address for name in ("META", "LINKEDIN", "HUBSPOT")}
    hosts = {"LEADHUB_HOSTS": "leads.test"}
    plain = {"LEADHUB_FAST_PATH": "false"} if WITHOUT_FAST_PATH in os.environ else {}
    with running_stack(tmp_path_factory.mktemp("stack"), {**ROOM, **apis, **hosts, **plain}) as found:
        yield found


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """The shared LeadHub, healed from what the test before did to it."""
    shared_stack.until_settled()
    return shared_stack
