"""System: operators see what the installation runs, exactly counted and without its secrets."""

import re
import secrets

from tests.support.console import Reader, console_client, make_failed
from tests.support.stack import Stack
from tests.support.waiting import until_async

SYSTEM = "/console/main/settings/system"
COUNTS_SQL = """
SELECT (SELECT count(*) FROM leads l WHERE l.workspace_id = w.id),
       (SELECT count(*) FROM submissions s WHERE s.workspace_id = w.id)
FROM workspaces w WHERE w.slug = 'main'
"""
ADD_SILENT = """
INSERT INTO processes (name, kind, host, pid, seen_at, fingerprints)
VALUES (%s, 'worker', 'far', 7, now() - interval '1 min', '{"spool": "another"}')
"""


def row_of(page: str, name: str) -> list[str]:
    """The cells of the table's row that has this text."""
    [row] = [row for row in re.findall(r"<tr[^>]*>.*?</tr>", page, re.DOTALL) if f">{name}</" in row]
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]


async def test_the_installation_is_shown_with_its_processes_and_exact_counts(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    make_failed(shared_stack)
    async with console_client(shared_stack.base, readers["operator"].email) as client:

        async def is_exact() -> bool:
            with shared_stack.database() as database:
                ((leads, submissions),) = database.execute(COUNTS_SQL).fetchall()
            shown = row_of((await client.get(SYSTEM)).text, "main")
            return shown[1:3] == [f"{leads:,}", f"{submissions:,}"]

        await until_async(is_exact, what="the exact counts")
        page = (await client.get(SYSTEM)).text
        for kind in ("gateway", "worker", "sweeper"):
            assert re.search(rf'<bdi class="ltr">{kind} \d+</bdi>', page), kind
        assert re.search(r"<code class=\"ltr\">r\d{4}</code>", page)  # the revision of the tables
        assert row_of(page, "submissions")[2:3] != ["–"]  # partitions count as their table
        assert 'href="/api/v1/health"' in page
        assert 'href="/console/main/settings/system"' in page


async def test_no_secret_of_the_installation_is_shown(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    folder = shared_stack.folder / "secrets"
    known = [path.read_text().strip() for path in folder.iterdir()]
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        page = (await client.get(SYSTEM)).text
    assert known
    assert not [secret for secret in known if secret in page]
    assert "LEADHUB_DATABASE_URL" in page
    assert not re.search(r"://[^/<\s]*@", page)


async def test_what_does_not_run_is_said_first(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    name = f"worker-{secrets.token_hex(4)}@far"
    async with console_client(shared_stack.base, readers["operator"].email) as client:
        with shared_stack.database() as database:
            database.execute(ADD_SILENT, (name,))
        try:
            page = (await client.get(SYSTEM)).text
        finally:
            with shared_stack.database() as database:
                database.execute("DELETE FROM processes WHERE name = %s", (name,))
        # Other tests may have killed a process of this stack within the last day.
        assert re.search(r"\d+ process(es do| does) not report\.", page)
        assert "Processes differ in LEADHUB_SPOOL_URL" in page
        assert "does not report" in row_of(page, name)[2]
        assert "Something wants a look." in page


async def test_only_operators_find_the_page(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    async with console_client(shared_stack.base, readers["admin"].email) as client:
        refused = await client.get(SYSTEM)
        assert refused.status == 403
        assert "Lanes of the installation, the system, all workspaces" in refused.text
        assert "settings/system" not in (await client.get("/console/main/now")).text


async def test_names_of_processes_are_for_operators_on_now(shared_stack: Stack, readers: dict[str, Reader]) -> None:
    with shared_stack.database() as database:
        names = [name for (name,) in database.execute("SELECT name FROM processes WHERE kind = 'worker'").fetchall()]
    assert names
    for kind, sees_names in (("operator", True), ("admin", False)):
        async with console_client(shared_stack.base, readers[kind].email) as client:
            page = (await client.get("/console/main/now")).text
        assert [name in page for name in names] == [sees_names] * len(names)
        assert ("worker 1" in page) is not sees_names
