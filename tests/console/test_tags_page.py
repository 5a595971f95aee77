"""The page of tags: a manager adds, renames and deletes tags of leads; others see nothing of it."""

import re
import secrets
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from shared import workspaces
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, ConsoleClient, console_client, make_account
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

HOSTILE = '<img src=x onerror="alert(1)">'
MAKE_LEADS = """
WITH made AS (INSERT INTO tags (workspace_id, name)
              SELECT id, %(tag)s FROM workspaces WHERE slug = %(slug)s RETURNING id, workspace_id)
INSERT INTO leads (workspace_id, id, first_name, tag_ids)
SELECT workspace_id, nextval('lead_ids'), 'Ada', ARRAY[id] FROM made, generate_series(1, %(n)s)
"""
ADD_LEADS = """
INSERT INTO leads (workspace_id, id, first_name, tag_ids)
SELECT workspace_id, nextval('lead_ids'), 'Ada', ARRAY[t.id] FROM tags t, generate_series(1, %(n)s) WHERE t.id = %(id)s
"""
TAG_LEAD = """
INSERT INTO leads (workspace_id, id, first_name, tag_ids)
SELECT workspace_id, nextval('lead_ids'), 'Ada', array_agg(t.id) FROM tags t JOIN workspaces w ON w.id = workspace_id
WHERE slug = %(slug)s AND t.name = ANY(%(names)s) GROUP BY workspace_id RETURNING id
"""
MAKE_MANY = "INSERT INTO tags (workspace_id, name) SELECT id, 'tag ' || n FROM workspaces, generate_series(1, 250) n"
NAME_IT = (
    """INSERT INTO automations (workspace_id, name, is_active, trigger, trigger_type, steps)
       SELECT id, 'Follow up', false, '{"type": "tag_added", "tag": "Webinars"}', 'tag_added',
              '[{"type": "add_tag", "tag": "webinars"}]' FROM workspaces WHERE slug = %(slug)s""",
    """INSERT INTO scoring_rules (workspace_id, field, operator, value, points, is_active)
       SELECT id, 'tags', 'in', '["WEBINARS", "vip"]', 5, false FROM workspaces WHERE slug = %(slug)s""",
)
NAME_RULE = """
INSERT INTO scoring_rules (workspace_id, field, operator, value, points, is_active)
SELECT id, 'tags', 'in', %(names)s, 5, false FROM workspaces WHERE slug = %(slug)s
"""
NAMED = (
    """SELECT trigger->>'tag', steps FROM automations a
       JOIN workspaces w ON w.id = a.workspace_id WHERE slug = %(slug)s""",
    "SELECT value FROM scoring_rules r JOIN workspaces w ON w.id = r.workspace_id WHERE slug = %(slug)s",
)
NAMES = "SELECT t.name FROM tags t JOIN workspaces w ON w.id = t.workspace_id WHERE w.slug = %s ORDER BY t.name"
TAGGED = """
SELECT count(*) FILTER (WHERE cardinality(tag_ids) > 0) FROM leads l
JOIN workspaces w ON w.id = l.workspace_id WHERE w.slug = %s
"""


@pytest_asyncio.fixture
async def slug(stack: Stack) -> str:
    """A workspace of this test's own, with an account of each role."""
    name = f"tags-{secrets.token_hex(6)}"
    async with connect(stack.database_url, "tests") as connection:
        async with connection.transaction():
            await workspaces.create_workspace(connection, name, "Tags")
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        roles: tuple[Role, ...] = ("manager", "agent")
        for role in roles:
            email = f"{role}@{name}.example.com"
            await make_account(connection, name, email, role, name=role, password_hash=password_hash)
    return name


@pytest_asyncio.fixture
async def manager(stack: Stack, slug: str) -> AsyncIterator[ConsoleClient]:
    async with console_client(stack.base, f"manager@{slug}.example.com") as client:
        yield client


def names(stack: Stack, slug: str) -> list[str]:
    with stack.database() as database:
        return [str(name) for (name,) in database.execute(NAMES, (slug,)).fetchall()]


def tagged(stack: Stack, slug: str) -> int:
    with stack.database() as database:
        [(count,)] = database.execute(TAGGED, (slug,)).fetchall()
        return int(count)


def tag_ids(text: str) -> list[str]:
    return re.findall(r"\?edit=(\d+)", text)


