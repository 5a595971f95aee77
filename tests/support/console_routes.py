"""The console's routes with example parameters, so that tests walk every page, also those that come later."""

import json
import urllib.request
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

from aiohttp import web

from services.console.app import CONSOLE_ROUTES
from shared.auth.account_links import CREATE_LINK_SQL, LINK_HOURS
from shared.auth.roles import Permission
from shared.auth.sessions import hash_token, new_token
from shared.operations.fingerprint import cause_of_text
from tests.support.console import WORKSPACE, make_failed
from tests.support.form_files import make_form_file
from tests.support.stack import Stack
from tests.support.waiting import until

ROUTES = [route for route in CONSOLE_ROUTES if isinstance(route, web.RouteDef)]
PAGE_ROUTES = [route for route in ROUTES if route.method == "GET" and not route.path.endswith("/live")]

# What a page needs in its query to have something to show.
QUERIES = {
    "jobs/confirm": "?kind=replay&state=dead",
    "quarantine/selected": "?action=release&ids={submission}",
    "submissions/live": "?first=1.{submission}",
    "leads/live": "?first=1.1",
    "leads/bulk": "?kind=edit",
    "leads/{id}/live": "?after=0",
    "leads/{id}/merge": "?with={other_lead}",
    "pipeline/column": "?stage=0&older=1.1",
    "sources/new": "?type=meta_lead_ads",
    "conversions/new": "?type=google_data_manager",
    "forms/new": "?template=job",
    "forms/{id}": "?field=1",
    "automations/why": "?lead={other_lead}",
    "automations/{id}/why": "?lead={other_lead}",
    "search": "?q=ada",
    "palette": "?q=ada",
}
ABSENT_NUMBER = str(2**40)
ABSENT_SUBMISSION = "01890000-0000-7000-8000-000000000000"
COUNT_CAUSE = """
WITH linked AS (UPDATE submissions SET cause_id = %(cause)s WHERE id = %(id)s RETURNING workspace_id)
INSERT INTO cause_deltas (workspace_id, cause_id, kind, fingerprint, error_type, place, title, n)
SELECT workspace_id, %(cause)s, 'submission', %(fingerprint)s, 'ValueError', %(place)s, 'no', 1 FROM linked
"""


def make_cause(stack: Stack) -> str:
    """The id of a cause, with one dead submission."""
    made = cause_of_text("submission", "ValueError: no", place=uuid.uuid4().hex)
    values = {"cause": made.id, "fingerprint": made.fingerprint, "place": made.place, "id": make_failed(stack)}
    with stack.database() as database:
        database.execute(COUNT_CAUSE, values)
        until(lambda: database.execute("SELECT 1 FROM causes WHERE id = %s", (made.id,)).fetchone(), what="the cause")
    return str(made.id)


def make_job(stack: Stack) -> str:
    """The id of a job that replays one submission."""
    id_ = make_failed(stack, source=f"job-{uuid.uuid4().hex}")
    with stack.database() as database:
        row = database.execute("SELECT source FROM submissions WHERE id = %s", (id_,)).fetchone()
    assert row is not None
    body = json.dumps({"filter": {"source": row[0]}, "confirm": 1, "reason": "tried"}).encode()
    headers = {**stack.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.base}/api/v1/submissions/replay", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["data"]["id"])


def make_source(stack: Stack) -> str:
    """The id of a Typeform source."""
    return str(make_integration(stack, "typeform", "A quiz", secret="a-secret-of-typeform")["id"])


def make_integration(stack: Stack, type_: str, name: str, **credentials: str) -> dict[str, Any]:
    """An integration, as the API shows it."""
    body = json.dumps({"type": type_, "name": name, "credentials": credentials}).encode()
    headers = {**stack.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.base}/api/v1/integrations", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        made: dict[str, Any] = json.load(answer)["data"]
    return made


def make_conversion(stack: Stack) -> str:
    """The id of a connection to Meta that is told nothing."""
    made = make_integration(
        stack, "meta_conversions", "Meta <b>", dataset_id="100200300", access_token="a-token-of-meta"
    )
    return str(made["id"])


def make_form(stack: Stack, **members: Any) -> dict[str, Any]:
    """A form with two fields, as the API shows it."""
    fields = [
        {"key": "email", "label": "E-mail", "type": "email", "required": True, "maps_to": "email"},
        {"key": "message", "label": "Your message", "type": "textarea", "maps_to": "notes"},
    ]
    body = json.dumps({"name": "Ask us", "fields": fields, **members}).encode()
    headers = {**stack.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.base}/api/v1/forms", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        made: dict[str, Any] = json.load(answer)["data"]
    return made


def make_endless_form(stack: Stack) -> str:
    """The id of a form whose words do not end."""
    endless = {"key": "size", "label": "W" * 200, "type": "radio", "options": ["w" * 100, "small"]}
    return str(make_form(stack, fields=[endless])["id"])


def make_automation(stack: Stack) -> str:
    """The id of an automation that nothing starts by itself."""
    steps: list[Any] = [{"condition": {"field": "status", "operator": "equals", "value": "new"}}]
    steps += [{"action": {"type": "add_tag", "tag": "by <hand>"}}]
    body = json.dumps({"name": "By <hand> & foot", "trigger": {"type": "manual"}, "steps": steps}).encode()
    headers = {**stack.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.base}/api/v1/automations", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["data"]["id"])


def make_webhook(stack: Stack, **members: Any) -> dict[str, Any]:
    """A webhook subscription, as the API shows it once."""
    body = json.dumps({"url": "https://hooks.example.com/x", "events": ["source.silent"], **members}).encode()
    headers = {**stack.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.base}/api/v1/webhooks", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        made: dict[str, Any] = json.load(answer)["data"]
    return made


