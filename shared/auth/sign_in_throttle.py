"""The throttle of sign-in attempts: the more failures in a row, the longer the pause before the next attempt.

An attempt is counted before its password is checked and taken back if it succeeds, so that attempts side by side count
each. The first five failures of a subject cost a second each. Then pauses double up to the subject's bound. An attempt
that comes too early is refused unseen and counts nothing.

Strangers at many addresses must not lock a person out. So an address has the pauses, and an account has none: after
five failures from elsewhere each attempt of a browser that is new to it takes a second longer, and the pauses of an
address grow from its second failure on. A browser that has signed in to an account before carries a signed
cookie. Its attempts have a counter of their own in place of both. Wrong codes of the second factor do pause the
account, since only somebody who knows its password can send one.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

from itsdangerous import BadData, URLSafeTimedSerializer

from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection

FREE_FAILURES: Final = 5  # failures that cost a second each
FREE_PAUSE_SECONDS: Final = 1.0
GUESSED_ACCOUNT_SECONDS: Final = 1.0  # what an attempt takes longer at an account whose password strangers guess
GUESSED_FREE_FAILURES: Final = 1  # failures of an address that cost a second each at such an account
MAX_CODE_PAUSE: Final = 60.0  # seconds
MAX_ADDRESS_PAUSE: Final = 900.0  # seconds
MAX_DEVICE_PAUSE: Final = 900.0  # seconds
IPV6_PREFIX_LENGTH: Final = 64  # bits; one customer usually has all addresses of such a network
DEVICE_COOKIE_SECONDS: Final = 400 * 86_400  # seconds; browsers keep no cookie longer
MAX_DEVICE_COOKIE_LENGTH: Final = 500  # characters
MAX_DEVICE_ACCOUNTS: Final = 5  # accounts that one browser is known for
DEVICE_COOKIE_SALT: Final = "leadhub device"

# Failures are forgotten after an hour, and their rows removed after a day, a few with each attempt.
ADD_SUBJECTS_SQL = """
WITH stale AS (
    DELETE FROM sign_in_failures WHERE subject IN (
        SELECT subject FROM sign_in_failures
        WHERE last_failed_at < now() - interval '1 day' AND subject <> ALL(%(subjects)s)
        LIMIT 10 FOR UPDATE SKIP LOCKED)
)
INSERT INTO sign_in_failures (subject, failures, last_failed_at, retry_at)
SELECT subject, 0, now(), '-infinity' FROM unnest(%(subjects)s) AS subject ORDER BY subject
ON CONFLICT DO NOTHING
"""
LOCK_SUBJECTS_SQL = "SELECT FROM sign_in_failures WHERE subject = ANY(%s) ORDER BY subject FOR UPDATE"
# A statement of its own: one that waits for locks reads the clock too early. `retry_at` may be infinite, with which
# PostgreSQL reckons from version 17 on only.
READ_FAILURES_SQL = """
SELECT f.subject, extract(epoch FROM greatest(f.retry_at, present.time) - present.time)::float8,
    CASE WHEN f.last_failed_at < present.time - interval '1 hour' THEN 0 ELSE f.failures END
FROM sign_in_failures f, (SELECT clock_timestamp() AS time OFFSET 0) AS present WHERE f.subject = ANY(%s)
"""
COUNT_ATTEMPT_SQL = """
UPDATE sign_in_failures f SET failures = n, last_failed_at = clock_timestamp(), retry_at = clock_timestamp()
    + make_interval(secs => CASE WHEN n <= %(free)s THEN %(pause)s ELSE least(longest, 2 ^ least(n - %(free)s, 20)) END)
FROM (
    SELECT s.subject, asked.longest,
        CASE WHEN s.last_failed_at < clock_timestamp() - interval '1 hour' THEN 1 ELSE s.failures + 1 END AS n
    FROM unnest(%(subjects)s::text[], %(longest)s::float8[]) AS asked (subject, longest)
    JOIN sign_in_failures s ON s.subject = asked.subject
) counted
WHERE f.subject = counted.subject
"""
TAKE_BACK_SQL = """
UPDATE sign_in_failures SET failures = greatest(failures - 1, 0), retry_at = '-infinity' WHERE subject = ANY(%s)
"""
FORGET_FAILURES_SQL = "DELETE FROM sign_in_failures WHERE subject = ANY(%s)"


@dataclass(frozen=True, slots=True)
class ThrottleSubject:
    """A counter of failures. `longest_pause` is in seconds; None: it pauses nothing. With `is_personal` a success
    clears it.
    """

    key: str
    longest_pause: float | None
    is_personal: bool


class AttemptPause(NamedTuple):
    """What an attempt is answered first. It was counted unless it comes `too_early`, by so many seconds.

    Otherwise it has to take `slowdown` seconds longer.
    """

    too_early: float
    slowdown: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A browser that has signed in to these accounts before."""

    id: str
    account_ids: tuple[int, ...]


