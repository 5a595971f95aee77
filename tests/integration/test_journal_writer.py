"""The gateway's connections to the journal: as few as there are appends at once, also when one fails or breaks."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from services.gateway.journal_writer import JournalConnection, JournalWriter
from shared.intake.journal import Lane, NewJournalRow
from shared.platform.db.connections import Connection, open_connection
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

CONNECTIONS = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'leadhub journal' AND datname = current_database()"
)
END = "SELECT pg_terminate_backend(%s, 5000)"
ROW = NewJournalRow.from_items(Lane.PROMPT, [], "tests")
REFUSED = NewJournalRow(Lane.PROMPT, 0, "", "no JSON", b"")


async def test_a_broken_connections_number_may_be_anothers_by_then(database_url: str) -> None:
    """libpq closes a socket that breaks, and what is opened next gets its number: an event loop refuses to be told of a
    number that it knows as another's."""
    connection = await open_connection(database_url, "tests")
    appender, number = JournalConnection(connection, lambda _: None, lambda: None), connection.fileno()
    with psycopg.connect(database_url) as killer:  # and the loop does not run meanwhile
        killer.execute(END, (connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        notice_the_end(connection)
    ours, theirs = socket.socketpair()
    assert number in (ours.fileno(), theirs.fileno())
    transports = [
        (await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=s))[0] for s in (ours, theirs)
    ]
    with pytest.raises(psycopg.OperationalError):
        await appender.append_row(ROW)
    assert not appender.is_open
    for transport in transports:
        transport.close()


def notice_the_end(connection: Connection) -> None:
    for _ in range(10):
        connection.pgconn.consume_input()


async def connections(database: Connection) -> list[int]:
    return [pid for (pid,) in await (await database.execute(CONNECTIONS)).fetchall()]


async def test_journal_writer_reuses_one_connection_after_refused_rows(database_url: str, database: Connection) -> None:
    appenders = JournalWriter(database_url)
    for _ in range(3):
        await appenders.append_row(ROW, durable=False)
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            await appenders.append_row(REFUSED, durable=True)
    await asyncio.gather(*[appenders.append_row(ROW, durable=True) for _ in range(2)])
    assert len(await connections(database)) == 2
    appenders.close()

    async def are_gone() -> bool:
        return not await connections(database)

    await until_async(are_gone, what="the end of all connections")


async def test_a_connection_that_broke_while_it_rested_is_no_longer_used(
    database_url: str, database: Connection
) -> None:
    appenders = JournalWriter(database_url)
    await appenders.append_row(ROW, durable=True)
    (broken,) = await connections(database)
    await database.execute(END, (broken,))
    (resting,) = appenders._idle_connections
    await until_async(lambda: not resting.is_open, what="a look at the socket")
    await appenders.append_row(ROW, durable=True)
    (other,) = await connections(database)
    assert other != broken
    appenders.close()


def open_descriptors() -> Iterator[str]:
    """What the descriptors of this process lead to, such as `socket:[4711]`, whose number no other socket has."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of the listing itself
            yield os.readlink(f"/proc/self/fd/{name}")


async def test_connections_that_broke_leave_no_descriptor_open(database_url: str, database: Connection) -> None:
    appenders = JournalWriter(database_url)
    await appenders.append_row(ROW, durable=True)
    broken = set()
    for _ in range(3):
        (resting,) = appenders._idle_connections
        broken.add(os.readlink(f"/proc/self/fd/{resting._socket}"))
        await database.execute(END, (await connections(database))[:1])
        await until_async(lambda one=resting: not one.is_open, what="a look at the socket")  # type: ignore[misc]
        await appenders.append_row(ROW, durable=True)
    assert len(broken) == 3
    assert not broken & set(open_descriptors())
    appenders.close()


async def test_of_a_row_that_the_socket_takes_in_parts_nothing_is_left_to_do(database_url: str) -> None:
    """Else the event loop would be told for ever that the socket takes more."""
    appenders = JournalWriter(database_url)
    await appenders.append_row(NewJournalRow(Lane.PROMPT, 0, "", "[]", bytes(16 << 20)), durable=True)
    (resting,) = appenders._idle_connections
    assert not asyncio.get_running_loop().remove_writer(resting._socket)
    appenders.close()