async def test_tags_are_added_renamed_and_found(stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page = f"/console/{slug}/settings/tags"
    assert "No tag yet" in (await manager.get(page)).text
    assert "Add a tag" in (await manager.get(f"{page}?new=1")).text
    for query in ("edit=" + "9" * 20, "delete=" + "9" * 5000, "q=%00", "n=10000", "edit=-1", "edit=\u0661"):
        assert (await manager.get(f"{page}?{query}")).status < 500, query[:20]
    for name in ("VIP", HOSTILE):
        assert (await manager.post(page, {"name": name, "hue": "6"})).status == 303
    taken = await manager.post(page, {"name": "vip"})
    assert (taken.status, "already" in taken.text) == (422, True)
    assert (await manager.post(page, {"name": "  "})).status == 422
    listed = (await manager.get(page)).text
    assert (HOSTILE in listed, "hue-6" in listed, "1–2 of 2" in listed) == (False, True, True)
    [first, _] = tag_ids(listed)
    assert (await manager.post(f"{page}/{first}", {"name": "gold", "hue": ""})).status == 303
    assert sorted(names(stack, slug)) in (sorted(["gold", "VIP"]), sorted(["gold", HOSTILE]))
    assert len(tag_ids((await manager.get(f"{page}?q=GOL")).text)) == 1
    assert "No tag has this" in (await manager.get(f"{page}?q={quote('nothing')}")).text


async def test_leads_show_tags_in_the_colours_of_the_page(stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page = f"/console/{slug}/settings/tags"
    for name, hue in (("Cold", "6"), ("Hot", "1")):
        assert (await manager.post(page, {"name": name, "hue": hue})).status == 303
    with stack.database() as database:
        [(lead,)] = database.execute(TAG_LEAD, {"slug": slug, "names": ["Cold", "Hot"]}).fetchall()
    marks = ('class="tag hue-6"><bdi>Cold</bdi>', 'class="tag hue-1"><bdi>Hot</bdi>')
    listed = (await manager.get(f"/console/{slug}/leads")).text
    peek = (await manager.get(f"/console/{slug}/leads/{lead}/peek", **{"HX-Request": "true"})).text
    assert [listed.count(mark) for mark in marks] == [2, 2]  # the row, and the menu of rows
    assert [peek.count(mark) for mark in marks] == [1, 1]
    lead_page = (await manager.get(f"/console/{slug}/leads/{lead}")).text
    assert ('class="tag hue-6"' in lead_page, 'class="tag hue-1"' in lead_page) == (True, True)


async def test_a_tag_is_deleted_by_its_count_and_leads_stay(stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page = f"/console/{slug}/settings/tags"
    with stack.database() as database:
        database.execute(MAKE_LEADS, {"tag": "fair", "slug": slug, "n": 12})
    [tag_id] = tag_ids((await manager.get(page)).text)
    assert "12 leads lose it" in (await manager.get(f"{page}?delete={tag_id}")).text
    for typed in ("", "11", "1200"):
        refused = await manager.post(f"{page}/{tag_id}/delete", {"count": typed})
        assert (refused.status, tagged(stack, slug)) == (422, 12)
    assert (await manager.post(f"{page}/{tag_id}/delete", {"count": "١٢"})).status == 303
    assert names(stack, slug) == []
    await until_async(lambda: tagged(stack, slug) == 0, what="leads without the tag")


async def test_leads_that_arrive_while_a_number_is_typed_are_meant_too(
    stack: Stack, slug: str, manager: ConsoleClient
) -> None:
    page = f"/console/{slug}/settings/tags"
    with stack.database() as database:
        for tag in ("webinar", "webinars"):
            database.execute(MAKE_LEADS, {"tag": tag, "slug": slug, "n": 3})
    [stays, going] = tag_ids((await manager.get(page)).text)  # by name
    sent = {"into": "webinar", "shown": "3", "count": "3"}
    assert 'name="shown" value="3"' in (await manager.get(f"{page}?merge={going}&into=webinar")).text
    with stack.database() as database:
        database.execute(ADD_LEADS, {"id": going, "n": 2})
    for other in ({"count": "5"}, {"shown": "6", "count": "6"}, {"shown": "0"}, {"shown": "x"}, {"shown": "9" * 400}):
        assert (await manager.post(f"{page}/{going}/merge", {**sent, **other})).status == 422, other
    assert (await manager.post(f"{page}/{going}/merge", sent)).status == 303
    assert "5 leads have webinar now" in (await manager.get(page)).text
    assert 'name="shown" value="8"' in (await manager.get(f"{page}?delete={stays}")).text
    with stack.database() as database:
        database.execute(ADD_LEADS, {"id": stays, "n": 110})
    refused = await manager.post(f"{page}/{stays}/delete", {"shown": "8", "count": "8"})
    assert (refused.status, 'name="shown" value="118"' in refused.text) == (422, True)
    with stack.database() as database:
        database.execute(ADD_LEADS, {"id": stays, "n": 1})
    assert (await manager.post(f"{page}/{stays}/delete", {"shown": "118", "count": "118"})).status == 303
    assert "The tag is gone from 119 leads" in (await manager.get(page)).text


async def test_a_long_list_has_pages(stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page = f"/console/{slug}/settings/tags"
    with stack.database() as database:
        database.execute(f"{MAKE_MANY} WHERE slug = %s", (slug,))
    listed = [tag_ids((await manager.get(f"{page}?n={number}")).text) for number in (1, 2, 3)]
    assert [len(ids) for ids in listed] == [100, 100, 50]
    assert len({id_ for ids in listed for id_ in ids}) == 250
    assert "settings/tags?n=2" in (await manager.get(page)).text


async def test_a_tag_is_merged_by_its_count_and_keeps_its_name(stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page = f"/console/{slug}/settings/tags"
    with stack.database() as database:
        for tag, n in (("webinars", 3), ("webinar", 2)):
            database.execute(MAKE_LEADS, {"tag": tag, "slug": slug, "n": n})
        for statement in NAME_IT:
            database.execute(statement, {"slug": slug})
    [stays, going] = tag_ids((await manager.get(page)).text)  # by name
    taken = await manager.post(f"{page}/{going}", {"name": "WEBINAR"})
    assert (taken.status, f"merge={going}" in taken.text) == (422, True)
    asked = (await manager.get(f"{page}?merge={going}&into=Webinar")).text
    assert ("Merge 3 into webinar" in asked, "Follow up" in asked) == (True, True)
    for query in ("into=webinars", "into=no-such", "into=%00", f"into={'x' * 2000}", ""):
        assert "Which tag stays" in (await manager.get(f"{page}?merge={going}&{query}")).text, query
    refusals = ({"into": "webinar"}, {"into": "webinar", "count": "2"}, {"into": "webinars", "count": "3"})
    for refused in (*refusals, {"count": "3"}):
        assert (await manager.post(f"{page}/{going}/merge", refused)).status == 422
    sent = {"into": "Webinar", "count": "3", "changes_mentions": "1"}
    assert (await manager.post(f"{page}/{going}/merge", sent)).status == 303
    listed = (await manager.get(page)).text
    assert (tag_ids(listed), "also: webinars" in listed) == ([stays], True)
    assert tagged(stack, slug) == 5
    with stack.database() as database:
        named = [row for statement in NAMED for row in database.execute(statement, {"slug": slug}).fetchall()]
    assert named == [("webinar", [{"type": "add_tag", "tag": "webinar"}]), (["webinar", "vip"],)]
    assert (await manager.post(f"{page}/{stays}/alias", {"alias": "no\0such"})).status == 404
    assert (await manager.post(f"{page}/{stays}/alias", {"alias": "Webinars"})).status == 303
    assert "also:" not in (await manager.get(page)).text


async def test_a_new_name_keeps_the_old_one_where_it_is_asked_to(
    stack: Stack, slug: str, manager: ConsoleClient
) -> None:
    page = f"/console/{slug}/settings/tags"
    with stack.database() as database:
        database.execute(MAKE_LEADS, {"tag": "fair", "slug": slug, "n": 1})
    [tag_id] = tag_ids((await manager.get(page)).text)
    assert (await manager.post(f"{page}/{tag_id}", {"name": HOSTILE, "keeps_name": "1"})).status == 303
    listed = (await manager.get(page)).text
    assert ("also: fair" in listed, HOSTILE in listed) == (True, False)
    assert (await manager.post(page, {"name": "FAIR"})).status == 422
    assert (await manager.post(f"{page}/{tag_id}", {"name": "Fair"})).status == 303  # its other name, back again
    assert names(stack, slug) == ["Fair"]


async def test_a_name_that_only_python_takes_for_the_same_is_another(
    stack: Stack, slug: str, manager: ConsoleClient
) -> None:
    page = f"/console/{slug}/settings/tags"
    with stack.database() as database:
        database.execute(MAKE_LEADS, {"tag": "straße", "slug": slug, "n": 1})
        database.execute(NAME_RULE, {"slug": slug, "names": '["STRASSE", "strasse", "STRAßE", "vip"]'})
    [tag_id] = tag_ids((await manager.get(page)).text)
    sent = {"name": "STRASSE", "keeps_name": "1", "changes_mentions": "1"}
    assert (await manager.post(f"{page}/{tag_id}", sent)).status == 303
    assert "also: straße" in (await manager.get(page)).text
    with stack.database() as database:
        [(value,)] = database.execute(NAMED[1], {"slug": slug}).fetchall()
    assert value == ["STRASSE", "strasse", "STRASSE", "vip"]


async def test_only_those_who_set_up_change_tags_and_only_their_own(stack: Stack, slug: str) -> None:
    with stack.database() as database:
        database.execute(MAKE_LEADS, {"tag": "theirs", "slug": "main", "n": 1})
        [(foreign,)] = database.execute("SELECT max(id) FROM tags WHERE name = 'theirs'").fetchall()
    page = f"/console/{slug}/settings/tags"
    async with console_client(stack.base, f"agent@{slug}.example.com") as agent:
        shown = await agent.get(f"{page}?new=1")
        assert (shown.status, "veil" in shown.text, "Add a tag" in shown.text) == (200, False, False)
        assert (await agent.post(page, {"name": "mine"})).status == 403
    async with console_client(stack.base, f"manager@{slug}.example.com") as manager:
        for path, form in (
            (f"{page}/{foreign}", {"name": "mine"}),
            (f"{page}/{foreign}/delete", {"count": "1"}),
            (f"{page}/{foreign}/merge", {"into": "theirs", "count": "1"}),
            (f"{page}/{foreign}/alias", {"alias": "theirs"}),
        ):
            assert (await manager.post(path, form)).status == 404
        assert (await manager.get(f"{page}?edit={foreign}")).status == 404
    assert names(stack, slug) == []
