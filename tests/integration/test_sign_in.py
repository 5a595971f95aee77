"""Signing in: what an account, a stranger and a known browser are answered, and how fast."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from argon2 import PasswordHasher

from shared.auth import second_factor
from shared.auth.passwords import InvalidPassword
from shared.auth.second_factor import CodeMismatch
from shared.auth.sessions import SessionCache, SessionEnded, revoke_sessions
from shared.auth.sign_in import CodeNeeded, PasswordAccepted, SignedIn, SignInDelayed, SignInRefused, SignInResult
from shared.auth.sign_in_throttle import GUESSED_ACCOUNT_SECONDS, count_attempt, subjects_of_attempt
from shared.platform.db.notifications import NotificationListener
from tests.support.accounts import PASSWORD, SETTINGS, Door, opened_door
from tests.support.timing import best_within_async
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration
NEW_PASSWORD = "another horse entirely"


@pytest_asyncio.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    async with opened_door(database_url) as found:
        yield found


def sessions_of(door: Door) -> SessionCache:
    return SessionCache(SETTINGS, door.pool, NotificationListener(door.url))


async def test_a_person_signs_in_and_sees_their_workspaces(door: Door) -> None:
    account = await door.make_person("Ada@Example.com", role="manager")
    signed_in = await door.sign_in(" ada@EXAMPLE.com ", agent="Firefox\n\udcff")
    session = await sessions_of(door).authenticate(signed_in.token)
    assert session is not None
    assert (session.account_id, session.email, session.is_operator) == (account, "Ada@Example.com", False)
    assert [(slug, member.role) for slug, member in session.memberships.items()] == [("main", "manager")]
    assert session.is_recently_confirmed
    assert await door.value("SELECT agent FROM sessions") == "Firefox"
    assert await door.value("SELECT last_signed_in_at > now() - interval '1 minute' FROM accounts")
    stored = await door.value("SELECT sessions::text FROM sessions")
    assert signed_in.token not in stored


async def test_strangers_and_wrong_passwords_get_one_answer_in_the_same_time(door: Door) -> None:
    await door.make_person("ada@example.com")
    await door.make_person("invited@example.com", password=None)
    await door.make_person("gone@example.com", role="agent")
    await door.connection.execute("UPDATE users SET is_active = false WHERE email = 'gone@example.com'")
    people = ("ada@example.com", "nobody@example.com", "invited@example.com", "gone@example.com", "\0\udcff", "x" * 999)
    quickest: dict[str, float] = {}

    async def longest_by_shortest() -> float:
        """Of the quickest answers to each so far: what delays one now and then is none of its own."""
        for number, email in enumerate(people):
            await door.forget_failures()
            password = PASSWORD if email.startswith("gone") else "wrong password"
            started = time.process_time()  # the hash is what takes long, and other processes do not count
            result = await door.try_sign_in(email, password, address=f"192.0.2.{number}")
            quickest[email] = min(time.process_time() - started, quickest.get(email, 60))
            assert result == SignInRefused()
        return max(quickest.values()) / min(quickest.values())

    await best_within_async(2, longest_by_shortest, tries=30)


async def test_five_failures_cost_a_second_each_and_later_pauses_grow(door: Door) -> None:
    await door.make_person("ada@example.com")
    pause = "SELECT extract(epoch FROM max(retry_at - last_failed_at))::float FROM sign_in_failures"
    started = time.perf_counter()
    for _ in range(5):
        assert await door.try_sign_in("ada@example.com", "wrong password") == SignInRefused()
        assert await door.value(pause) == pytest.approx(1, abs=0.4)
    assert time.perf_counter() - started > 3.5
    assert await door.try_sign_in("ada@example.com", "wrong password") == SignInRefused()
    assert await door.value(pause) == pytest.approx(2, abs=0.4)
    await door.connection.execute("UPDATE sign_in_failures SET retry_at = now() + interval '50 s'")
    delayed = await door.try_sign_in("ada@example.com")
    assert isinstance(delayed, SignInDelayed)
    assert 1 < delayed.seconds <= 50
    await door.connection.execute("UPDATE sign_in_failures SET retry_at = now(), failures = 500")
    assert await door.try_sign_in("ada@example.com", "wrong password") == SignInRefused()
    pauses = "SELECT max(retry_at - clock_timestamp()) BETWEEN '14 min' AND '15 min' FROM sign_in_failures"
    assert await door.value(pauses)
    await door.connection.execute("UPDATE sign_in_failures SET retry_at = now()")
    await door.sign_in("ada@example.com")
    left = "SELECT count(*) FROM sign_in_failures WHERE subject LIKE 'account%%'"
    assert await door.value(left) == 0


async def test_a_flood_from_fifty_addresses_waits_behind_a_person(door: Door) -> None:
    await door.make_person("ada@example.com")
    judged, is_flooded = 0, asyncio.Event()

    async def flood(address: str) -> None:
        nonlocal judged
        while True:
            await door.try_sign_in(f"{judged}@attack.example.com", "wrong password", address=address)
            judged += 1
            if judged == 50:
                is_flooded.set()

    floods = [asyncio.create_task(flood(f"198.51.100.{number}")) for number in range(50)]
    await asyncio.wait_for(is_flooded.wait(), 60)
    before = judged
    await door.sign_in("ada@example.com")
    assert judged - before < 25  # not those who all asked before
    for task in floods:
        task.cancel()
    await asyncio.gather(*floods, return_exceptions=True)


async def test_attempts_side_by_side_count_each(door: Door) -> None:
    await door.make_person("ada@example.com")
    results = await asyncio.gather(*[door.try_sign_in("ada@example.com", "wrong password") for _ in range(12)])
    assert sum(result == SignInRefused() for result in results) <= 2
    assert all(isinstance(result, SignInRefused | SignInDelayed) for result in results)


async def test_no_stranger_locks_a_known_browser_out(door: Door) -> None:
    await door.make_person("ada@example.com")
    known = await door.sign_in("ada@example.com")
    await door.try_sign_in("ada@example.com", "wrong password")
    await door.connection.execute("UPDATE sign_in_failures SET failures = 50, retry_at = now() + interval '1 hour'")
    assert isinstance(await door.try_sign_in("ada@example.com"), SignInDelayed)
    again = await door.sign_in("ada@example.com", device_cookie=known.device_cookie)
    forged = again.device_cookie[:-2] + "xx"
    assert isinstance(await door.try_sign_in("ada@example.com", device_cookie=forged), SignInDelayed)
    await door.make_person("eve@example.com")
    await door.connection.execute("UPDATE sign_in_failures SET retry_at = now() WHERE subject LIKE 'address%'")
    eves = await door.sign_in("eve@example.com")
    await door.connection.execute("UPDATE sign_in_failures SET retry_at = now() + interval '1 hour'")
    other = await door.try_sign_in("ada@example.com", device_cookie=eves.device_cookie)
    assert isinstance(other, SignInDelayed)
    # The cookie has a counter of its own.
    for _ in range(2):
        await door.try_sign_in("ada@example.com", "wrong password", device_cookie=known.device_cookie)
    failures = "SELECT max(failures) FROM sign_in_failures WHERE subject LIKE 'device%%'"
    assert await door.value(failures) == 2


async def test_guesses_from_many_addresses_do_not_delay_the_right_password(door: Door) -> None:
    """Strangers at 12 addresses guess on while the person signs in with a browser that is new to the account."""
    await door.make_person("ada@example.com")
    stopping = asyncio.Event()

    async def guess(number: int) -> list[SignInResult]:
        results = []
        while not stopping.is_set():
            results.append(await door.try_sign_in("ada@example.com", "wrong password", address=f"198.51.100.{number}"))
            await asyncio.sleep(0.2)
        return results

    guessers = [asyncio.create_task(guess(number)) for number in range(12)]
    is_guessed = "SELECT coalesce(max(failures), 0) > 8 FROM sign_in_failures WHERE subject LIKE 'account%%'"

    async def is_under_attack() -> bool:
        return bool(await door.value(is_guessed))

    await until_async(is_under_attack, 30, "more than eight wrong passwords")
    await door.sign_in("ada@example.com", address="192.0.2.7")  # at once: a delay would be an answer of its own
    stopping.set()
    results = [result for each in await asyncio.gather(*guessers) for result in each]
    assert all(isinstance(result, SignInRefused | SignInDelayed) for result in results)


async def test_an_address_that_guesses_at_an_account_under_attack_waits_from_its_second_failure(door: Door) -> None:
    await door.make_person("ada@example.com")
    for number in range(5):
        await door.try_sign_in("ada@example.com", "wrong password", address=f"198.51.100.{number}")
    subjects = subjects_of_attempt("ada@example.com", "192.0.2.7", None, None)
    async with door.connection.transaction():
        first = await count_attempt(door.connection, subjects)
    assert (first.too_early, first.slowdown) == (0, GUESSED_ACCOUNT_SECONDS)
    waits = (
        "SELECT extract(epoch FROM max(retry_at) - clock_timestamp())::float8 FROM sign_in_failures WHERE subject = %s"
    )
    await door.connection.execute("UPDATE sign_in_failures SET retry_at = now() WHERE subject = %s", (subjects[1].key,))
    async with door.connection.transaction():
        await count_attempt(door.connection, subjects)
    assert 1 < await door.value(waits, subjects[1].key) <= 2
    assert isinstance(await door.try_sign_in("ada@example.com", address="192.0.2.7"), SignInDelayed)


async def test_an_ipv6_network_is_one_address(door: Door) -> None:
    for number in range(3):
        await door.try_sign_in(f"nobody{number}@example.com", "wrong password", address=f"2001:db8::{number + 1}")
    failures = "SELECT max(failures) FROM sign_in_failures WHERE subject LIKE 'address%%'"
    assert await door.value(failures) == 3


async def test_a_hash_with_former_parameters_is_made_again(door: Door) -> None:
    await door.make_person("ada@example.com")
    former = PasswordHasher(1, 8 * 1024, 1).hash(PASSWORD)
    await door.connection.execute("UPDATE accounts SET password_hash = %s", (former,))
    await door.sign_in("ada@example.com")
    assert "m=19456,t=2,p=1" in await door.value("SELECT password_hash FROM accounts")
    await door.sign_in("ada@example.com")


async def enrol(door: Door, account: int) -> tuple[str, list[str]]:
    async with door.connection.transaction():
        secret = (await second_factor.begin_enrolment(door.connection, door.cipher, account)).secret
    assert await door.sign_in("ada@example.com")  # nothing is asked until a code was confirmed
    with pytest.raises(CodeMismatch) as wrong:
        await second_factor.confirm_enrolment(door.connection, door.cipher, account, "12345x")
    assert not wrong.value.is_clock_off
    late_code = await door.code(secret, -200)
    with pytest.raises(CodeMismatch) as late:
        await second_factor.confirm_enrolment(door.connection, door.cipher, account, late_code)
    assert late.value.is_clock_off
    code = await door.code(secret, -30)
    return secret, await second_factor.confirm_enrolment(door.connection, door.cipher, account, code)


async def test_a_second_factor_is_asked_for_and_each_code_works_once(door: Door) -> None:
    account = await door.make_person("ada@example.com")
    secret, recovery = await enrol(door, account)
    assert await door.try_sign_in("ada@example.com") == CodeNeeded()
    assert await door.try_sign_in("ada@example.com", "wrong password", code="123456") == SignInRefused()
    code = await door.code(secret)
    assert isinstance(await door.try_sign_in("ada@example.com", code=f" {code[:3]} {code[3:]}"), SignedIn)
    assert await door.try_sign_in("ada@example.com", code=code) == CodeNeeded(was_wrong=True)
    await door.forget_failures()
    ahead = await door.code(secret, 240)
    assert await door.try_sign_in("ada@example.com", code=ahead) == CodeNeeded(was_wrong=True, is_clock_off=True)
    await door.forget_failures()
    await door.sign_in("ada@example.com", code=recovery[0].upper())
    assert await door.try_sign_in("ada@example.com", code=recovery[0]) == CodeNeeded(was_wrong=True)
    assert await second_factor.count_recovery_codes(door.connection, account) == 9
    text = await door.value("SELECT accounts::text FROM accounts")
    assert secret not in text
    await door.forget_failures()
    fresh = await second_factor.replace_recovery_codes(door.connection, account)
    assert await door.try_sign_in("ada@example.com", code=recovery[1]) == CodeNeeded(was_wrong=True)
    await door.forget_failures()
    await door.sign_in("ada@example.com", code=fresh[0])
    await second_factor.disable_second_factor(door.connection, account)
    await door.sign_in("ada@example.com")


async def test_guesses_of_codes_are_throttled_as_those_of_passwords(door: Door) -> None:
    account = await door.make_person("ada@example.com")
    await enrol(door, account)
    await door.forget_failures()
    await door.try_sign_in("ada@example.com", code="000000")
    assert await door.try_sign_in("ada@example.com") == CodeNeeded()
    assert await door.value("SELECT max(failures) FROM sign_in_failures") == 1


async def test_guesses_of_codes_from_many_addresses_pause_the_account(door: Door) -> None:
    """Only somebody who knows the password can guess them: the pause keeps no stranger's victim out."""
    account = await door.make_person("ada@example.com")
    secret, _ = await enrol(door, account)
    known = await door.sign_in("ada@example.com", code=await door.code(secret))
    for number in range(2):
        await door.try_sign_in("ada@example.com", code="000000", address=f"198.51.100.{number}")
        await door.connection.execute("UPDATE sign_in_failures SET failures = 20 WHERE subject LIKE 'code%'")
    assert isinstance(await door.try_sign_in("ada@example.com", code="000001", address="192.0.2.9"), SignInDelayed)
    code = await door.code(secret, 30)
    await door.sign_in("ada@example.com", code=code, device_cookie=known.device_cookie)


