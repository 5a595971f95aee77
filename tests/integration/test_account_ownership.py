"""An account belongs to whoever proved its mailbox, whoever else has set a password for it before."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio

from services.workers.deliveries.types import SmtpMessage
from shared.auth import account_links, second_factor, user_management
from shared.auth.account_links import InvalidLink
from shared.auth.link_delivery import LinkSender
from shared.auth.operator_accounts import create_operator_made_user, create_reset_link
from shared.auth.sessions import SessionCache, SessionEnded, hold_session, renew_session, revoke_sessions
from shared.auth.sign_in import SignedIn, SignInRefused
from shared.auth.user_removal import remove_user
from shared.platform.db.connections import connect
from shared.platform.db.notifications import NotificationListener
from tests.support.accounts import SETTINGS
from tests.support.invitations import BASE, INTEGRATION, PREFIX, WITH_MAIL, Team, opened_team

pytestmark = pytest.mark.integration
VICTIM = "bob@example.com"
STOLEN, OWN = "what the stranger chose", "what its owner chose"
WITH_WORKSPACE_MAIL = "the workspace's own mail server"
NEWEST_TARGET = "SELECT target FROM deliveries ORDER BY id DESC LIMIT 1"
ACCOUNT = "SELECT id FROM accounts WHERE email = %s"
IS_PROVEN = "SELECT proven_at IS NOT NULL FROM accounts WHERE email = %s"
SLUGS = """
SELECT coalesce(array_agg(w.slug ORDER BY w.slug), '{}') FROM users u JOIN workspaces w ON w.id = u.workspace_id
JOIN accounts a ON a.id = u.account_id WHERE a.email = %s
"""
OPEN_SESSIONS = (
    "SELECT count(*) FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email = %s AND revoked_at IS NULL"
)


@pytest_asyncio.fixture
async def team(database_url: str) -> AsyncIterator[Team]:
    async with opened_team(database_url) as found:
        yield found


async def squat(team: Team) -> tuple[int, SignedIn]:
    """Eve invites a stranger's address to her workspace, follows the link herself and keeps all that opens it.

    Return the user, and a session of hers.
    """
    invited = await team.invite(team.acme, VICTIM)
    account = await team.follow(invited.handover.url, STOLEN)
    signed_in = await team.sign_in(VICTIM, STOLEN)
    async with team.connection.transaction():
        secret = (await second_factor.begin_enrolment(team.connection, team.cipher, account)).secret
    await second_factor.confirm_enrolment(team.connection, team.cipher, account, await team.code(secret, -30))
    return invited.user_id, signed_in


async def remove(team: Team, user_id: int) -> None:
    async with team.connection.transaction():
        await remove_user(team.connection, team.acme, user_id)


async def create_by_command(team: Team, *, is_operator: bool = False) -> str | None:
    """What `user create` does for the workspace `main`. Return the address of the link, if there is one."""
    async with team.connection.transaction():
        made = await create_operator_made_user(
            team.connection, "main", email=VICTIM, name="Bob", role="admin", is_operator=is_operator
        )
    return made.link_token and PREFIX + made.link_token


async def assert_only_owner_gets_in(team: Team) -> None:
    await team.forget_failures()
    assert await team.try_sign_in(VICTIM, STOLEN) == SignInRefused()
    await team.forget_failures()
    await team.sign_in(VICTIM, OWN)  # no code is asked for


async def test_who_invited_removed_and_kept_the_password_gets_nothing_later(team: Team) -> None:
    user, _ = await squat(team)
    await remove(team, user)
    assert await team.value(OPEN_SESSIONS, VICTIM) == 0
    assert await team.value(
        "SELECT password_hash IS NULL AND totp_secret IS NULL FROM accounts WHERE email = %s", VICTIM
    )
    invited = await team.invite(team.main, VICTIM)
    await team.follow(invited.handover.url, OWN)
    await assert_only_owner_gets_in(team)


async def test_a_mailed_invitation_takes_the_account_from_who_squats_on_it(team: Team) -> None:
    _, session = await squat(team)
    invited = await team.invite(team.main, VICTIM, settings=WITH_MAIL)
    assert (invited.handover.url, invited.handover.is_mailed) == (None, True)
    cache = SessionCache(SETTINGS, team.pool, NotificationListener(team.url))
    before = await cache.authenticate(session.token)
    assert before
    assert list(before.memberships) == ["acme"]
    url, mail = await team.mailed_url()
    assert isinstance(mail, SmtpMessage)
    link = await account_links.read_link(team.connection, url.removeprefix(PREFIX))
    assert (link.purpose, link.starts_over) == ("invite", True)
    await team.follow(url, OWN)
    assert await team.value(OPEN_SESSIONS, VICTIM) == 0
    assert await team.value(SLUGS, VICTIM) == ["acme", "main"]
    assert await team.value(IS_PROVEN, VICTIM)
    async with team.connection.transaction():
        with pytest.raises(SessionEnded):  # the stranger's cache may not have heard of it yet
            await hold_session(team.connection, before)
    await assert_only_owner_gets_in(team)


async def test_the_same_holds_for_links_of_the_command(team: Team) -> None:
    await squat(team)
    assert (await team.invite(team.main, VICTIM)).handover.url is None
    url = await create_by_command(team)
    assert await team.value(SLUGS, VICTIM) == ["acme"]
    await team.follow(url, OWN)
    assert await team.value(SLUGS, VICTIM) == ["acme", "main"]
    assert not await team.value(IS_PROVEN, VICTIM)
    await assert_only_owner_gets_in(team)


async def test_an_operator_made_of_an_unproven_account_starts_over_at_once(team: Team) -> None:
    _, session = await squat(team)
    url = await create_by_command(team, is_operator=True)
    assert await team.try_sign_in(VICTIM, STOLEN) == SignInRefused()
    cache = SessionCache(SETTINGS, team.pool, NotificationListener(team.url))
    assert await cache.authenticate(session.token) is None
    await team.follow(url, OWN)
    await assert_only_owner_gets_in(team)
    assert await create_by_command(team) is None


async def test_a_trusted_account_joins_with_its_password(team: Team) -> None:
    await team.make_person(VICTIM, slug="acme", password=OWN)
    await team.trust(VICTIM)
    assert await create_by_command(team) is None
    assert await team.value(SLUGS, VICTIM) == ["acme", "main"]
    await team.sign_in(VICTIM, OWN)


ALONE, UNPROVEN, PROVEN, OPERATOR = "alone", "unproven elsewhere", "proven elsewhere", "operator"
SHOWN, MAILED, MAILED_BY_WORKSPACE, NOTHING = "shown", "mailed", "mailed by the workspace", "nothing"
# The table of docs/accounts.md.
WAYS = {
    (ALONE, "installation"): (MAILED, "invite"),
    (ALONE, WITH_WORKSPACE_MAIL): (MAILED_BY_WORKSPACE, "invite"),
    (ALONE, "none"): (SHOWN, "invite"),
    (UNPROVEN, "installation"): (MAILED, "invite"),
    (UNPROVEN, WITH_WORKSPACE_MAIL): (NOTHING, ""),
    (UNPROVEN, "none"): (NOTHING, ""),
    (PROVEN, "installation"): (MAILED, "join"),
    (PROVEN, WITH_WORKSPACE_MAIL): (MAILED_BY_WORKSPACE, "join"),
    (PROVEN, "none"): (NOTHING, ""),
    (OPERATOR, "installation"): (MAILED, "join"),
    (OPERATOR, WITH_WORKSPACE_MAIL): (MAILED_BY_WORKSPACE, "join"),
    (OPERATOR, "none"): (NOTHING, ""),
}


async def test_an_invitation_goes_the_way_that_the_documents_table_says(team: Team) -> None:
    for number, ((kind, mail), (way, purpose)) in enumerate(WAYS.items()):
        email = f"person{number}@example.com"
        if kind != ALONE:
            await team.make_person(email, slug="acme", is_operator=kind == OPERATOR)
        if kind == PROVEN:
            await team.trust(email)
        settings = WITH_MAIL if mail == "installation" else SETTINGS
        await team.connection.execute("DELETE FROM integrations")
        if mail == WITH_WORKSPACE_MAIL:
            await team.connection.execute(INTEGRATION, (team.main,))
        before = await team.value("SELECT count(*) FROM deliveries")
        handover = (await team.invite(team.main, email, settings=settings)).handover
        mails = await team.value("SELECT count(*) FROM deliveries") - before
        url = handover.url or ""
        if way in (MAILED, MAILED_BY_WORKSPACE):
            url, _ = await team.mailed_url()
            secret = orjson.loads(team.cipher.decrypt(await team.value(NEWEST_TARGET)))
            assert secret["by_installation"] == (way == MAILED), (kind, mail)
        assert (bool(handover.url), handover.is_mailed, mails) == (way == SHOWN, bool(mails), int("mailed" in way))
        if purpose:
            token = url.removeprefix(PREFIX)
            assert (await account_links.read_link(team.connection, token)).purpose == purpose, (kind, mail)
        if purpose == "invite":
            await team.follow(url, OWN)
            assert await team.value(IS_PROVEN, email) == (way == MAILED), (kind, mail)


async def test_of_two_links_that_two_admins_were_shown_the_first_one_counts(team: Team) -> None:
    eves = (await team.invite(team.acme, VICTIM)).handover.url
    adas = (await team.invite(team.main, VICTIM)).handover.url
    await team.follow(eves, STOLEN)
    with pytest.raises(InvalidLink):
        await team.follow(adas, OWN)
    assert await team.value(SLUGS, VICTIM) == ["acme"]


async def test_links_from_before_a_removal_or_another_membership_are_void(team: Team) -> None:
    links = LinkSender(SETTINGS, team.cipher, BASE)
    user, _ = await squat(team)
    reset = await user_management.make_reset_link(team.connection, links, team.acme, user)
    await remove(team, user)
    with pytest.raises(InvalidLink):
        await team.follow(reset.url, STOLEN)
    user, _ = await squat(team)
    reset = await user_management.make_reset_link(team.connection, links, team.acme, user)
    await team.invite(team.main, VICTIM, settings=WITH_MAIL)
    url, _ = await team.mailed_url()
    await team.follow(url, OWN)
    with pytest.raises(InvalidLink):
        await team.follow(reset.url, STOLEN)
    late = await user_management.make_reset_link(team.connection, links, team.acme, user)
    assert (late.url, late.is_mailed) == (None, False)
    await assert_only_owner_gets_in(team)


async def test_a_password_by_a_shown_link_makes_an_account_unproven_again(team: Team) -> None:
    await team.make_person(VICTIM, slug="acme", password=OWN)
    await team.trust(VICTIM)
    await team.invite(team.main, VICTIM, settings=WITH_MAIL)
    url, _ = await team.mailed_url()
    user = await team.value(
        "SELECT id FROM users WHERE account_id = (SELECT id FROM accounts WHERE email = %s)", VICTIM
    )
    links = LinkSender(SETTINGS, team.cipher, BASE)
    reset = await user_management.make_reset_link(team.connection, links, team.acme, user)
    await team.follow(reset.url, STOLEN)
    account = await team.value(ACCOUNT, VICTIM)
    with pytest.raises(InvalidLink):
        await account_links.join_by_link(team.connection, url.removeprefix(PREFIX), account)
    await team.follow(url, OWN)
    await assert_only_owner_gets_in(team)


async def test_a_mailed_reset_takes_the_second_factor_of_a_stranger_away(team: Team) -> None:
    await squat(team)
    links = LinkSender(WITH_MAIL, team.cipher, BASE)
    async with team.connection.transaction():
        await links.request_reset(team.connection, VICTIM, "192.0.2.9")
    url, _ = await team.mailed_url()
    await team.follow(url, OWN)
    assert await team.value(IS_PROVEN, VICTIM)
    await assert_only_owner_gets_in(team)


async def test_a_link_of_the_command_keeps_what_was_trusted(team: Team) -> None:
    await team.make_person(VICTIM, slug="acme", password=OWN)
    await team.trust(VICTIM)
    token = await create_reset_link(team.connection, VICTIM)
    await team.follow(PREFIX + token, "another horse entirely")
    assert await team.value(IS_PROVEN, VICTIM)


async def test_a_session_that_is_renewed_meanwhile_ends_with_the_others(team: Team, database_url: str) -> None:
    _, signed_in = await squat(team)
    session, account = await team.value("SELECT max(id) FROM sessions"), signed_in.account_id
    async with connect(database_url, "tests") as other:

        async def end_all() -> None:
            async with team.connection.transaction():
                await revoke_sessions(team.connection, account)

        async with other.transaction():
            assert await renew_session(other, session, always=True)
            ending = asyncio.create_task(end_all())
            await asyncio.sleep(0.2)  # whether it waits at the lock or not: it must have taken its snapshot
        await ending
    assert await team.value(OPEN_SESSIONS, VICTIM) == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Bob@Example.com", "bob@EXAMPLE.com"),
        ("bob@b\u00fccher.example", "BOB@xn--bcher-kva.example"),
        ("bob@\u212aleine.example", "bob@kleine.example"),
        ("j\u00f6rg@example.com", "jo\u0308rg@example.com"),
    ],
)
async def test_two_spellings_of_a_mailbox_are_one_account(team: Team, first: str, second: str) -> None:
    url = (await team.invite(team.acme, first)).handover.url
    account = await team.follow(url, STOLEN)
    handover = (await team.invite(team.main, second)).handover
    assert (handover.url, handover.is_mailed) == (None, False)
    assert (await team.sign_in(second, STOLEN)).account_id == account