def subjects_of_attempt(
    email: str, address: str, account_id: int | None, device: KnownDevice | None
) -> list[ThrottleSubject]:
    """Return the counters of an attempt. `email` is in lower case; `account_id` is None if there is no such account."""
    if device is not None and account_id in device.account_ids:
        return [ThrottleSubject(_subject_key("device", f"{device.id} {account_id}"), MAX_DEVICE_PAUSE, True)]
    return [
        ThrottleSubject(_subject_key("account", email), None, True),
        ThrottleSubject(_subject_key("address", network_of(address)), MAX_ADDRESS_PAUSE, False),
    ]


def subjects_of_code(account_id: int) -> list[ThrottleSubject]:
    """Return the counter of codes that browsers send which are new to the account."""
    return [ThrottleSubject(_subject_key("code", str(account_id)), MAX_CODE_PAUSE, True)]


def subjects_of_reset(email: str, address: str) -> list[ThrottleSubject]:
    """Return the counters of requests for a reset link, so that nobody floods a mailbox."""
    return [
        ThrottleSubject(_subject_key("reset", email), MAX_ADDRESS_PAUSE, False),
        ThrottleSubject(_subject_key("reset address", network_of(address)), MAX_ADDRESS_PAUSE, False),
    ]


def subjects_of_session(session_id: int) -> list[ThrottleSubject]:
    """Return the counter of a signed-in session whose password is asked again."""
    return [ThrottleSubject(_subject_key("session", str(session_id)), MAX_DEVICE_PAUSE, True)]


async def count_attempt(connection: Connection, subjects: Sequence[ThrottleSubject]) -> AttemptPause:
    """Count an attempt as failed, or count nothing if it comes too early.

    Needs a transaction of its own, committed before the password is checked.
    """
    keys = [subject.key for subject in subjects]
    await connection.execute(ADD_SUBJECTS_SQL, {"subjects": keys})
    await connection.execute(LOCK_SUBJECTS_SQL, (keys,))
    rows = await (await connection.execute(READ_FAILURES_SQL, (keys,))).fetchall()
    pausing = {subject.key for subject in subjects if subject.longest_pause is not None}
    too_early = max((float(wait) for key, wait, _ in rows if key in pausing), default=0.0)
    if too_early:
        return AttemptPause(too_early)
    of_others = sum(failures if key not in pausing else -failures for key, _, failures in rows)
    is_guessed = len(pausing) < len(keys) and of_others >= FREE_FAILURES
    free = GUESSED_FREE_FAILURES if is_guessed else FREE_FAILURES
    longest = [subject.longest_pause or 0.0 for subject in subjects]
    values = {"subjects": keys, "longest": longest, "free": free, "pause": FREE_PAUSE_SECONDS}
    await connection.execute(COUNT_ATTEMPT_SQL, values)
    return AttemptPause(0.0, GUESSED_ACCOUNT_SECONDS if is_guessed else 0.0)


async def take_back_attempt(connection: Connection, subjects: Sequence[ThrottleSubject]) -> None:
    """Count an attempt as no failure: its password was right, but a code is still needed."""
    await connection.execute(TAKE_BACK_SQL, ([subject.key for subject in subjects],))


async def record_success(connection: Connection, subjects: Sequence[ThrottleSubject]) -> None:
    """Clear the counters of the person, and take the attempt back from the address's."""
    await connection.execute(FORGET_FAILURES_SQL, ([subject.key for subject in subjects if subject.is_personal],))
    await take_back_attempt(connection, [subject for subject in subjects if not subject.is_personal])


def read_device_cookie(cipher: Cipher, cookie: str | None) -> KnownDevice | None:
    """Return the device of a cookie that we signed, else None."""
    if not cookie or len(cookie) > MAX_DEVICE_COOKIE_LENGTH:
        return None
    try:
        id_, accounts = _device_serializer(cipher).loads(cookie, max_age=DEVICE_COOKIE_SECONDS)
    except (BadData, ValueError, TypeError):
        return None
    return KnownDevice(str(id_), tuple(accounts))


def sign_device_cookie(cipher: Cipher, account_id: int, device: KnownDevice | None) -> str:
    """Return the cookie of a browser that has just signed in to the account."""
    others = [other for other in device.account_ids if other != account_id] if device else []
    accounts = [account_id, *others][:MAX_DEVICE_ACCOUNTS]
    return str(_device_serializer(cipher).dumps([device.id if device else os.urandom(12).hex(), accounts]))


def network_of(address: str) -> str:
    """Return what is counted as one address: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped or ip_network((ip, IPV6_PREFIX_LENGTH), strict=False))
    return str(ip)


def _device_serializer(cipher: Cipher) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        cipher.signing_key(),
        salt=DEVICE_COOKIE_SALT,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _subject_key(kind: str, text: str) -> str:
    return f"{kind}:{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:32]}"
