"""Sessions of signed-in accounts: started, listed, ended, and read from a cache.

A token has 256 random bits, and only its SHA-256 is stored. The cache is like that of the API keys: a revocation takes
effect within 5 s, and sessions in memory stay usable while the database is away.
"""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from shared.auth.roles import Role
from shared.platform.db.connections import LOCAL_COMMIT, Connection, ConnectionPool, with_deadline
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from shared.platform.db.notifications import NotificationListener
from shared.platform.db.row_cache import RowCache
from shared.platform.settings import Settings

MAX_CACHED_SESSIONS: Final = 10_000  # sessions
SEEN_INTERVAL_SECONDS: Final = 4.0  # seconds between updates of `seen_at`
PASSWORD_CONFIRMATION_SECONDS: Final = 600.0  # seconds for which an entered password counts as just confirmed
RENEWAL_GRACE_SECONDS: Final = 30.0  # seconds that a replaced token still works, for requests that are under way
SESSIONS_CHANNEL: Final = "sessions"
SESSION_TOKEN_BYTES: Final = 32
MAX_AGENT_LENGTH: Final = 400  # characters

_SELECT_SESSIONS_SQL = """
SELECT s.digest, s.id, s.account_id, a.email, a.name, a.is_operator, a.preferences, s.is_kept,
    s.needs_renewal, extract(epoch FROM s.confirmed_at)::float8 AS confirmed_at,
    extract(epoch FROM s.expires_at)::float8 AS expires_at, extract(epoch FROM s.ends_at)::float8 AS ends_at,
    a.totp_secret IS NOT NULL AS has_second_factor,
    (SELECT jsonb_agg(jsonb_build_array(w.id, w.slug, w.name, u.id, u.role) ORDER BY w.id)
     FROM users u JOIN workspaces w ON w.id = u.workspace_id
     WHERE u.account_id = a.id AND u.is_active) AS memberships
FROM sessions s JOIN accounts a ON a.id = s.account_id
WHERE s.revoked_at IS NULL
"""
SESSIONS_BY_DIGEST_SQL = f"{_SELECT_SESSIONS_SQL} AND s.digest = ANY(%s)"
RECENT_SESSIONS_SQL = f"{_SELECT_SESSIONS_SQL} AND s.expires_at > now() ORDER BY s.seen_at DESC LIMIT %s"

# The account's ended sessions go on this occasion.
START_SESSION_SQL = """
WITH ended AS (DELETE FROM sessions WHERE account_id = %(account)s AND (ends_at < now() OR expires_at < now()))
INSERT INTO sessions (account_id, digest, is_kept, address, agent, expires_at, ends_at)
SELECT %(account)s, %(digest)s, %(is_kept)s, %(address)s, %(agent)s,
    now() + make_interval(secs => CASE WHEN %(is_kept)s THEN %(longest)s ELSE least(%(idle)s, %(longest)s) END),
    now() + make_interval(secs => %(longest)s)
"""
CLAIM_RENEWAL_SQL = """
UPDATE sessions SET needs_renewal = false, ends_at = least(ends_at, now() + make_interval(secs => %(grace)s)),
    expires_at = least(expires_at, now() + make_interval(secs => %(grace)s))
WHERE id = %(session)s AND revoked_at IS NULL AND (needs_renewal OR %(always)s) RETURNING id
"""
COPY_SESSION_SQL = """
INSERT INTO sessions (account_id, digest, is_kept, address, agent, created_at, confirmed_at, expires_at, ends_at)
SELECT account_id, %(digest)s, is_kept, address, agent, created_at, confirmed_at, expires_at, ends_at
FROM sessions WHERE id = %(session)s AND revoked_at IS NULL AND (needs_renewal OR %(always)s)
RETURNING id
"""
LIST_SESSIONS_SQL = """
SELECT id, address, agent, is_kept, created_at, seen_at, least(expires_at, ends_at) AS expires_at
FROM sessions WHERE account_id = %s AND revoked_at IS NULL AND expires_at > now() AND ends_at > now()
ORDER BY seen_at DESC, id DESC
"""
REVOKE_SESSION_SQL = """
UPDATE sessions SET revoked_at = now() WHERE account_id = %s AND id = %s AND revoked_at IS NULL RETURNING id
"""
REVOKE_SESSIONS_SQL = """
UPDATE sessions SET revoked_at = now() WHERE account_id = %s AND id IS DISTINCT FROM %s AND revoked_at IS NULL
"""
LOCK_ACCOUNT_SQL = "SELECT FROM accounts WHERE id = %s FOR UPDATE"
LOCK_ACCOUNT_OF_SESSION_SQL = """
SELECT FROM accounts WHERE id = (SELECT account_id FROM sessions WHERE id = %s) FOR UPDATE
"""
HAS_SESSION_SQL = "SELECT EXISTS (SELECT FROM sessions WHERE id = %s AND revoked_at IS NULL)"
REQUIRE_RENEWAL_SQL = "UPDATE sessions SET needs_renewal = true WHERE account_id = %s AND revoked_at IS NULL"
CONFIRM_SESSION_SQL = "UPDATE sessions SET confirmed_at = now() WHERE id = %s AND revoked_at IS NULL"
NOTIFY_SESSIONS_SQL = "SELECT pg_notify(%s, '')"
# Precise to the minute, as with API keys. A session that idled too long is not brought back.
UPDATE_SEEN_SQL = f"""
UPDATE sessions s SET seen_at = to_timestamp(u.at),
    expires_at = CASE WHEN s.is_kept THEN s.expires_at
                      ELSE least(s.ends_at, to_timestamp(u.at) + make_interval(secs => %s)) END
FROM unnest(%s::bigint[], %s::float8[]) AS u(id, at)
WHERE s.id = u.id AND s.seen_at < to_timestamp(u.at) - interval '1 minute' AND s.expires_at > to_timestamp(u.at)
RETURNING {LOCAL_COMMIT}
"""