async def test_a_password_that_is_changed_meanwhile_is_not_changed_by_an_ended_session(door: Door) -> None:
    """A link may have voided it between the check of the old one and the storing of the new one."""
    await door.make_person("ada@example.com")
    session = await sessions_of(door).authenticate((await door.sign_in("ada@example.com")).token)
    assert session is not None
    async with door.connection.transaction():
        await door.connection.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", (session.account_id,))
        changing = asyncio.create_task(door.service.change_password(session, PASSWORD, NEW_PASSWORD))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )

        async def is_waiting() -> bool:
            return bool(await door.value(waiting))

        await until_async(is_waiting, what="the change at the account's lock")
        await revoke_sessions(door.connection, session.account_id)
    with pytest.raises(SessionEnded):
        await changing
    await door.sign_in("ada@example.com")


async def test_a_changed_password_ends_all_other_sessions(door: Door) -> None:
    await door.make_person("ada@example.com")
    here, elsewhere = await door.sign_in("ada@example.com"), await door.sign_in("ada@example.com")
    session = await sessions_of(door).authenticate(here.token)
    assert session is not None
    with pytest.raises(InvalidPassword, match="at least 10"):
        await door.service.change_password(session, PASSWORD, "short")
    with pytest.raises(InvalidPassword, match="easy to guess"):
        await door.service.change_password(session, PASSWORD, "ADA@example.com")
    with pytest.raises(InvalidPassword, match="easy to guess"):
        await door.service.change_password(session, PASSWORD, "Password123")
    assert await door.service.change_password(session, "wrong password", NEW_PASSWORD) == SignInRefused()
    assert await door.service.confirm_password(session, PASSWORD) == PasswordAccepted()
    changed = await door.service.change_password(session, PASSWORD, NEW_PASSWORD)
    assert isinstance(changed, PasswordAccepted)
    fresh = sessions_of(door)
    assert changed.token is not None
    assert await fresh.authenticate(changed.token)
    assert [await fresh.authenticate(old.token) for old in (here, elsewhere)] == [None, None]
    assert await door.try_sign_in("ada@example.com") == SignInRefused()
    await door.sign_in("ada@example.com", NEW_PASSWORD)
