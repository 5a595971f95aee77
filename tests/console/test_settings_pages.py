"""The settings: API keys, users and the audit log, as an admin works with them over HTTP."""

import re
import secrets
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from yarl import URL

from services.console.settings.scope_words import SCOPE_WORDS
from services.console.web.role_words import PERMISSION_WORDS, ROLE_WORDS
from shared import workspaces
from shared.auth.key_format import ALL_SCOPES
from shared.auth.operator_accounts import create_operator_made_user
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import ROLE_NAMES, Permission, Role
from shared.platform.db.connections import connect
from tests.support.invitations import INTEGRATION
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>"
LONG_AGO = "UPDATE sessions SET confirmed_at = now() - interval '11 min' WHERE account_id = %s"
# One by a user, one of another workspace, and 51 by a key.
NOTE = """
INSERT INTO audit_log (workspace_id, at, actor_kind, actor_id, actor_name, action, object_kind, object_id, outcome,
                       reason, before, after, address)
SELECT w.id, now(), kind, 7, %s, action, 'user', '12', outcome, %s, '{"role": "agent"}', '{"role": "admin"}',
    '192.0.2.7'
FROM workspaces w, (VALUES ('key', 'form.changed', 'done', 51), ('user', 'user.changed', 'refused', 1))
    AS e (kind, action, outcome, times), generate_series(1, times)
WHERE w.slug = %s
"""

NAME = """
UPDATE audit_log SET object_kind = 'form', before = '{"name": "Old <form>"}', after = '{"name": "New <form>"}'
WHERE id = (SELECT max(a.id) FROM audit_log a JOIN workspaces w ON w.id = a.workspace_id
            WHERE w.slug = %s AND action = 'form.changed')
"""
ACT_AS_KEYS = """
INSERT INTO audit_log (workspace_id, at, actor_kind, actor_id, actor_name, action, outcome)
SELECT workspace_id, now(), 'key', k.id, k.name, 'form.changed', 'done'
FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id WHERE w.slug = %s
"""
FILL_HOUR = """
INSERT INTO recipient_limits (subject, sent_at)
VALUES ('invite link:workspace:' || %s, array_fill(now() - interval '48.5 minutes', ARRAY[30]))
"""


class SettingsReader:
    """An admin's browser without scripts, in a workspace of their own."""

    def __init__(self, base: str, slug: str, account_id: int, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.slug = slug
        self.account_id = account_id
        self.session = session

    async def get(self, page: str, **query: str) -> tuple[int, str]:
        """Status and text of a page."""
        url = f"{self.base}/console/{self.slug}/settings/{page}"
        async with self.session.get(url, params=query, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def post(self, page: str, **form: str) -> tuple[int, str]:
        """Status and text of what a form comes to."""
        return await self.post_to(f"/console/{self.slug}/settings/{page}", **form)

    async def post_to(self, path: str, **form: str) -> tuple[int, str]:
        """Status and text of what a form at any path comes to."""
        url, headers = self.base + path, {"Origin": self.base}
        async with self.session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def settings_reader(stack: Stack, role: Role = "admin") -> AsyncIterator[SettingsReader]:
    """A new workspace with one user, who is signed in."""
    slug = f"set-{secrets.token_hex(6)}"
    email = f"{slug}@example.com"
    password_hash = await PasswordHashing().hash_password(PASSWORD)
    async with connect(stack.database_url, "tests") as connection, connection.transaction():
        await workspaces.create_workspace(connection, slug, slug)
        made = await create_operator_made_user(
            connection, slug, email=email, name="Ada Lovelace", role=role, password_hash=password_hash
        )
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(stack.base))
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(60)) as session:
        form, headers = {"email": email, "password": PASSWORD}, {"Origin": stack.base}
        async with session.post(
            f"{stack.base}/console/sign-in", data=form, headers=headers, allow_redirects=False
        ) as answer:
            assert answer.status == 303
        yield SettingsReader(stack.base, slug, made.account_id, session)


async def post_lead(stack: Stack, slug: str, key: str) -> int:
    """The status of a lead that is sent as the line beside a new key sends it."""
    url, headers = f"{stack.base}/api/inbound/leads?tenant={slug}", {"Authorization": f"Bearer {key}"}
    lead = {"email": "grace@example.com"}
    async with aiohttp.ClientSession() as session, session.post(url, data=lead, headers=headers) as answer:
        return answer.status


async def is_refused(stack: Stack, slug: str, key: str) -> bool:
    """Whether a key posts leads no more."""
    return await post_lead(stack, slug, key) == 401


