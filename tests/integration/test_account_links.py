"""Links and users: who is shown a link, who gets it by mail, and that each works once, for a day."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.workers.deliveries.types import SkippedDelivery, SmtpMessage
from shared.auth import account_links, user_management
from shared.auth.account_links import InvalidLink
from shared.auth.link_delivery import LinkSender
from shared.auth.link_limits import RECIPIENT_LIMIT, WORKSPACE_LIMIT, LinkLimitReached
from shared.auth.passwords import InvalidPassword
from shared.auth.sign_in import SignInRefused
from shared.auth.user_access import AccessChange
from shared.auth.user_removal import remove_user
from shared.platform.errors import Conflict, NotFound, ValidationFailed
from tests.support.accounts import PASSWORD, SETTINGS
from tests.support.invitations import BASE, INTEGRATION, PREFIX, WITH_MAIL, Team, opened_team

pytestmark = pytest.mark.integration

AN_HOUR_LATER = """
UPDATE recipient_limits SET sent_at = (SELECT array_agg(at - interval '61 minutes' ORDER BY at) FROM unnest(sent_at) at)
"""


@pytest_asyncio.fixture
async def team(database_url: str) -> AsyncIterator[Team]:
    async with opened_team(database_url) as found:
        yield found


async def test_an_invitation_sets_a_password_once(team: Team) -> None:
    invited = await team.invite(team.main, "Bob@Example.com")
    url = invited.handover.url
    assert url is not None
    assert url.startswith(PREFIX)
    details = await account_links.read_link(team.connection, url.removeprefix(PREFIX))
    assert (details.purpose, details.email, details.name) == ("invite", "Bob@Example.com", "Bob")
    with pytest.raises(InvalidPassword):
        await team.follow(url, "bob@example.com")
    await team.follow(url)
    with pytest.raises(InvalidLink):
        await team.follow(url)
    await team.sign_in("bob@example.com")
    users = {user.email: user for user in await user_management.list_users(team.connection, team.main)}
    bob = users["Bob@Example.com"]
    assert (bob.id, bob.role, bob.can_sign_in, bob.has_second_factor) == (invited.user_id, "agent", True, False)
    assert bob.last_signed_in_at is not None
    assert set(users) == {"Bob@Example.com", "ada@example.com"}
    with pytest.raises(Conflict, match="already"):
        await team.invite(team.main, "bob@example.com")


async def test_a_link_is_good_for_24_hours_and_replaced_by_a_newer_one(team: Team) -> None:
    first = await team.invite(team.main, "bob@example.com")
    second = await team.invite(team.main, "bob@example.com", "manager")
    assert first.user_id == second.user_id
    with pytest.raises(InvalidLink):
        await team.follow(first.handover.url)
    assert await team.value("SELECT max(expires_at - created_at) = '24 h' FROM account_links")
    await team.connection.execute("UPDATE account_links SET expires_at = now()")
    with pytest.raises(InvalidLink):
        await team.follow(second.handover.url)
    for token in ("", "x" * 1000, "\udcff"):
        with pytest.raises(InvalidLink):
            await account_links.read_link(team.connection, token)


async def test_a_user_made_by_the_api_can_be_invited(team: Team) -> None:
    query = "INSERT INTO users (workspace_id, name, email) VALUES (%s, 'Bob', 'BOB@example.com') RETURNING id"
    user = await team.value(query, team.main)
    links = LinkSender(SETTINGS, team.cipher, BASE)
    with pytest.raises(Conflict, match="invite them first"):
        await user_management.make_reset_link(team.connection, links, team.main, user)
    invited = await team.invite(team.main, "bob@example.com", "read_only")
    assert invited.user_id == user
    await team.follow(invited.handover.url)
    assert await team.value("SELECT role FROM users WHERE id = %s", user) == "read_only"
    with pytest.raises(ValidationFailed) as wrong:
        await team.invite(team.main, "no address", "boss")  # type: ignore[arg-type]
    assert set(wrong.value.errors or ()) == {"email", "role"}


async def test_no_admin_is_shown_a_link_to_another_workspaces_account(team: Team) -> None:
    """Neither Eve's nor anybody's: it goes by mail, opens nothing without the password, and joins once."""
    await team.trust("ada@example.com")
    unmailed = await team.invite(team.acme, "ada@example.com")
    assert (unmailed.handover.url, unmailed.handover.is_mailed) == (None, False)
    invited = await team.invite(team.acme, "ada@example.com", "agent", WITH_MAIL)
    assert (invited.handover.url, invited.handover.is_mailed) == (None, True)
    assert (
        await team.value("SELECT count(*) FROM users WHERE account_id IS NOT NULL AND workspace_id = %s", team.acme)
        == 1
    )
    url, mail = await team.mailed_url()
    assert isinstance(mail, SmtpMessage)
    assert mail.recipient == "ada@example.com"
    with pytest.raises(InvalidLink):
        await team.follow(url)
    token = url.removeprefix(PREFIX)
    ada, eve = [
        await team.value("SELECT id FROM accounts WHERE email = %s", f"{n}@example.com") for n in ("ada", "eve")
    ]
    with pytest.raises(InvalidLink):
        await account_links.join_by_link(team.connection, token, eve)
    assert await account_links.join_by_link(team.connection, token, ada) == "acme"
    with pytest.raises(InvalidLink):
        await account_links.join_by_link(team.connection, token, ada)
    with pytest.raises(Conflict):
        await team.invite(team.acme, "ada@example.com", "agent", WITH_MAIL)
    # An admin's reset of an account with two memberships goes by the installation's mail only.
    links = LinkSender(SETTINGS, team.cipher, BASE)
    await team.connection.execute(INTEGRATION, (team.acme,))
    reset = await user_management.make_reset_link(team.connection, links, team.acme, invited.user_id)
    assert (reset.url, reset.is_mailed) == (None, False)
    links = LinkSender(WITH_MAIL, team.cipher, BASE)
    async with team.connection.transaction():
        reset = await user_management.make_reset_link(team.connection, links, team.acme, invited.user_id)
    assert (reset.url, reset.is_mailed) == (None, True)
    refused = (await team.mailed_url(SETTINGS))[1]
    assert isinstance(refused, SkippedDelivery)
    await team.follow((await team.mailed_url())[0], "another horse entirely")


async def test_a_reset_link_that_an_admin_has_is_void_once_its_account_sees_more(team: Team) -> None:
    await team.trust("ada@example.com")
    user = await team.value("SELECT id FROM users WHERE email = 'ada@example.com'")
    links = LinkSender(SETTINGS, team.cipher, BASE)
    async with team.connection.transaction():
        kept = await user_management.make_reset_link(team.connection, links, team.main, user)
    assert kept.url is not None
    await team.invite(team.acme, "ada@example.com", "agent", WITH_MAIL)
    url, _ = await team.mailed_url()
    ada = await team.value("SELECT id FROM accounts WHERE email = 'ada@example.com'")
    await account_links.join_by_link(team.connection, url.removeprefix(PREFIX), ada)
    with pytest.raises(InvalidLink):
        await team.follow(kept.url)


async def test_a_forgotten_password_is_reset_by_mail_and_ends_all_sessions(team: Team) -> None:
    links = LinkSender(WITH_MAIL, team.cipher, BASE)
    waits = []
    for number, email in enumerate(("nobody@example.com", " ADA@example.com ", "ada@example.com")):
        async with team.connection.transaction():
            waits.append(await links.request_reset(team.connection, email, f"192.0.2.{number}"))
    assert waits[:2] == [0, 0]
    assert waits[2] > 0
    assert await team.value("SELECT count(*) FROM deliveries") == 1
    url, mail = await team.mailed_url()
    assert isinstance(mail, SmtpMessage)
    assert mail.recipient == "ada@example.com"
    assert url not in await team.value("SELECT deliveries::text FROM deliveries")
    await team.sign_in("ada@example.com")
    await team.follow(url, "another horse entirely")
    assert await team.value("SELECT count(*) FROM sessions WHERE revoked_at IS NULL") == 0
    assert await team.try_sign_in("ada@example.com") == SignInRefused()
    await team.sign_in("ada@example.com", "another horse entirely")


async def test_without_mail_nothing_is_sent(team: Team) -> None:
    links = LinkSender(SETTINGS, team.cipher, BASE)
    async with team.connection.transaction():
        await links.request_reset(team.connection, "ada@example.com", "192.0.2.1")
    assert await team.value("SELECT count(*) FROM deliveries") == 0


async def test_one_address_gets_few_invitations_an_hour_from_all_workspaces_together(team: Team) -> None:
    """Neither removing the user nor another spelling of the address helps. What was refused left no trace."""
    for workspace_id, email in ((team.main, "bob@example.com"), (team.acme, "Bob+1@example.com")):
        await team.invite(workspace_id, email, settings=WITH_MAIL)
    last = await team.invite(team.main, "bob@example.com", settings=WITH_MAIL)
    for workspace_id, email in ((team.main, "bob@example.com"), (team.acme, "bob+2@example.com")):
        with pytest.raises(LinkLimitReached) as refused:
            await team.invite(workspace_id, email, "admin", WITH_MAIL)
        assert (refused.value.limit, refused.value.minutes) == (RECIPIENT_LIMIT, 60)
    assert await team.value("SELECT count(*) FROM deliveries") == RECIPIENT_LIMIT.mails
    assert await team.value("SELECT role FROM users WHERE id = %s", last.user_id) == "agent"
    assert await team.value("SELECT count(*) FROM users WHERE email = 'bob+2@example.com'") == 0
    async with team.connection.transaction():
        await remove_user(team.connection, team.main, last.user_id)
    with pytest.raises(LinkLimitReached):
        await team.invite(team.main, "bob@example.com", settings=WITH_MAIL)
    await team.connection.execute(AN_HOUR_LATER)
    await team.invite(team.main, "bob@example.com", settings=WITH_MAIL)


async def test_a_refused_invitation_leaves_the_link_that_is_out(team: Team) -> None:
    for _ in range(RECIPIENT_LIMIT.mails):
        await team.invite(team.main, "bob@example.com", settings=WITH_MAIL)
    with pytest.raises(LinkLimitReached):
        await team.invite(team.main, "bob@example.com", settings=WITH_MAIL)
    await team.follow((await team.mailed_url())[0])
    await team.sign_in("bob@example.com")


async def test_a_workspace_sends_some_invitations_an_hour(team: Team) -> None:
    for number in range(WORKSPACE_LIMIT.mails):
        await team.invite(team.main, f"person{number}@example.com", settings=WITH_MAIL)
    with pytest.raises(LinkLimitReached) as refused:
        await team.invite(team.main, "further@example.com", settings=WITH_MAIL)
    assert refused.value.limit == WORKSPACE_LIMIT
    assert await team.value("SELECT count(*) FROM deliveries") == WORKSPACE_LIMIT.mails
    await team.invite(team.acme, "further@example.com", settings=WITH_MAIL)
    await team.invite(team.main, "shown@example.com")  # a link that the admin is shown is no mail


async def test_an_admin_mails_few_reset_links_an_hour(team: Team) -> None:
    ada = await team.value("SELECT id FROM users WHERE email = 'ada@example.com'")
    links = LinkSender(WITH_MAIL, team.cipher, BASE)
    for _ in range(RECIPIENT_LIMIT.mails):
        async with team.connection.transaction():
            await user_management.make_reset_link(team.connection, links, team.main, ada)
    with pytest.raises(LinkLimitReached):
        await user_management.make_reset_link(team.connection, links, team.main, ada)
    await team.invite(team.acme, "ada@example.com", settings=WITH_MAIL)  # counted on its own


async def test_the_last_admin_stays(team: Team) -> None:
    ada = await team.value("SELECT id FROM users WHERE email = 'ada@example.com'")
    changes = (AccessChange(role="manager"), AccessChange(is_active=False))
    for change in changes:
        with pytest.raises(Conflict, match="last active admin"):
            await user_management.change_user(team.connection, team.main, ada, change)
    async with team.connection.transaction():
        with pytest.raises(Conflict, match="last active admin"):
            await remove_user(team.connection, team.main, ada)
    bob = await team.invite(team.main, "bob@example.com", "admin")
    with pytest.raises(Conflict):  # who cannot sign in yet administers nothing
        await user_management.change_user(team.connection, team.main, ada, changes[0])
    await team.follow(bob.handover.url)
    await user_management.change_user(team.connection, team.main, ada, changes[0])
    async with team.connection.transaction():
        await remove_user(team.connection, team.main, ada)
    assert await team.try_sign_in("ada@example.com") == SignInRefused()
    for workspace_id, user_id in ((team.main, ada), (team.acme, bob.user_id)):
        with pytest.raises(NotFound):
            await user_management.change_user(team.connection, workspace_id, user_id, AccessChange(role="admin"))


async def test_the_first_admins_link_makes_an_operator_once(team: Team) -> None:
    async with team.connection.transaction():
        await account_links.create_first_admin_link(team.connection)
        token = await account_links.create_first_admin_link(team.connection)
    more = {"email": "root@example.com", "name": "Root", "password": PASSWORD}
    async with team.connection.transaction():
        await account_links.create_first_admin(team.connection, team.passwords, token, **more)
    signed_in = await team.sign_in("root@example.com")
    assert await team.value("SELECT is_operator FROM accounts WHERE id = %s", signed_in.account_id)
    async with team.connection.transaction():
        late = await account_links.create_first_admin_link(team.connection)
        for each in (token, late):
            with pytest.raises(InvalidLink):
                await account_links.create_first_admin(team.connection, team.passwords, each, **more)
