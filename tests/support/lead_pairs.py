"""Pairs of leads as the likeness engine would write them down, for tests that choose what is alike."""

from shared.platform.db.connections import Connection

INSERT_PAIR_SQL = """
INSERT INTO duplicate_pairs (workspace_id, lead_a, lead_b, state, bits, probability, evidence, reasons, contacts_hash,
                             engine_version)
VALUES (%(w)s, least(%(a)s, %(b)s), greatest(%(a)s, %(b)s), %(state)s, %(bits)s, 1 / (1 + 2 ^ -%(bits)s), '[]',
        '[{"field": "email", "level": "local", "points": 9.0, "text": "The same."}]', 1, 1)
ON CONFLICT (workspace_id, lead_a, lead_b) DO UPDATE
SET state = excluded.state, bits = excluded.bits, probability = excluded.probability RETURNING id
"""


async def write_pair(
    connection: Connection, workspace: int, a: int, b: int, bits: float = 9.0, state: str = "open"
) -> int:
    """The id of the pair of two leads: 9 bits are a score of 0.998, 2 bits are one of 0.8."""
    values = {"w": workspace, "a": a, "b": b, "bits": bits, "state": state}
    return int((await (await connection.execute(INSERT_PAIR_SQL, values)).fetchall())[0][0])
