"""Ids for the rows of an imported workspace: the ones they have, where these are free, otherwise new ones."""

from typing import Final

from psycopg import sql

from cli.workspace_moves.copied_rows import InvalidMove, make_maps
from cli.workspace_moves.id_maps import IdMap
from cli.workspace_moves.move_archive import MoveHead
from cli.workspace_moves.moved_tables import ACCOUNTS_MAP, NUMBERED_TABLES, SHIFTED_TABLES
from shared.platform.db.connections import Connection

# While a sequence is moved on, others may draw this many ids from it, and none is given twice.
SEQUENCE_MARGIN: Final = 100_000
KNOWN_ACCOUNTS_SQL: Final = """
SELECT lower(email), id FROM accounts WHERE lower(email) = ANY(%s) AND proven_at IS NOT NULL
"""


async def plan_new_ids(connection: Connection, head: MoveHead) -> dict[str, IdMap]:
    """Return the ids of all rows that are named by others, old to new."""
    maps = {}
    for table in NUMBERED_TABLES:
        maps[table] = await _plan_numbered_ids(connection, table, head.ids.get(table, []))
    for table in SHIFTED_TABLES:
        maps[table] = await _plan_shifted_ids(connection, table, head.spans.get(table))
    maps[ACCOUNTS_MAP] = await _plan_accounts(connection, head)
    return make_maps(maps)


async def advance_sequence(connection: Connection, name: str, last: int) -> None:
    """Let the sequence give ids above `last` from now on, whoever else draws from it meanwhile."""
    place = sql.Identifier(name)
    row = await (await connection.execute(sql.SQL("SELECT last_value FROM {}").format(place))).fetchone()
    missing = last - (row[0] if row else 0)
    if missing > SEQUENCE_MARGIN:
        await connection.execute(sql.SQL("SELECT setval({}, {})").format(sql.Literal(name), sql.Literal(last)))
    elif missing > 0:
        draw = sql.SQL("SELECT count(nextval({})) FROM generate_series(1, {})")
        await connection.execute(draw.format(sql.Literal(name), sql.Literal(missing)))


async def _plan_numbered_ids(connection: Connection, table: str, ids: list[int]) -> IdMap:
    if len(ids) != len(set(ids)):
        raise InvalidMove(f"its head names a row of {table} twice")
    query = sql.SQL("SELECT id FROM {} WHERE id = ANY(%s)").format(sql.Identifier(table))
    taken_ids = {id_ for (id_,) in await (await connection.execute(query, (ids,))).fetchall()}
    sequence = f"{table}_id_seq"
    await advance_sequence(connection, sequence, max(ids, default=0))
    drawn_ids = iter(await _draw_ids(connection, sequence, len(taken_ids) + 1))
    missing = next(drawn_ids)
    return IdMap({id_: next(drawn_ids) if id_ in taken_ids else id_ for id_ in ids}, missing=missing)


async def _plan_shifted_ids(connection: Connection, table: str, span: tuple[int, int] | None) -> IdMap:
    """Return the same distance for all ids of a large table, so that no list of them is kept in memory."""
    if span is None:
        return IdMap()
    first, last = span
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE id BETWEEN %s AND %s)").format(sql.Identifier(table))
    row = await (await connection.execute(query, span)).fetchone()
    sequence = f"{table}_id_seq"
    if not row or not row[0]:
        await advance_sequence(connection, sequence, last)
        return IdMap(first=first, last=last)
    base = (await _draw_ids(connection, sequence, 1))[0] + SEQUENCE_MARGIN
    await advance_sequence(connection, sequence, base + last - first + 1)
    return IdMap(first=first, last=last, distance=base + 1 - first, missing=base)


async def _plan_accounts(connection: Connection, head: MoveHead) -> IdMap:
    """Return the accounts here with the same emails, where the person has shown that the mailbox is theirs."""
    emails = [account.email.lower() for account in head.accounts]
    rows = await (await connection.execute(KNOWN_ACCOUNTS_SQL, (emails,))).fetchall()
    known: dict[str, int] = dict(rows)
    return IdMap({account.id: known[email] for account in head.accounts if (email := account.email.lower()) in known})


async def _draw_ids(connection: Connection, sequence: str, count: int) -> list[int]:
    query = sql.SQL("SELECT nextval({}) FROM generate_series(1, {})")
    rows = await (await connection.execute(query.format(sql.Literal(sequence), sql.Literal(count)))).fetchall()
    return [id_ for (id_,) in rows]
