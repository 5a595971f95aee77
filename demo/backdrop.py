"""What the demo's workspace shows beside its leads: held spam, an import that can be undone, and a job that runs."""

import asyncio
import csv
import io
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from demo.api_client import ApiClient
from demo.demo_state import WORKSPACE_SLUG, DemoMemory, DemoPlan, PersonNumbers
from demo.lead_sources import FORM_TYPE, form_pairs
from demo.made_up_people import make_person
from demo.sample_records import PRICING_FORM_NAME
from shared.intake.change_author import ChangeAuthor
from shared.jobs.job_control import JobRequest, confirm_job
from shared.jobs.lead_targets import count_lead_targets
from shared.platform.db.connections import Connection, connect

IMPORT_NAME, IMPORT_TAG, IMPORTED_PEOPLE = "badges-hamburg.csv", "hamburg fair", 48
NO_CONTACT_ROWS = 4  # rows of the file that are rejected: they name nobody
EDITED_STATUS, EDITS_A_SECOND = "contacted", 1
EDIT_CHANGES = [{"op": "add_tag", "value": "newsletter 2027"}]
EDIT_REASON = "They agreed to the new newsletter"
POLL_SECONDS = 0.5
VISITOR_SQL = """
SELECT w.id, a.id, u.name FROM workspaces w JOIN users u ON u.workspace_id = w.id JOIN accounts a ON a.id = u.account_id
WHERE w.slug = %s AND a.is_operator ORDER BY u.id LIMIT 1
"""
SPAM_MESSAGES = (
    "Rank first on every search engine! <a href='http://seo.example.net/1'>See prices</a> http://seo.example.net/2",
    "[url=http://casino.example.org]Best casino bonus[/url] http://casino.example.org/play http://casino.example.org/x",
    "Hello, we make websites from 99. http://a.example.org http://b.example.org http://c.example.org",
    "Ηello frіend, your invоice is ready: http://pay.example.net/invoice",
    "Backlinks, 5,000 for 20: http://links.example.net http://links.example.net/a http://links.example.net/b",
    "Your domain expires today! Renew at http://domains.example.org <a href='http://domains.example.org'>here</a>",
    "Crypto doubles in a week, see http://coins.example.net http://coins.example.net/a http://coins.example.net/b",
)


class Backdrop:
    """Adds to a filled workspace. Each part is made once: the memory tells which there are."""

    def __init__(
        self, client: ApiClient, database_url: str, memory: DemoMemory, plan: DemoPlan, ids: Mapping[str, int]
    ) -> None:
        self._client = client
        self._database_url = database_url
        self._memory = memory
        self._plan = plan
        self._ids = ids
        self._key = str(memory.get("admin_key"))

    async def add_all(self) -> None:
        """Add what is not there yet."""
        for name, add in (
            ("has_spam", self._post_spam),
            ("has_import", self._import_badges),
            ("has_job", self._start_edit),
        ):
            if not self._memory.get(name):
                await add()
                self._memory.keep(name, True)

    async def _post_spam(self) -> None:
        """Post to the pricing form as programs do: without a key, without a page, with links."""
        record = await self._client.call("GET", f"/api/v1/forms/{self._ids[PRICING_FORM_NAME]}", self._key)
        for number, message in enumerate(SPAM_MESSAGES):
            fields = {"full_name": f"Promo {number}", "email": f"promo{number}@example.net", "seats": "5"}
            body = urlencode(list(form_pairs({**fields, "message": message, "consent": "1"}))).encode()
            headers = {"Content-Type": FORM_TYPE, "Accept": "application/json"}
            await self._client.request("POST", f"/f/{record['data']['public_id']}", "", body, headers)

    async def _import_badges(self) -> None:
        """Import a file as a person would, and wait until all its rows are in: then the import can be undone."""
        form = aiohttp.FormData()
        form.add_field("file", badge_file(self._plan.seed, PersonNumbers(self._memory)), filename=IMPORT_NAME)
        form.add_field("options", orjson.dumps({"source": "Hamburg fair", "tags": [IMPORT_TAG]}).decode())
        made = await self._client.upload("/api/v1/leads/import", self._key, form)
        await self._until_ended(f"/api/v1/imports/{made['data']['id']}")

    async def _start_edit(self) -> None:
        """Start an edit of many leads that takes its time: a job to watch, to slow down, to pause and to undo."""
        filters = {"status": EDITED_STATUS}
        request = JobRequest("edit", filters, EDITS_A_SECOND, EDIT_REASON, False, EDIT_CHANGES)  # type: ignore[arg-type]
        async with connect(self._database_url, "leadhub demo") as connection, connection.transaction():
            workspace, account, name = await _visitor(connection)
            if count := await count_lead_targets(connection, workspace, filters):
                await confirm_job(connection, workspace, request, count, ChangeAuthor("user", account, name))

    async def _until_ended(self, path: str) -> None:
        while not (await self._client.call("GET", path, self._key))["data"]["finished_at"]:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)


async def _visitor(connection: Connection) -> tuple[int, int, str]:
    """Return the ids of the workspace and of the visitor's account, and the visitor's name."""
    rows = await (await connection.execute(VISITOR_SQL, (WORKSPACE_SLUG,))).fetchall()
    workspace, account, name = rows[0]
    return int(workspace), int(account), str(name)


def badge_file(seed: int, numbers: PersonNumbers) -> bytes:
    """Return a CSV of people whose badges were read at a fair. A few rows name nobody."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("First name", "Last name", "E-mail", "Company", "Job title", "Hall"))
    writer.writerows(_badge_rows(Random(f"{seed}/badges"), seed, numbers))
    return text.getvalue().encode()


def _badge_rows(random: Random, seed: int, numbers: PersonNumbers) -> Iterator[tuple[Any, ...]]:
    for _ in range(IMPORTED_PEOPLE):
        person = make_person(seed, numbers.take())
        name = (person.first_name, person.last_name)
        yield *name, person.email, person.company, person.job_title, random.randrange(1, 9)
    for hall in range(NO_CONTACT_ROWS):
        yield "", "", "", "", "", hall + 1
