"""Who may open what: every route of the console for every kind of reader, by the table of the roles."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from aiohttp import web

from services.console.web.access import ACCOUNT_ACCESS, ANONYMOUS_ACCESS
from services.console.web.sent_form import SMALL_FORM_BYTES
from shared.auth.roles import ROLE_PERMISSIONS, Permission
from shared.operations.lane_names import JOURNAL_LANES
from tests.support.console import SIGN_IN, WORKSPACE, ConsoleClient, Reader, Shown, console_client, make_readers
from tests.support.console_routes import PAGE_ROUTES, ROUTES, example_path, required_access, route_name
from tests.support.stack import Stack
from tests.support.waiting import until

NOBODY = "nobody"
# The table of roles, written out once more, so that a change of the code's table does not go unseen.
ROLES_BY_PERMISSION = {
    Permission.SEE_RECORDS: {"admin", "manager", "agent", "read_only"},
    Permission.SEE_PERSONS: {"admin", "manager", "agent"},
    Permission.CHANGE_LEADS: {"admin", "manager", "agent"},
    Permission.BULK_LEADS: {"admin", "manager"},
    Permission.STEER_QUEUES: {"admin", "manager"},
    Permission.SET_UP: {"admin", "manager"},
    Permission.REPORT_PERSON: {"admin", "manager"},
    Permission.ADMINISTER: {"admin"},
    Permission.OPERATE_INSTALLATION: set(),
}
OPERATORS_PAGES = ("/console/workspaces",)  # of no workspace, so that their handlers judge it
# What a page must leave as it is.
COUNTED_TABLES = (
    *("leads", "activities", "events", "deliveries", "jobs", "lane_pauses", "accounts", "users", "sessions"),
    *("api_keys", "automation_runs", "account_links", "submission_versions", "tags", "automations", "forms"),
    *("integrations", "suppressions"),
)
IDLE_SQL = """
SELECT NOT EXISTS (SELECT FROM jobs WHERE state IN ('queued', 'running')) AND NOT EXISTS (SELECT FROM journal)
   AND NOT EXISTS (SELECT FROM events)
