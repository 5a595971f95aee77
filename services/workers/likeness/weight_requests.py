"""Ask for the weights of a workspace's likeness to be learnt again."""

from shared.platform.db.connections import Connection

REQUEST_WEIGHTS_SQL = """
INSERT INTO likeness_weights (workspace_id, requested_at) VALUES (%s, clock_timestamp())
ON CONFLICT (workspace_id) DO UPDATE SET requested_at = excluded.requested_at
"""


async def request_weights(connection: Connection, workspace_id: int) -> None:
    """Ask the sweeper, which looks every two seconds, to learn the weights again: after many leads came at once."""
    await connection.execute(REQUEST_WEIGHTS_SQL, (workspace_id,))