async def test_a_key_is_made_shown_once_used_and_revoked(stack: Stack) -> None:
    async with settings_reader(stack) as reader:
        assert "There is no key yet" in (await reader.get("keys"))[1]
        status, refused = await reader.post("keys", name="", preset="own", limit="0", life="at", until="2020-01-01")
        assert (status, refused.count('role="alert"')) == (422, 4)
        status, shown = await reader.post("keys", name=HOSTILE, preset="form", limit="1,000", life="30")
        key = "".join(re.findall(r'(lh_)<span class="syntax-value">(\w+)', shown)[0])
        assert (status, HOSTILE in shown, await post_lead(stack, reader.slug, key)) == (200, False, 201)
        _, listed = await reader.get("keys")
        assert (key in listed, "post leads" in listed, "&lt;script&gt;" in listed) == (False, True, True)
        key_id = re.findall(r"revoke=(\d+)", listed)[0]
        async with settings_reader(stack) as stranger:
            assert (await stranger.post(f"keys/{key_id}/revoke"))[0] == 404
        assert f"keys/{key_id}/revoke" in (await reader.get("keys", revoke=key_id))[1]
        assert (await reader.post(f"keys/{key_id}/revoke"))[0] == 303
        await until_async(lambda: is_refused(stack, reader.slug, key), what="the refusal of a revoked key")
        assert "revoked" in (await reader.get("keys"))[1]


async def test_a_user_is_invited_changed_and_taken_out_and_the_last_admin_stays(stack: Stack) -> None:
    async with settings_reader(stack) as reader:
        assert (await reader.post("users", email="no", name=" ", role="agent"))[0] == 422
        email = f"{reader.slug}-joan@example.com"
        status, shown = await reader.post("users", email=email, name=HOSTILE, role="manager")
        assert (status, HOSTILE in shown, "/console/welcome/" in shown) == (200, False, True)
        _, listed = await reader.get("users")
        assert ("/console/welcome/" in listed, "1 is invited" in listed) == (False, True)
        ada, joan = sorted({int(id_) for id_ in re.findall(r"\?user=(\d+)", listed)})
        status, shown = await reader.post(f"users/{joan}", action="invite")
        assert (status, "/console/welcome/" in shown) == (200, True)
        assert (await reader.post(f"users/{joan}", action="role", role="read_only"))[0] == 303
        assert "Read only" in (await reader.get("users"))[1].partition("What each role may")[0]
        for form in (
            {"action": "role", "role": "agent"},
            {"action": "deactivate"},
            {"action": "remove", "is_sure": "1"},
        ):
            status, refused = await reader.post(f"users/{ada}", **form)
            assert (status, "last active admin" in refused) == (409, True)
        status, asked = await reader.post(f"users/{joan}", action="remove")
        assert (status, "assigned to nobody" in asked) == (200, True)
        assert (await reader.post(f"users/{joan}", action="remove", is_sure="1"))[0] == 303
        assert email not in (await reader.get("users"))[1]
        assert (await reader.post(f"users/{joan}", action="sign_out"))[0] == 404


async def test_users_show_the_address_that_signs_in_where_it_differs(stack: Stack) -> None:
    async with settings_reader(stack) as reader:
        _, before = await reader.get("users")
        with stack.database() as database:
            statement = "UPDATE users SET email = %s FROM workspaces w WHERE w.id = workspace_id AND w.slug = %s"
            database.execute(statement, (f"{reader.slug}-desk@example.com", reader.slug))
        _, shown = await reader.get("users")
        assert ("Signs in as" in before, "Signs in as" in shown) == (False, True)
        assert f"{reader.slug}-desk@example.com" in shown


async def test_an_invitation_past_the_limit_says_when_to_try_again(stack: Stack) -> None:
    async with settings_reader(stack) as reader:
        email = f"{reader.slug}-joan@example.com"
        _, shown = await reader.post("users", email=email, name="Joan", role="agent")
        link = re.findall(r"/console/welcome/[\w-]+", shown)[0]
        joan = max(int(id_) for id_ in re.findall(r"\?user=(\d+)", (await reader.get("users"))[1]))
        with stack.database() as database:
            found = database.execute("SELECT id FROM workspaces WHERE slug = %s", (reader.slug,)).fetchone()
            database.execute(INTEGRATION, found)
            database.execute(FILL_HOUR, found)
        form = {"email": f"{reader.slug}-new@example.com", "name": "New", "role": "agent"}
        for page, sent in (("users", form), (f"users/{joan}", {"action": "invite"})):
            status, refused = await reader.post(page, **sent)
            assert (status, "this workspace sent 30 such mails" in refused) == (429, True)
            assert re.search("Try again in 1[012] minutes", refused)
        with stack.database() as database:  # its credentials are under no key of the stack, which a rotation would meet
            database.execute("DELETE FROM integrations WHERE workspace_id = %s", found)
        assert form["email"] not in (await reader.get("users"))[1]
        async with reader.session.get(reader.base + link) as answer:
            assert answer.status == 200


async def test_keys_and_users_ask_for_the_password_again_after_ten_minutes(stack: Stack) -> None:
    async with settings_reader(stack) as reader:
        with stack.database() as database:
            database.execute(LONG_AGO, (reader.account_id,))
        form = {"name": "website", "preset": "form", "limit": "5"}
        for given in ({}, {"confirm_password": "a wrong one"}):
            status, asked = await reader.post("keys", **form, **given)
            assert (status, 'name="confirm_password"' in asked, 'value="website"' in asked) == (422, True, True)
        assert (await reader.post("users", email="a@example.com", name="A", role="agent"))[0] == 422
        assert (await reader.post("keys", **form, confirm_password=PASSWORD))[0] == 200
        assert (await reader.post("keys", **form))[0] == 200