"""
SUBMISSION_STATES = "SELECT state, count(*), count(rejected_at) FROM submissions GROUP BY state ORDER BY state"


@pytest_asyncio.fixture(scope="module")
async def visitors(shared_stack: Stack) -> AsyncIterator[dict[str, ConsoleClient]]:
    """Somebody without a session, and one of each kind with one, each with an account of their own."""
    shared_stack.until_settled()
    accounts: dict[str, Reader] = await make_readers(shared_stack.database_url, "-visitor")
    async with AsyncExitStack() as stack:
        found = {NOBODY: await stack.enter_async_context(console_client(shared_stack.base))}
        for kind, account in accounts.items():
            found[kind] = await stack.enter_async_context(console_client(shared_stack.base, account.email))
        yield found


def is_sign_out(route: web.RouteDef) -> bool:
    return route.path == "/console/sign-out"


ACTION_ROUTES = sorted((route for route in ROUTES if route.method == "POST"), key=is_sign_out)


def expected(route: web.RouteDef, visitor: str) -> str:
    """`sign in`, `foreign`, `forbidden` or `admitted`."""
    access = required_access(route)
    if access == ANONYMOUS_ACCESS:
        return "admitted"
    if visitor == NOBODY:
        return "sign in"
    if route.path in OPERATORS_PAGES:
        return "admitted" if visitor == "operator" else "forbidden"
    if access == ACCOUNT_ACCESS or visitor == "operator":
        return "admitted"
    if visitor == "stranger":
        return "foreign"
    assert isinstance(access, Permission)
    return "admitted" if visitor in ROLES_BY_PERMISSION[access] else "forbidden"


def judged(route: web.RouteDef, answer: Shown) -> str:
    """What the answer says about the access. A record that is absent is no matter of access."""
    if answer.asks_sign_in and route.path not in ("/console/sign-out", SIGN_IN):
        return "sign in"
    if answer.status in (403, 404):
        return {403: "forbidden", 404: "foreign"}[answer.status]
    assert answer.status < 500, answer.status
    return "admitted"


def test_roles_may_do_what_the_table_says() -> None:
    assert ROLES_BY_PERMISSION.keys() == set(Permission)
    for permission, roles in ROLES_BY_PERMISSION.items():
        assert {role for role, held in ROLE_PERMISSIONS.items() if permission in held} == roles, permission


def test_every_route_says_who_may_call_it() -> None:
    for route in ROUTES:
        access = required_access(route)
        assert route.method in ("GET", "POST"), route_name(route)
        if "{workspace}" in route.path:
            assert isinstance(access, Permission), f"{route_name(route)} is for members of the workspace"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "GET"], ids=route_name)
async def test_page_opens_for_those_who_may(
    route: web.RouteDef, visitors: dict[str, ConsoleClient], shared_stack: Stack
) -> None:
    path = example_path(route, shared_stack)
    for visitor, client in visitors.items():
        answer = await client.get(path)
        assert judged(route, answer) == expected(route, visitor), (visitor, path, answer.status)


@pytest.mark.parametrize(
    "route",
    ACTION_ROUTES,
    ids=route_name,
)
async def test_action_is_refused_to_those_who_may_not(
    route: web.RouteDef, visitors: dict[str, ConsoleClient], shared_stack: Stack
) -> None:
    """The records do not exist, so that who is admitted changes nothing; the role is judged before that."""
    path = example_path(route, shared_stack, exists=False)
    for visitor, client in visitors.items():
        answer, right = await client.post(path), expected(route, visitor)
        found = judged(route, answer)
        if right == "admitted":
            assert found == "admitted" or answer.status == 404, (visitor, path, answer.status)
        elif (visitor, route.path) != (NOBODY, "/console/sign-out"):
            assert found == right, (visitor, path, answer.status)


async def test_pages_and_streams_of_absent_records_are_not_found(
    readers: dict[str, Reader], shared_stack: Stack
) -> None:
    about_one = [route for route in ROUTES if route.method == "GET" and "{id}" in route.path]
    async with console_client(shared_stack.base, readers["admin"].email) as client:
        for route in about_one:
            answer = await client.get(example_path(route, shared_stack, exists=False))
            assert answer.status == 404, route_name(route)


async def test_pages_change_nothing(readers: dict[str, Reader], shared_stack: Stack) -> None:
    paths = [example_path(route, shared_stack) for route in PAGE_ROUTES]
    async with console_client(shared_stack.base, readers["admin"].email) as client:
        until(lambda: is_idle(shared_stack), what="the end of what was started for the paths")
        before = counted(shared_stack)
        for path in paths:
            await client.get(path)
        assert counted(shared_stack) == before


async def test_a_member_sees_nothing_of_another_workspace(readers: dict[str, Reader], shared_stack: Stack) -> None:
    async with console_client(shared_stack.base, readers["stranger"].email) as client:
        home = await client.get("/console/")
        assert (home.status, home.location) == (303, "/console/elsewhere/now")
        foreign, absent = await client.get(f"/console/{WORKSPACE}/now"), await client.get("/console/no-such/now")
        assert (foreign.status, absent.status) == (404, 404)
        assert (await client.get("/console/no-such-page")).status == 404


async def test_errors_keep_navigation_and_search_for_whoever_is_signed_in(
    readers: dict[str, Reader], shared_stack: Stack
) -> None:
    lost = ("no-such-page", f"{WORKSPACE}/no-such-page", f"{WORKSPACE}/leads/no-number", "elsewhere/now", "no-such/now")
    async with console_client(shared_stack.base, readers["agent"].email) as client:
        for path in (*lost, f"{WORKSPACE}/settings/users", "workspaces"):
            page = await client.get(f"/console/{path}")
            assert page.status in (403, 404), path
            assert f'href="/console/{WORKSPACE}/leads"' in page.text, path
            assert f'action="/console/{WORKSPACE}/search"' in page.text, path
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        assert f'href="/console/{WORKSPACE}/leads"' in (await client.get(f"/console/{WORKSPACE}/no-such-page")).text
    async with console_client(shared_stack.base) as client:
        assert "search" not in (await client.get("/console/no-such-page")).text


async def test_forms_of_strangers_are_small(visitors: dict[str, ConsoleClient]) -> None:
    client = visitors[NOBODY]
    for path in (SIGN_IN, "/console/forgotten", "/console/me/preferences"):
        answer = await client.post(path, {"email": "x" * SMALL_FORM_BYTES})
        assert (path, answer.status) == (path, 413)


async def test_lanes_of_the_installation_are_the_operators(readers: dict[str, Reader], shared_stack: Stack) -> None:
    for visitor, status in (("admin", 403), ("operator", 422)):
        async with console_client(shared_stack.base, readers[visitor].email) as client:
            for lane in JOURNAL_LANES:
                answer = await client.post(f"/console/{WORKSPACE}/queues/{lane}/pause")
                assert answer.status == status, (visitor, lane)
            assert (await client.post(f"/console/{WORKSPACE}/queues/no-such-lane/pause")).status == 404


def is_idle(stack: Stack) -> bool:
    """Whether no job runs and no submission waits."""
    with stack.database() as database:
        return database.execute(IDLE_SQL).fetchone() == (True,)


def counted(stack: Stack) -> dict[str, object]:
    with stack.database() as database:
        known = {row[0] for row in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        assert set(COUNTED_TABLES) - known <= {"submission_versions", "sessions", "events"}, known
        found: dict[str, object] = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()
            for table in COUNTED_TABLES
            if table in known
        }
        return {**found, "states": database.execute(SUBMISSION_STATES).fetchall()}
