"""The gateway's connections to the journal, broken."""

import asyncio
import socket

import psycopg
import pytest

from services.gateway.appending import Appender
from shared.db import Connection, open_connection
from shared.journal import Lane, Row


async def test_a_broken_connections_number_may_be_anothers_by_then(database_url: str) -> None:
    """libpq closes a socket that breaks, and what is opened next gets its number: an event loop refuses to be told of a
    number that it knows as another's."""
    connection = await open_connection(database_url, "tests")
    appender, number = Appender(connection, lambda _: None), connection.fileno()
    with psycopg.connect(database_url) as killer:  # and the loop does not run meanwhile
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        notice_the_end(connection)
    ours, theirs = socket.socketpair()
    assert number in (ours.fileno(), theirs.fileno())
    transports = [
        (await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=s))[0] for s in (ours, theirs)
    ]
    with pytest.raises(psycopg.OperationalError):
        await appender.append(Row.of(Lane.PROMPT, [], "tests"))
    assert not appender.works
    for transport in transports:
        transport.close()


def notice_the_end(connection: Connection) -> None:
    for _ in range(10):
        connection.pgconn.consume_input()
