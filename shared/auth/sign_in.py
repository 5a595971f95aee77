"""Sign in with email, password and, where there is one, a second factor.

Every answer takes the same time and words whether or not the account exists. No transaction is open while a password is
verified or an attempt waits. Nobody signs in while the database is away.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import overload

from shared.auth.accounts import AccountRecord, clean_email, find_account, read_account, store_password
from shared.auth.caller_turns import CallerTurns
from shared.auth.passwords import PasswordHashing
from shared.auth.second_factor import check_code
from shared.auth.sessions import AuthenticatedSession, confirm_session, hold_session, renew_session, start_session
from shared.auth.sign_in_throttle import (
    FREE_PAUSE_SECONDS,
    AttemptPause,
    KnownDevice,
    ThrottleSubject,
    count_attempt,
    network_of,
    read_device_cookie,
    record_success,
    sign_device_cookie,
    subjects_of_attempt,
    subjects_of_code,
    subjects_of_session,
    take_back_attempt,
)
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.bounded_commits import bounded_transaction
from shared.platform.db.connections import Connection, ConnectionPool
from shared.platform.db.database_errors import is_unavailable
from shared.platform.db.standby_watch import StandbyWatch
from shared.platform.errors import ServiceUnavailable
from shared.platform.settings import Settings

MAX_ATTEMPTS_AT_ONCE = 4
SIGN_IN_AWAY_MESSAGE = "The database is away just now, so nobody can sign in. Try again in a moment."
# Nothing is updated if the password was changed since it was verified: that change has ended all sessions.
RECORD_SIGN_IN_SQL = """
UPDATE accounts SET last_signed_in_at = now(), password_hash = coalesce(%(new_hash)s, password_hash)
WHERE id = %(account)s AND password_hash = %(verified_hash)s RETURNING id
"""


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """The form of the sign-in page, and the browser that sent it. `is_kept` is "keep me signed in"."""

    email: str
    password: str
    address: str
    agent: str
    code: str = ""
    is_kept: bool = False
    device_cookie: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. Both texts are for cookies: that of the session, and that of the known browser."""

    account_id: int
    token: str
    device_cookie: str


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password is right, and the account has a second factor. Without `was_wrong` no code was sent yet.

    With `is_clock_off` the code belongs to another time: the phone's clock is probably wrong.
    """

    was_wrong: bool = False
    is_clock_off: bool = False


@dataclass(frozen=True, slots=True)
class SignInRefused:
    """Email or password is wrong; which of them is not told."""


@dataclass(frozen=True, slots=True)
class SignInDelayed:
    """The attempt was not looked at, since too many failed before. `seconds` is the pause before the next one."""

    seconds: float


@dataclass(frozen=True, slots=True)
class PasswordAccepted:
    """The password was right. `token` is a new one for the session's cookie if the password was changed."""

    token: str | None = None


@dataclass(frozen=True, slots=True)
class SlowedAttempt:
    """An attempt that is counted, and whose password is looked at after so many seconds."""

    account: AccountRecord | None
    subjects: Sequence[ThrottleSubject]
    seconds: float


SignInResult = SignedIn | CodeNeeded | SignInRefused | SignInDelayed
PasswordResult = PasswordAccepted | SignInRefused | SignInDelayed