async def test_the_audit_log_tells_what_was_done_and_refused(stack: Stack) -> None:
    async with settings_reader(stack) as reader, settings_reader(stack) as stranger:
        assert "Nothing stands here yet" in (await reader.get("audit-log"))[1]
        with stack.database() as database:
            database.execute(NOTE, (HOSTILE, "=CRM moves", reader.slug))
            database.execute(NOTE, ("Stranger", "elsewhere", stranger.slug))
            database.execute(NAME, (reader.slug,))
        _, first = await reader.get("audit-log")
        assert ("Stranger" in first, HOSTILE in first, "52 entries" in first) == (False, False, True)
        assert "New &lt;form&gt;" in first
        assert ("Tried to change a user" in first, first.count("data-row ")) == (True, 50)
        older = urllib.parse.unquote(re.findall(r"cursor=(\d+)", first)[-1])
        assert (await reader.get("audit-log", cursor=older))[1].count("data-row ") == 2
        _, refused = await reader.get("audit-log", outcome="refused", actor="user:7", after="2020-01-01T00:00")
        assert (refused.count("data-row "), "1 entry, counted exactly" in refused) == (1, True)
        opened = re.findall(r"open=(\d+)", refused)[0]
        _, whole = await reader.get("audit-log", outcome="refused", open=opened)
        assert ("<del>agent</del>" in whole, "<ins>admin</ins>" in whole) == (True, True)
        status, file = await reader.get("audit-log.csv", action="form.changed")
        assert (status, file.count("form.changed"), "'=CRM moves" in file) == (200, 51, True)
        odd = {"actor": "x' OR 1", "after": "9999", "before": "soon", "cursor": "9" * 30, "outcome": "all"}
        assert "52 entries" in (await reader.get("audit-log", **odd))[1]
        with stack.database() as database:
            database.execute(NOTE.replace("51", "9950"), (HOSTILE, "many", reader.slug))
        _, many = await reader.get("audit-log")
        assert ("more than 10,000 entries" in many, "Export 10,000 entries" in many) == (True, True)
        _, behind = await reader.get("audit-log", cursor=older)
        assert behind.count("data-row ") == 2


async def test_the_audit_log_says_who_bears_a_name(stack: Stack) -> None:
    """An admin acts under a colleague's name, and so does a key; the admin takes his own name back."""
    async with settings_reader(stack) as reader:
        for name in ("Grace Hopper", "Ada Lovelace"):
            await reader.post_to("/console/me/name", name=name)
            assert (await reader.post("keys", name="Grace Hopper", preset="form", limit="5"))[0] == 200
        with stack.database() as database:
            database.execute(ACT_AS_KEYS, (reader.slug,))

        async def logged() -> bool:
            return (await reader.get("audit-log"))[1].count("data-row ") == 6

        await until_async(logged, what="the entries of the audit log")
        _, page = await reader.get("audit-log")
        said = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in page.split("<tr data-row ")[1:]]
        own, renamed = f"{reader.slug}@example.com", "now named Ada Lovelace"
        made = [row.partition("Made an API key")[0] for row in said if "Made an API key" in row]
        assert [(own in row, "Grace Hopper" in row, renamed in row) for row in made] == [
            (True, False, False),
            (True, True, True),
        ]
        assert [own in row for row in said if "Changed their name" in row] == [True, True]
        keys = [row for row in said if "Changed a form" in row]
        assert len(keys) == 2
        for row in keys:
            assert re.search(r"Grace Hopper API key · lh_\w+…", row), row
            assert renamed not in row


async def test_a_name_of_an_account_is_one_line(stack: Stack) -> None:
    async with settings_reader(stack, "agent") as reader:
        for name, status in {"Ada\x01": 422, "Ada\x7f": 422, "  ": 422, " Ada \n Byron ": 303}.items():
            form = {"name": name}
            options: dict[str, Any] = {"headers": {"Origin": reader.base}, "allow_redirects": False}
            async with reader.session.post(f"{reader.base}/console/me/name", data=form, **options) as answer:
                assert answer.status == status, (name, await answer.text())
        async with reader.session.get(f"{reader.base}/console/me/account") as answer:
            assert "Ada Byron" in await answer.text()


async def test_only_admins_see_the_settings(stack: Stack) -> None:
    async with settings_reader(stack, "manager") as reader:
        for page in ("keys", "users", "audit-log", "audit-log.csv"):
            assert (await reader.get(page))[0] == 403
        for page in ("keys", "keys/1/revoke", "users", "users/1"):
            assert (await reader.post(page))[0] == 403


def test_every_scope_role_and_permission_has_words() -> None:
    assert SCOPE_WORDS.keys() == ALL_SCOPES
    assert (set(PERMISSION_WORDS), set(ROLE_WORDS)) == (set(Permission), set(ROLE_NAMES))