def make_welcome_link(stack: Stack) -> str:
    """The token of a link with which an account would get another password; nobody uses it."""
    token = new_token()
    with stack.database() as database:
        row = database.execute("SELECT min(id) FROM accounts").fetchone()
        assert row is not None
        database.execute(CREATE_LINK_SQL, (row[0], "reset", "terminal", None, hash_token(token), LINK_HOURS))
    return token


def make_lead(stack: Stack) -> str:
    """The id of a lead."""
    body = json.dumps({"first_name": "Ada", "email": f"{uuid.uuid4().hex}@example.com", "company": "Analytical"})
    headers = {**stack.headers, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.base}/api/v1/leads", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["data"]["id"])


def make_import(stack: Stack) -> str:
    """The id of an import that has ended, with a row that was rejected."""
    part = 'Content-Disposition: form-data; name="file"; filename="a<b>.csv"'
    body = (
        f"--x\r\n{part}\r\n\r\nemail,name\n{uuid.uuid4().hex}@example.com,Ada\n<script>,Bob\n,\n\r\n--x--\r\n".encode()
    )
    headers = {**stack.headers, "Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{stack.base}/api/v1/leads/import", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        id_ = int(json.load(answer)["data"]["id"])
    with stack.database() as database:
        ended = "SELECT 1 FROM imports WHERE id = %s AND is_settled"
        until(lambda: database.execute(ended, (id_,)).fetchone(), 60, "the end of the import")
    return str(id_)


def make_pair(stack: Stack) -> str:
    """The id of a pair of leads that likeness found."""
    leads = [int(make_lead(stack)) for _ in "12"]
    added = "INSERT INTO duplicate_pairs (workspace_id, lead_a, lead_b, state, bits, probability, evidence, reasons, "
    added += "contacts_hash, engine_version) SELECT workspace_id, %s, id, 'open', 3, 0.9, '[]', '[]', 0, 0 FROM leads "
    added += "WHERE id = %s ON CONFLICT (workspace_id, lead_a, lead_b) DO UPDATE SET bits = 3 RETURNING id"
    with stack.database() as database:
        row = database.execute(added, leads).fetchone()
    assert row is not None
    return str(row[0])


# For each parameter of an address: how to make a value that exists, and one that does not.
EXAMPLES: dict[str, tuple[Callable[[Stack], str], str]] = {
    "console/{workspace}": (lambda _: WORKSPACE, WORKSPACE),
    "leads/{workspace}": (lambda _: WORKSPACE, WORKSPACE),
    "leads/{id}": (make_lead, ABSENT_NUMBER),
    "with/{lead}": (make_lead, ABSENT_NUMBER),
    "duplicates/{id}": (make_pair, ABSENT_NUMBER),
    "tasks/{task}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "activities/{entry}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "views/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "bulk/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "welcome/{token}": (make_welcome_link, "no-such-link"),
    "sessions/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "queues/{lane}": (lambda _: "deliveries", "deliveries"),
    "submissions/{id}": (make_failed, ABSENT_SUBMISSION),
    "files/{id}": (make_form_file, ABSENT_SUBMISSION),
    "quarantine/{id}": (lambda stack: make_failed(stack, "quarantined"), ABSENT_SUBMISSION),
    "dead-letters/{id}": (make_cause, ABSENT_NUMBER),
    "deliveries/{delivery}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "sources/{id}": (make_source, ABSENT_NUMBER),
    "conversions/{id}": (make_conversion, ABSENT_NUMBER),
    "automations/{id}": (make_automation, ABSENT_NUMBER),
    "forms/{id}": (make_endless_form, ABSENT_NUMBER),
    "webhooks/{id}": (lambda stack: str(make_webhook(stack)["id"]), ABSENT_NUMBER),
    "preview/{mode}": (lambda _: "dark", "dark"),
    "rules/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "versions/{version}": (lambda _: "1", ABSENT_NUMBER),
    "jobs/{id}": (make_job, ABSENT_NUMBER),
    "import/{id}": (make_import, ABSENT_NUMBER),
    "rows/{row}": (lambda _: "3", ABSENT_NUMBER),
    "pipelines/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "scoring/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "stages/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "suppressions/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "tags/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "keys/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
    "users/{id}": (lambda _: ABSENT_NUMBER, ABSENT_NUMBER),
}


@cache
def _made(stack: Stack, parameter: str, owner: str) -> str:
    return EXAMPLES[parameter][0](stack)


def example_path(route: web.RouteDef, stack: Stack, *, exists: bool = True, owner: str = "") -> str:
    """An address of the route, with records that exist or with absent ones. Fails for a parameter without example.

    An `owner` has records of its own, which no other test changes or deletes.
    """
    parts = route.path.split("/")
    for index, part in enumerate(parts):
        if part.startswith("{"):
            parameter = f"{route.path.split('/')[index - 1]}/{part}"
            assert parameter in EXAMPLES, f"say in EXAMPLES what {parameter} may be in {route.path}"
            parts[index] = _made(stack, parameter, owner) if exists else EXAMPLES[parameter][1]
    query = QUERIES.get(route.path.partition("{workspace}/")[2], "") if exists or route.method == "GET" else ""
    values = {"submission": "submissions/{id}", "other_lead": "with/{lead}"}
    named = {name: _made(stack, parameter, owner) for name, parameter in values.items() if f"{{{name}}}" in query}
    return "/".join(parts) + query.format(**named)


def route_name(route: web.RouteDef) -> str:
    return f"{route.method} {route.path}"


def required_access(route: web.RouteDef) -> str | Permission:
    """What the route's decorator demands: a permission, `account` or `anonymous`."""
    access: str | Permission | None = getattr(route.handler, "access", None)
    assert access is not None, f"{route_name(route)} has no decorator of services/console/web/access.py"
    return access