class SignInService:
    """The sign-in of one process. Its methods raise ServiceUnavailable while the database is away."""

    def __init__(
        self,
        settings: Settings,
        pool: ConnectionPool,
        standby: StandbyWatch,
        cipher: Cipher,
        passwords: PasswordHashing,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._standby = standby
        self._cipher = cipher
        self._passwords = passwords
        self._turns = CallerTurns(MAX_ATTEMPTS_AT_ONCE)

    async def sign_in(self, attempt: SignInAttempt) -> SignInResult:
        """Sign in, or say what is missing. A pause of at most a second is waited for, a longer one is answered.

        The right password waits at most two seconds at an address from which no wrong one came. Few attempts are looked
        at at once, those of addresses that failed least of late first. Raises RateLimited if too many wait.
        """
        device = read_device_cookie(self._cipher, attempt.device_cookie)
        # A browser that is known waits behind no stranger who has its address.
        caller = device.id if device else network_of(attempt.address)
        result = await self._take_turn(attempt, device, caller)
        if isinstance(result, SignInDelayed) and result.seconds <= FREE_PAUSE_SECONDS:
            await asyncio.sleep(result.seconds)  # nobody waits for this one meanwhile
            result = await self._take_turn(attempt, device, caller)
        if isinstance(result, SlowedAttempt):
            await asyncio.sleep(result.seconds)
            return await self._take_turn(attempt, device, caller, result)
        return result

    @overload
    async def _take_turn(
        self, attempt: SignInAttempt, device: KnownDevice | None, caller: str
    ) -> SignInResult | SlowedAttempt: ...

    @overload
    async def _take_turn(
        self, attempt: SignInAttempt, device: KnownDevice | None, caller: str, slowed: SlowedAttempt
    ) -> SignInResult: ...

    async def _take_turn(
        self, attempt: SignInAttempt, device: KnownDevice | None, caller: str, slowed: SlowedAttempt | None = None
    ) -> SignInResult | SlowedAttempt:
        async with self._turns.turn(caller):
            counted = slowed or await self._count_sign_in(attempt, device)
            if isinstance(counted, SignInDelayed):
                return counted
            if counted.seconds and slowed is None:
                self._turns.forgive_turn(caller)  # the turn that judges it counts
                return counted
            result = await self._judge_attempt(attempt, counted, device, caller)
        if isinstance(result, SignedIn) or result == CodeNeeded():
            self._turns.forgive_turn(caller)
        return result

    async def _count_sign_in(self, attempt: SignInAttempt, device: KnownDevice | None) -> SlowedAttempt | SignInDelayed:
        email = clean_email(attempt.email)
        async with self._transaction() as connection:
            account = await find_account(connection, email)
        subjects = subjects_of_attempt(email, attempt.address, account.id if account else None, device)
        pause = await self._try_count(subjects)
        return SignInDelayed(pause.too_early) if pause.too_early else SlowedAttempt(account, subjects, pause.slowdown)

    async def _judge_attempt(
        self, attempt: SignInAttempt, counted: SlowedAttempt, device: KnownDevice | None, caller: str
    ) -> SignInResult:
        account = counted.account
        usable = account if account and account.may_sign_in else None
        password_hash = usable.password_hash if usable else None
        if not await self._passwords.verify_password(password_hash, attempt.password, caller) or usable is None:
            return SignInRefused()
        return await self._complete_sign_in(attempt, usable, device, counted.subjects)

    async def _complete_sign_in(
        self,
        attempt: SignInAttempt,
        account: AccountRecord,
        device: KnownDevice | None,
        subjects: Sequence[ThrottleSubject],
    ) -> SignInResult:
        new_hash = await self._rehash(account, attempt.password)
        if account.has_second_factor and attempt.code.strip() and not (device and account.id in device.account_ids):
            codes = subjects_of_code(account.id)
            if wait := await self._count_attempt(codes):
                return SignInDelayed(wait)
            subjects = [*subjects, *codes]
        async with self._transaction() as connection:
            if account.has_second_factor:
                if not attempt.code.strip():
                    await take_back_attempt(connection, subjects)
                    return CodeNeeded()
                check = await check_code(connection, self._cipher, account.id, attempt.code)
                if not check.is_right:
                    return CodeNeeded(was_wrong=True, is_clock_off=check.is_clock_off)
            values = {"account": account.id, "verified_hash": account.password_hash, "new_hash": new_hash}
            if await (await connection.execute(RECORD_SIGN_IN_SQL, values)).fetchone() is None:
                return SignInRefused()
            token = await start_session(
                connection,
                self._settings,
                account.id,
                is_kept=attempt.is_kept,
                address=attempt.address,
                agent=attempt.agent,
            )
            await record_success(connection, subjects)
        return SignedIn(account.id, token, sign_device_cookie(self._cipher, account.id, device))

    async def confirm_password(self, session: AuthenticatedSession, password: str) -> PasswordResult:
        """Verify the password of a signed-in person again, before keys, users, erasure or export."""
        refusal, _ = await self._verify_again(session, password)
        if refusal:
            return refusal
        async with self._transaction() as connection:
            await confirm_session(connection, session.id)
        return PasswordAccepted()

    async def change_password(self, session: AuthenticatedSession, password: str, new_password: str) -> PasswordResult:
        """Change the password. All other sessions end, and this one gets a new token.

        Raises InvalidPassword if the new one breaks a rule, and SessionEnded.
        """
        refusal, account = await self._verify_again(session, password)
        if refusal or account is None:
            return refusal or SignInRefused()
        password_hash = await self._passwords.hash_new_password(new_password, session.email)
        async with self._transaction() as connection:
            await hold_session(connection, session)  # a new link may have voided the password that was verified
            await store_password(connection, account.id, password_hash, except_session_id=session.id)
            await confirm_session(connection, session.id)
            return PasswordAccepted(await renew_session(connection, session.id, always=True))

    async def _verify_again(
        self, session: AuthenticatedSession, password: str
    ) -> tuple[SignInRefused | SignInDelayed | None, AccountRecord | None]:
        subjects = subjects_of_session(session.id)
        if wait := await self._count_attempt(subjects):
            return SignInDelayed(wait), None
        async with self._transaction() as connection:
            account = await read_account(connection, session.account_id)
        password_hash = account.password_hash if account else None
        if not await self._passwords.verify_password(password_hash, password, session.account_id):
            return SignInRefused(), account
        async with self._transaction() as connection:
            await record_success(connection, subjects)
        return None, account

    async def _count_attempt(self, subjects: Sequence[ThrottleSubject]) -> float:
        """Count an attempt. Return 0, or the seconds that it comes too early if that is more than a short wait."""
        pause = await self._try_count(subjects)
        if 0 < pause.too_early <= FREE_PAUSE_SECONDS:
            await asyncio.sleep(pause.too_early)
            pause = await self._try_count(subjects)
        await asyncio.sleep(pause.slowdown)
        return pause.too_early

    async def _try_count(self, subjects: Sequence[ThrottleSubject]) -> AttemptPause:
        async with self._transaction() as connection:
            return await count_attempt(connection, subjects)

    async def _rehash(self, account: AccountRecord, password: str) -> str | None:
        if account.password_hash and self._passwords.needs_rehash(account.password_hash):
            return await self._passwords.hash_password(password)
        return None

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        try:
            async with (
                self._standby.change() as change,
                self._pool.connection() as connection,
                bounded_transaction(connection, change),
            ):
                yield connection
        except Exception as error:
            if is_unavailable(error):
                raise ServiceUnavailable(SIGN_IN_AWAY_MESSAGE) from error
            raise
