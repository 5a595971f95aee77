"""What every fault test ends with: the ledger's check, and a line in the table that the run prints at its end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass

import pytest
import pytest_asyncio

from tests.faults.gates import Gates
from tests.support import event_probe
from tests.support.checker import check
from tests.support.client import Client
from tests.support.load import Told
from tests.support.network_links import LinkedNamespace, linked_namespace, why_no_namespaces
from tests.support.stack import Stack

HEADINGS = ("fault", "rounds", "accepted", "lost", "doubled", "worst pause")
LINE = "{:<44} {:>6} {:>9} {:>5} {:>8} {:>12}"


@dataclass(frozen=True)
class Row:
    """One fault's line. `worst_pause` is the longest time in seconds without an acknowledgement, under load."""

    fault: str
    rounds: int
    accepted: int
    lost: int
    doubled: int
    worst_pause: float

    def __str__(self) -> str:
        pause = f"{self.worst_pause:.2f} s" if self.worst_pause else ""
        return LINE.format(self.fault, self.rounds, self.accepted, self.lost, self.doubled, pause)


FAULT = "fault"  # the property of a test's report that holds its line: reports come from other processes, too
Settle = Callable[[str, int, Told], Awaitable[None]]


@pytest.fixture(scope="package")
def witnessed(shared_stack: Stack) -> Iterator[Stack]:
    """The shared stack, in which no lead and no duplicate may go untold."""
    shared_stack.until_settled()
    event_probe.save(shared_stack)
    yield shared_stack
    shared_stack.until_settled()
    event_probe.remove(shared_stack)


@pytest.fixture
def stack(witnessed: Stack) -> Stack:
    """The same, healed from what the test before did to it."""
    witnessed.until_settled()
    return witnessed


@pytest.fixture
def settle(stack: Stack, record_property: Callable[[str, object], None]) -> Settle:
    """`await settle(fault, rounds, told)`: wait until all is quiet, enter the fault in the table, assert the ledger."""

    async def settle(fault: str, rounds: int, told: Told) -> None:
        findings = await check(stack.database_url, stack.spool_url, told)
        row = Row(fault, rounds, findings.accepted, findings.lost, findings.doubled, told.worst_pause)
        record_property(FAULT, asdict(row))
        findings.assert_exact()

    return settle


@pytest_asyncio.fixture
async def client(stack: Stack) -> AsyncIterator[Client]:
    """Posts single leads; `client.told` is what was acknowledged."""
    client = Client(stack)
    yield client
    await client.close()


@pytest.fixture
def namespace() -> Iterator[LinkedNamespace]:
    """A network namespace with links to it; skips the test where none can be made."""
    if reason := why_no_namespaces():
        pytest.skip(reason)
    with linked_namespace() as made:
        yield made


@pytest.fixture
def gates(stack: Stack) -> Gates:
    """Points in the database at which a process can be held."""
    return Gates(stack)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    told = [value for report in reports for name, value in report.user_properties if name == FAULT]
    rows = sorted([Row(**fields) for fields in told], key=lambda row: row.fault)
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write_line(LINE.format(*HEADINGS))
        for row in rows:
            terminalreporter.write_line(str(row))