@dataclass(frozen=True, slots=True)
class Membership:
    """An account's user in a workspace."""

    workspace_id: int
    workspace_slug: str
    workspace_name: str
    user_id: int
    role: Role


@dataclass(frozen=True, slots=True)
class AuthenticatedSession:
    """A valid session with its account and active memberships, by the slugs of their workspaces. Times in Unix seconds.

    With `needs_renewal` the browser is due a new token: call `renew_session`.
    """

    id: int
    account_id: int
    email: str
    name: str
    is_operator: bool
    has_second_factor: bool
    is_kept: bool
    needs_renewal: bool
    confirmed_at: float
    expires_at: float
    ends_at: float
    preferences: Mapping[str, Any]
    memberships: Mapping[str, Membership]

    @property
    def is_recently_confirmed(self) -> bool:
        """Whether the password was entered in the last ten minutes."""
        return time.time() < self.confirmed_at + PASSWORD_CONFIRMATION_SECONDS


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its account sees it in the list of its sessions."""

    id: int
    address: str
    agent: str
    is_kept: bool
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class SessionEnded(Exception):
    """The session ended while its request was under way."""


class SessionCache:
    """The sessions that were used recently. There is one per process; its background loops keep it fresh."""

    def __init__(self, settings: Settings, pool: ConnectionPool, listener: NotificationListener) -> None:
        self._idle_seconds = settings.session_idle_hours * 3600
        self._pool = pool
        self._sessions = RowCache(
            pool, listener, SESSIONS_CHANNEL, _read_sessions, _read_recent_sessions, MAX_CACHED_SESSIONS
        )
        self._seen_at: dict[int, float] = {}  # Unix seconds, by session id; not written yet
        self._last_seen_at: dict[int, float] = {}  # the same, of all sessions in use

    async def authenticate(self, token: str, *, is_use: bool = True) -> AuthenticatedSession | None:
        """Return the valid session of a token, or None.

        Without `is_use` the session idles on: a page that is open, and asks by itself, is no use.
        Raises ServiceUnavailable if the session is not in memory and the database is away: it may be valid.
        """
        if not token or len(token) > 2 * SESSION_TOKEN_BYTES:
            return None
        session = await self._sessions.get(hash_token(token))
        now = time.time()
        if session is None or now >= self._end_of(session):
            return None
        if is_use:
            self._seen_at[session.id] = self._last_seen_at[session.id] = now
        return session

    def invalidate(self, token: str) -> None:
        """Read the session again at its next use, after this process has changed it."""
        self._sessions.invalidate(hash_token(token))

    def _end_of(self, session: AuthenticatedSession) -> float:
        """Return the Unix time of the session's end. Uses that are not written yet count too."""
        seen = self._last_seen_at.get(session.id, 0.0)
        idle_end = session.expires_at if session.is_kept else max(session.expires_at, seen + self._idle_seconds)
        return min(session.ends_at, idle_end)

    @property
    def background_loops(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """The loops that refresh the sessions and write when they were used. Each runs until cancelled."""
        return self._sessions.run, self._keep_seen

    async def _keep_seen(self) -> None:
        while True:
            await asyncio.sleep(SEEN_INTERVAL_SECONDS)
            with contextlib.suppress(*UNAVAILABLE_ERRORS):
                await with_deadline(SEEN_INTERVAL_SECONDS, self.write_seen())

    async def write_seen(self) -> None:
        """Write when sessions were used. What cannot be written is tried again."""
        if not self._seen_at:
            return
        used, self._seen_at = self._seen_at, {}
        try:
            async with self._pool.connection() as connection:
                await connection.execute(UPDATE_SEEN_SQL, (self._idle_seconds, list(used), list(used.values())))
        except UNAVAILABLE_ERRORS:
            self._seen_at = used | self._seen_at
            raise
        oldest = time.time() - self._idle_seconds
        self._last_seen_at = {id_: at for id_, at in self._last_seen_at.items() if at > oldest}


def hash_token(token: str) -> bytes:
    """Return the hash that is stored of a token of a session or a link."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def new_token() -> str:
    """Return a new token of 256 random bits, as text that needs no quoting in a URL or a cookie."""
    return secrets.token_urlsafe(SESSION_TOKEN_BYTES)


async def start_session(
    connection: Connection, settings: Settings, account_id: int, *, is_kept: bool, address: str, agent: str
) -> str:
    """Start a session and return its token. `agent` is the browser's User-Agent."""
    token = new_token()
    values = {
        "account": account_id,
        "digest": hash_token(token),
        "is_kept": is_kept,
        "address": address,
        "agent": "".join(filter(str.isprintable, agent))[:MAX_AGENT_LENGTH],
        "idle": settings.session_idle_hours * 3600.0,
        "longest": settings.session_days * 86_400.0,
    }
    await connection.execute(START_SESSION_SQL, values)
    return token


async def renew_session(connection: Connection, session_id: int, *, always: bool = False) -> str | None:
    """Give a session that needs it a new token, and return the token. The former one works for another 30 s.

    With `always`, do it whether or not it is due: after its account's password changed. Return None if another request
    was faster, or if the session has ended.
    """
    token = new_token()
    values = {
        "session": session_id,
        "always": always,
        "digest": hash_token(token),
        "grace": 0.0 if always else RENEWAL_GRACE_SECONDS,
    }
    # The account first, as whoever ends all its sessions does: otherwise the two would wait for each other.
    await connection.execute(LOCK_ACCOUNT_OF_SESSION_SQL, (session_id,))
    await connection.execute("SELECT FROM sessions WHERE id = %(session)s FOR UPDATE", values)
    made = await (await connection.execute(COPY_SESSION_SQL, values)).fetchone()
    if made is None:
        return None
    await connection.execute(CLAIM_RENEWAL_SQL, values)
    await notify_sessions_changed(connection)
    return token


async def lock_account(connection: Connection, account_id: int) -> None:
    """Lock an account until the transaction ends: nobody gives it rights, memberships, sessions or links."""
    await connection.execute(LOCK_ACCOUNT_SQL, (account_id,))


async def hold_session(connection: Connection, session: AuthenticatedSession) -> None:
    """Lock the session's account, since its credentials are about to change. Raises SessionEnded.

    The cache may know a session some seconds longer than it lasts.
    """
    await lock_account(connection, session.account_id)
    row = await (await connection.execute(HAS_SESSION_SQL, (session.id,))).fetchone()
    if row is None or not row[0]:
        raise SessionEnded


async def list_sessions(connection: Connection, account_id: int) -> list[ListedSession]:
    """Return the account's valid sessions, the one used last first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_SESSIONS_SQL, (account_id,))
        return [ListedSession(**row) for row in await cursor.fetchall()]


async def revoke_session(connection: Connection, account_id: int, session_id: int) -> bool:
    """End one session of the account. Return False if it has no such session."""
    found = await (await connection.execute(REVOKE_SESSION_SQL, (account_id, session_id))).fetchone()
    await notify_sessions_changed(connection)
    return found is not None


async def revoke_sessions(connection: Connection, account_id: int, *, except_session_id: int | None = None) -> None:
    """End all sessions of the account, except one."""
    await lock_account(connection, account_id)  # otherwise a copy that is being made would not be seen
    await connection.execute(REVOKE_SESSIONS_SQL, (account_id, except_session_id))
    await notify_sessions_changed(connection)


async def require_renewal(connection: Connection, account_id: int) -> None:
    """Have each of the account's browsers get a new token with its next request."""
    await connection.execute(REQUIRE_RENEWAL_SQL, (account_id,))
    await notify_sessions_changed(connection)


async def confirm_session(connection: Connection, session_id: int) -> None:
    """Note that the password was entered again. The caller has verified it."""
    await connection.execute(CONFIRM_SESSION_SQL, (session_id,))
    await notify_sessions_changed(connection)


async def notify_sessions_changed(connection: Connection) -> None:
    """Notify all caches, when the transaction commits, that sessions, accounts or memberships changed."""
    await connection.execute(NOTIFY_SESSIONS_SQL, (SESSIONS_CHANNEL,))


async def _read_sessions(connection: Connection, digests: list[bytes]) -> dict[bytes, AuthenticatedSession]:
    return await _select_sessions(connection, SESSIONS_BY_DIGEST_SQL, digests)


async def _read_recent_sessions(connection: Connection, n: int) -> dict[bytes, AuthenticatedSession]:
    return await _select_sessions(connection, RECENT_SESSIONS_SQL, n)


async def _select_sessions(
    connection: Connection, statement: str, key: list[bytes] | int
) -> dict[bytes, AuthenticatedSession]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, (key,))
        return {bytes(row.pop("digest")): _session_from_row(row) for row in await cursor.fetchall()}


def _session_from_row(row: dict[str, Any]) -> AuthenticatedSession:
    members = [Membership(*values) for values in row.pop("memberships") or ()]
    return AuthenticatedSession(**row, memberships={member.workspace_slug: member for member in members})
