"""Reading a workspace's feed of events, and beginning it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors, Gone, ValidationFailed

CURSOR_PREFIX: Final = "ev"
NEWEST: Final = "now"  # in place of a cursor: after the newest event
WRONG_CURSOR_MESSAGE = "The after field is no cursor of this workspace's events: send what next_cursor said, or now."
CURSOR_GONE_MESSAGE = (
    "Events after this cursor are gone: they are kept for some days, or a backup was restored. Go on from "
    "oldest_cursor, and read what you missed by /api/v1/leads."
)
MAX_POSITION_DIGITS = 18  # fits a 64-bit integer

# A feed that ended begins again. Triggers tell the workers.
BEGIN_FEED_SQL = """
INSERT INTO event_feeds (workspace_id) VALUES (%s)
ON CONFLICT (workspace_id) DO UPDATE SET is_recording = true, used_at = now()
"""
NOTE_USE_SQL = """
UPDATE event_feeds SET used_at = now() WHERE workspace_id = %s AND used_at < now() - interval '1 day'
"""
FIND_FEED_SQL = """
SELECT last_position, expired_position, used_at < now() - interval '1 day' FROM event_feeds
WHERE workspace_id = %s AND is_recording
"""
# One statement has one snapshot: of all events up to `last_position` none is missing.
READ_EVENTS_SQL = """
SELECT f.last_position, f.expired_position, e.position, e.payload
FROM event_feeds f LEFT JOIN LATERAL (
    SELECT position, payload FROM feed_events
    WHERE workspace_id = %(w)s AND position > %(after)s ORDER BY position LIMIT %(limit)s) e ON true
WHERE f.workspace_id = %(w)s ORDER BY e.position
"""
# Each type by its index: a rare one is not searched among all others.
READ_SOME_TYPES_SQL = """
SELECT f.last_position, f.expired_position, e.position, e.payload
FROM event_feeds f LEFT JOIN LATERAL (
    SELECT p.position, (SELECT payload FROM feed_events WHERE workspace_id = %(w)s AND position = p.position)
    FROM (SELECT found.position FROM unnest(%(types)s::text[]) AS t(event) CROSS JOIN LATERAL (
              SELECT position FROM feed_events WHERE workspace_id = %(w)s AND event = t.event AND position > %(after)s
              ORDER BY position LIMIT %(limit)s) found
          ORDER BY position LIMIT %(limit)s) p) e ON true
WHERE f.workspace_id = %(w)s ORDER BY e.position
"""


class FeedState(NamedTuple):
    """How far a feed goes: its newest position, the one up to which events are gone, and whether to note a use."""

    last_position: int
    expired_position: int
    needs_note: bool


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """The events that a reader asks for: after a position, of some types or of all."""

    workspace_id: int
    after: int
    types: Sequence[str]
    limit: int

    def from_position(self, after: int) -> "FeedRequest":
        """Return the same request after another position."""
        return replace(self, after=after)


class FeedPage(NamedTuple):
    """The bodies of events, and the position after which the next page begins."""

    payloads: list[bytes]
    next_position: int


async def find_feed(connection: Connection, workspace_id: int) -> FeedState | None:
    """Return the state of a feed that records. None if there is none."""
    row = await (await connection.execute(FIND_FEED_SQL, (workspace_id,))).fetchone()
    return FeedState(*row) if row else None


async def begin_feed(connection: Connection, workspace_id: int) -> FeedState:
    """Begin a feed, in the caller's transaction. Events of what happens after its commit are recorded."""
    await connection.execute(BEGIN_FEED_SQL, (workspace_id,))
    feed = await find_feed(connection, workspace_id)
    assert feed is not None  # noqa: S101  # it was written by this transaction
    return feed


async def note_use(connection: Connection, workspace_id: int) -> None:
    """Note that a feed is read. A feed that nobody reads ends."""
    await connection.execute(NOTE_USE_SQL, (workspace_id,))


async def read_events(connection: Connection, request: FeedRequest) -> FeedPage:
    """Return the next events of a feed, oldest first. Raises Gone if some expired since the reader began."""
    values = {"w": request.workspace_id, "after": request.after, "limit": request.limit}
    if request.types:
        cursor = await connection.execute(READ_SOME_TYPES_SQL, {**values, "types": list(request.types)})
    else:
        cursor = await connection.execute(READ_EVENTS_SQL, values)
    rows = await cursor.fetchall()
    last_position, expired_position = rows[0][:2]
    if request.after < expired_position:
        raise cursor_gone(request.workspace_id, expired_position)
    found = [(position, bytes(payload)) for _, _, position, payload in rows if payload is not None]
    next_position = found[-1][0] if len(found) == request.limit else last_position
    return FeedPage([payload for _, payload in found], next_position)


def encode_cursor(workspace_id: int, position: int) -> str:
    """Return the cursor of a position. It holds no secret: a key reads its own workspace's events only."""
    return f"{CURSOR_PREFIX}-{workspace_id}-{position}"


def start_position(after: str | None, workspace_id: int, feed: FeedState) -> int:
    """Return the position after which a reader begins. Raises ValidationFailed, and Gone with the oldest cursor."""
    if after is None:
        return feed.expired_position
    if after == NEWEST:
        return feed.last_position
    prefix, _, place = after.rpartition("-")
    is_number = place.isascii() and place.isdigit() and len(place) <= MAX_POSITION_DIGITS
    if prefix != f"{CURSOR_PREFIX}-{workspace_id}" or not is_number:
        errors: FieldErrors = {"after": [WRONG_CURSOR_MESSAGE]}
        raise ValidationFailed(errors)
    position = int(place)
    if not feed.expired_position <= position <= feed.last_position:
        raise cursor_gone(workspace_id, feed.expired_position)
    return position


def cursor_gone(workspace_id: int, expired_position: int) -> Gone:
    """Return the error for a cursor whose events are gone."""
    return Gone(CURSOR_GONE_MESSAGE, oldest_cursor=encode_cursor(workspace_id, expired_position))
