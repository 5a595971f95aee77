"""What the table of writable fields says of pages is true: each control stands on its page, where people can use it."""

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from typing import Any, LiteralString
from urllib.parse import urlsplit

import aiohttp

from tests.contract.writable_fields import read_table
from tests.support.console import ConsoleClient, make_failed
from tests.support.console_routes import make_cause, make_form, make_integration, make_source, make_webhook
from tests.support.conversions import google_credentials
from tests.support.provider_signing import CREDENTIALS
from tests.support.stack import Stack

FIELDS_OF_EACH_KIND: list[dict[str, Any]] = [
    {"key": "email", "label": "E-mail", "type": "email", "maps_to": "email"},
    {"key": "size", "label": "Size", "type": "select", "options": ["small", "large"]},
    {"key": "terms", "label": "Terms", "type": "consent", "consent_text": "I agree."},
    {"key": "plan", "label": "Plan", "type": "file", "accept": [".pdf"]},
]
TRIGGERS: dict[str, dict[str, Any]] = {
    "lead_created": {},
    "lead_updated": {},
    "lead_stage_changed": {},
    "tag_added": {"tag": "vip"},
    "lead_score_crossed": {"threshold": 50},
    "no_activity": {"minutes": 60},
    "form_submitted": {},
}
# A paused job is begun by no worker.
ADD_JOB = """
INSERT INTO jobs (workspace_id, kind, filter, created_by, state)
SELECT id, 'replay', '{"state": "dead"}', '{"kind": "command", "id": null, "name": "tests"}', 'paused'
FROM workspaces WHERE slug = 'main' RETURNING id
"""
ADD_DELIVERY = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, subscription_id, endpoint, payload, state, finished_at)
SELECT workspace_id, 'msg_' || gen_random_uuid(), 'webhook', 'source.silent', id, 'host:hooks.example.com', '{}',
    'sent', now()
FROM webhook_subscriptions WHERE id = %s RETURNING id
"""


@dataclass
class Controls(HTMLParser):
    """The names of a page's controls, hidden ones aside, and the addresses to which its buttons send forms.

    Those of the layout, which every page has, are left out.
    """

    names: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    is_layout: bool = True

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "main" or values.get("id") == "palette":
            self.is_layout = tag != "main"
        if self.is_layout:
            return
        if action := values.get("formaction") or (values.get("action") if tag == "form" else None):
            self.actions.add(urlsplit(action).path)
        is_control = tag in ("select", "textarea", "button") or (tag == "input" and values.get("type") != "hidden")
        if is_control and values.get("name"):
            self.names.add(str(values["name"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "dialog":
            self.is_layout = False

    def holds(self, control: str) -> bool:
        if control.startswith("/"):
            return any(action.endswith(control) for action in self.actions)
        return any(fnmatchcase(name, control) for name in self.names)


async def test_each_control_of_the_table_stands_on_its_page(shared_stack: Stack, client: ConsoleClient) -> None:
    table = read_table()
    records = await make_records(shared_stack, client)
    wanted = defaultdict(list)
    for entry in table.entries:
        if entry.page:
            wanted[entry.page].append(entry)
    missing = []
    for page, entries in wanted.items():
        address = f"/console/main/{table.pages[page].format(**records)}"
        shown = await client.get(address)
        controls = Controls()
        controls.feed(shown.text)
        missing += [
            f"{entry.schema}.{entry.field}: {address} ({shown.status}) has no {entry.control}"
            for entry in entries
            if not controls.holds(entry.control)
        ]
    assert missing == []


async def make_records(stack: Stack, client: ConsoleClient) -> dict[str, str]:
    """The ids that addresses of pages name."""
    webhook = str(make_webhook(stack)["id"])
    records = {
        "form": str(make_form(stack, fields=FIELDS_OF_EACH_KIND)["id"]),
        "cause": make_cause(stack),
        "dead": make_failed(stack),
        "held": make_failed(stack, "quarantined"),
        "source": make_source(stack),
        "app_source": str(make_integration(stack, "meta_lead_ads", "Ads", **CREDENTIALS["meta_lead_ads"])["id"]),
        "conversion": str(make_integration(stack, "google_data_manager", "Google", **google_credentials())["id"]),
        "webhook": webhook,
        "dry_run": await make_dry_run(client),
    }
    api = f"{stack.base}/api/v1/"
    async with aiohttp.ClientSession(api, headers=stack.headers) as session:
        records |= await make_leads(session) | await make_automations(session)
        records["pipeline"] = await create(session, "pipelines", name=new_name(), stages=[{"name": "First"}])
    with stack.database() as database:

        def first(statement: LiteralString, *values: str) -> str:
            row = database.execute(statement, values).fetchone()
            assert row is not None, statement
            return str(row[0])

        first(ADD_DELIVERY, webhook)
        records["job"] = first(ADD_JOB)
        records["stage"] = first("SELECT min(id) FROM pipeline_stages WHERE pipeline_id = %s", records["pipeline"])
        records["user"] = first(
            "SELECT max(u.id) FROM users u JOIN workspaces w ON w.id = u.workspace_id WHERE slug = 'main'"
        )
    return records


async def make_leads(session: aiohttp.ClientSession) -> dict[str, str]:
    """Two leads, the first with a task, one whose email cannot be read, and two tags, the first on a lead."""
    tag, other_tag = new_name(), new_name()
    lead = await create(session, "leads", first_name="Ada")
    await create(session, "tasks", title="Call back", lead_id=int(lead))
    made = {
        "lead": lead,
        "other_lead": await create(session, "leads", first_name="Ada", company="Analytical"),
        "unread_lead": await create(session, "leads", first_name="Unread", email_as_given="not an address"),
        "tag": await create(session, "tags", name=tag),
        "other_tag_name": other_tag,
    }
    await create(session, "tags", name=other_tag)
    await create(session, "leads", first_name="Tagged", tags=[tag])
    return made


async def make_automations(session: aiohttp.ClientSession) -> dict[str, str]:
    """Automations that are off, one for each trigger that asks for something."""
    steps = [{"action": {"type": "add_tag", "tag": "vip"}}]
    made = {
        kind: await create(
            session,
            "automations",
            name=f"By {kind}",
            is_active=False,
            trigger={"type": kind, **narrowing},
            steps=steps,
        )
        for kind, narrowing in TRIGGERS.items()
    }
    return {**made, "automation": made["lead_created"]}


async def create(session: aiohttp.ClientSession, path: str, **members: Any) -> str:
    """Create a record over the API, and return its id."""
    async with session.post(path, json=members) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["data"]["id"])


def new_name() -> str:
    return f"writable {secrets.token_hex(4)}"


async def make_dry_run(client: ConsoleClient) -> str:
    """The id of a file that was sent and tried, and waits to be imported."""
    form = aiohttp.FormData()
    form.add_field("file", b"email,name\nwritable@example.com,Ada\n", filename="a.csv")
    path = f"{client.base}/console/main/import"
    async with client.session.post(path, data=form, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"].rpartition("/")[2]
