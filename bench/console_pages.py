"""The pages of the console that are measured, with addresses of seeded records."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import psycopg

from bench.console_client import ConsoleReader
from bench.seed_setup import SetupRecords
from bench.seed_submissions import SUBMISSION_DAYS, SeededSubmissions
from bench.stack import BENCH_WORKSPACE
from services.console.submissions.query import position_text

PAGE_LIMIT_MS, SEARCH_LIMIT_MS = 100.0, 2000.0
PERSON_LIMIT_MS = 1000.0  # a person may be named in each of the 40,000 newest dead and held submissions: all are read
TICKED_ROWS = 50  # held submissions that are ticked
COMMON_WORD, MISSING_WORD = "webinar-2026-03", "no such words anywhere"

MIDDLE_SUBMISSION_SQL = """
SELECT received_at, id FROM submissions WHERE workspace_id = %(workspace)s AND state = 'done' AND received_at < %(at)s
ORDER BY received_at DESC, id DESC LIMIT 1
"""
NEWEST_OF_STATE_SQL = """
SELECT id FROM submissions WHERE workspace_id = %(workspace)s AND state = %(state)s
ORDER BY received_at DESC, id DESC LIMIT %(limit)s
"""
LEAD_OF_SQL = """
SELECT l.id, l.email FROM leads l JOIN submissions s ON s.workspace_id = l.workspace_id AND s.lead_id = l.id
WHERE s.workspace_id = %(workspace)s AND s.id = %(id)s AND s.received_at = %(at)s
"""
LIKELIEST_PAIR_SQL = """
SELECT lead_a, lead_b FROM duplicate_pairs WHERE workspace_id = %(workspace)s ORDER BY bits DESC LIMIT 1
"""
LARGEST_CAUSE_SQL = {
    "submission": """
SELECT cause_id FROM submissions WHERE workspace_id = %(workspace)s AND state = 'dead'
GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
""",
    "delivery": """
SELECT cause_id FROM deliveries WHERE workspace_id = %(workspace)s AND state = 'failed'
GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
""",
}
LARGEST_JOB_SQL = """
SELECT job_id FROM job_items WHERE workspace_id = %(workspace)s GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
"""


@dataclass(frozen=True)
class ConsolePage:
    """A page, its address, the status that it answers, and the most milliseconds that its p95 may take."""

    label: str
    path: str
    status: int = 200
    limit_ms: float = PAGE_LIMIT_MS
    is_part: bool = False  # whether a script asks for it, to put it into its page


@dataclass(frozen=True)
class PageRecords:
    """Records that addresses name: one in the middle, the newest dead and held ones, the largest causes and job."""

    middle: Any
    lead_id: int
    email: str
    dead: str
    held: list[str]
    cause: int
    delivery_cause: int
    pair: Any
    job: int


def find_records(database: psycopg.Connection, seeded: SeededSubmissions) -> PageRecords:
    """Find records of the seeded workspace for the addresses of the pages."""

    def rows(statement: str, **values: object) -> list[Any]:
        return database.execute(statement.encode(), {"workspace": seeded.workspace_id, **values}).fetchall()

    (middle,) = rows(MIDDLE_SUBMISSION_SQL, at=seeded.until - timedelta(days=SUBMISSION_DAYS / 2))
    ((lead_id, email),) = rows(LEAD_OF_SQL, at=middle[0], id=middle[1])
    return PageRecords(
        middle=middle,
        lead_id=lead_id,
        email=email,
        dead=str(rows(NEWEST_OF_STATE_SQL, state="dead", limit=1)[0][0]),
        held=[str(row[0]) for row in rows(NEWEST_OF_STATE_SQL, state="quarantined", limit=TICKED_ROWS)],
        cause=rows(LARGEST_CAUSE_SQL["submission"])[0][0],
        delivery_cause=rows(LARGEST_CAUSE_SQL["delivery"])[0][0],
        pair=rows(LIKELIEST_PAIR_SQL)[0],
        job=rows(LARGEST_JOB_SQL)[0][0],
    )


def console_pages(
    reader: ConsoleReader, records: PageRecords, setup: SetupRecords, seeded: SeededSubmissions
) -> list[ConsolePage]:
    """Return the pages, each once for each of its queries that differ."""
    return [
        *_overview_pages(),
        *_submission_pages(reader, records, seeded),
        *_lead_pages(reader, records),
        *_people_pages(records),
        *_source_pages(),
        *_automation_pages(setup),
        *_webhook_pages(setup),
        *_failure_pages(records, seeded),
        *_job_pages(records),
        *_search_pages(records),
        *_settings_pages(),
        *_rule_pages(records, setup),
    ]


def _part(label: str, page: str) -> ConsolePage:
    return ConsolePage(label, f"/console/{BENCH_WORKSPACE}/{page}", is_part=True)


def _page(label: str, page: str, status: int = 200, limit_ms: float = PAGE_LIMIT_MS, **query: Any) -> ConsolePage:
    text = f"?{urlencode(query, doseq=True)}" if query else ""
    return ConsolePage(label, f"/console/{BENCH_WORKSPACE}/{page}{text}", status, limit_ms)


def _overview_pages() -> list[ConsolePage]:
    return [
        _page("now", "now"),
        _page("now, 24 hours", "now", span="24h"),
        _page("queues", "queues"),
        _page("queues, 48 hours", "queues", span="48h", lane="deliveries"),
        _page("the first minutes", "first-minutes"),
    ]


def _submission_pages(reader: ConsoleReader, records: PageRecords, seeded: SeededSubmissions) -> list[ConsolePage]:
    place, middle = position_text(records.middle), f"submissions/{records.middle[1]}"
    month_ago = seeded.until - timedelta(days=30)
    week: dict[str, Any] = {
        "received_after": (month_ago - timedelta(days=7)).isoformat(),
        "received_before": month_ago.isoformat(),
    }
    plain = _page("submissions", "submissions")
    older = ConsolePage("submissions, second page", reader.older_path(plain.path))
    return [
        plain,
        older,
        _page("submissions, half way down", "submissions", older=place),
        _page("submissions, half way, newer", "submissions", newer=place),
        _page("submissions, done", "submissions", state="done"),
        _page("submissions, dead", "submissions", state="dead"),
        _page("submissions, dead, half way", "submissions", state="dead", older=place),
        _page("submissions, held", "submissions", state="quarantined"),
        _page("submissions, waiting", "submissions", state="accepted"),
        _page("submissions, a source", "submissions", source="facebook"),
        _page("submissions, a source, half way", "submissions", source="facebook", older=place),
        _page("submissions, a source of none", "submissions", source="nobody"),
        _page("submissions, dead of a source", "submissions", state="dead", source="facebook"),
        _page("submissions, inbound", "submissions", channel="inbound"),
        _page("submissions, a form", "submissions", channel="form:1"),
        _page("submissions, a channel of none", "submissions", channel="form:999"),
        _page("submissions, a week", "submissions", **week),
        _page("submissions, a week of a source", "submissions", source="facebook", **week),
        _page("submissions, since 30 days", "submissions", received_after=month_ago.isoformat()),
        _page("submissions, of a lead", "submissions", lead_id=records.lead_id),
        _page("submissions, of a cause", "submissions", cause=records.cause),
        _page("a submission", middle),
        _page("a submission, from a source's list", middle, source="facebook"),
        _page("a submission, indented", middle, pretty=1),
        _page("a dead submission", f"submissions/{records.dead}", state="dead"),
        _page("a dead submission, edited", f"submissions/{records.dead}", fix=1),
        _page("a held submission", f"submissions/{records.held[0]}"),
        _page("a submission's payload", f"{middle}/raw"),
    ]


def _lead_pages(reader: ConsoleReader, records: PageRecords) -> list[ConsolePage]:
    plain = _page("leads", "leads")
    return [
        plain,
        ConsolePage("leads, second page", reader.older_path(plain.path)),
        _page("leads, by name, half way", "leads", sort="last_name", older=f".{records.lead_id}"),
        _page("leads, a status", "leads?status=new"),
        _page("leads, a status of a source", "leads?status=new&source=facebook"),
        _page("leads, a tag, by score", "leads", tag="newsletter", sort="lead_score"),
        _page("leads, search: an e-mail", "leads", search=records.email),
        _page("confirm: edit leads of a tag", "leads/bulk", kind="edit", tag="rare"),
    ]


def _people_pages(records: PageRecords) -> list[ConsolePage]:
    return [
        _page("a lead", f"leads/{records.lead_id}"),
        _page("a lead, in a source's list", f"leads/{records.lead_id}", source="facebook"),
        _part("a lead, looked at beside the list", f"leads/{records.lead_id}/peek"),
        _part("a lead's timeline", f"leads/{records.lead_id}/timeline"),
        _page("all that is held on a person", f"leads/{records.lead_id}/person", limit_ms=PERSON_LIMIT_MS),
        _page("add a lead", "leads/new"),
        _page("pipeline", "pipeline"),
        _page("pipeline, a source", "pipeline", source="facebook"),
        _page("duplicates", "duplicates"),
        _page("duplicates, dismissed", "duplicates", state="dismissed"),
        _page("compare two leads", f"leads/{records.pair[0]}/merge", **{"with": records.pair[1]}),
        _page("import", "import"),
        _page("retention", "settings/retention"),
    ]


def _source_pages() -> list[ConsolePage]:
    return [
        _page("sources", "sources"),
        _page("sources to connect", "sources/connect"),
        _page("a source to connect", "sources/new", type="meta_lead_ads"),
        _page("forms", "forms"),
        _page("form templates", "forms/new"),
    ]


def _automation_pages(setup: SetupRecords) -> list[ConsolePage]:
    automation = f"automations/{setup.automation}"
    return [
        _page("automations", "automations"),
        _page("automations, recipes", "automations/new"),
        _page("an automation's builder", automation),
        _page("an automation's runs", f"{automation}/runs"),
        _page("an automation's failed runs", f"{automation}/runs", state="failed"),
        _page("an automation's versions", f"{automation}/versions"),
        _page("why an automation ran or not", f"{automation}/why", lead=setup.ran_lead),
        _page("an automation tried on a lead", f"{automation}/try", lead=setup.ran_lead),
        _page("a lead's automations", "automations/why", lead=setup.ran_lead),
    ]


def _webhook_pages(setup: SetupRecords) -> list[ConsolePage]:
    webhook = f"webhooks/{setup.webhook}"
    return [
        _page("conversions", "conversions"),
        _page("a new connection for conversions", "conversions/new"),
        _page("webhooks", "webhooks"),
        _page("a new webhook", "webhooks/new"),
        _page("a webhook", webhook),
        _page("a webhook, failed", webhook, state="failed"),
        _page("a webhook, to be changed", f"{webhook}/edit"),
        _page("a webhook, send again since", f"{webhook}/again", 303),
        _page("confirm: send a webhook's again", "jobs/confirm", kind="deliveries", subscription_id=setup.webhook),
    ]


def _rule_pages(records: PageRecords, setup: SetupRecords) -> list[ConsolePage]:
    """Return the pages that set up a workspace. What counts all leads takes two seconds at most."""
    rule: dict[str, Any] = {"field": "country", "operator": "equals", "value": "DE", "points": 5, "is_active": 1}
    counted = SEARCH_LIMIT_MS + PAGE_LIMIT_MS  # the preview itself ends after two seconds
    return [
        _page("workspace", "settings/workspace"),
        _page("workspace, its mail server", "settings/workspace/mail"),
        _page("who gets no mail", "settings/suppressions"),
        _page("a file of who gets no mail", "settings/suppressions/file"),
        _page("pipelines set-up", "settings/pipelines"),
        _page("tags", "settings/tags"),
        _page("scoring", "settings/scoring"),
        _page("scoring, a new rule", "settings/scoring", new=1),
        _page("scoring, a rule to be changed", "settings/scoring", edit=setup.rule),
        _page("scoring, a rule that is tried", "settings/scoring", limit_ms=counted, new=1, **{"try": 1}, **rule),
        _page("scoring, a lead's score", "settings/scoring", lead=records.lead_id),
    ]


def _failure_pages(records: PageRecords, seeded: SeededSubmissions) -> list[ConsolePage]:
    place = f"{(seeded.until - timedelta(days=SUBMISSION_DAYS / 2)).isoformat()}~{records.middle[1]}"
    held: dict[str, Any] = {"state": "quarantined", "rejected": "false"}
    return [
        _page("dead letters", "dead-letters"),
        _page("dead letters, all states, 7 days", "dead-letters", state="all", since="7d"),
        _page("dead letters, deliveries", "dead-letters", kind="delivery"),
        _page("a cause", "dead-letters", cause=records.cause),
        _page("a cause of deliveries", "dead-letters", cause=records.delivery_cause),
        _page("a cause's fix", f"dead-letters/{records.cause}/fix"),
        _page("a cause's fix, one change", f"dead-letters/{records.cause}/fix", op="drop", field="notes"),
        _page("quarantine", "quarantine"),
        _page("quarantine, half way", "quarantine", older_than=place),
        _page("quarantine, a source", "quarantine", source="facebook"),
        _page("quarantine, rejected", "quarantine", tab="rejected"),
        _page("quarantine, rules", "quarantine/rules"),
        _page("quarantine, 50 ticked", "quarantine/selected", 303, kind="release", ids=records.held),
        _page("confirm: release 50", "jobs/confirm", kind="release", **held, ids=",".join(records.held)),
        _page("confirm: release all held", "jobs/confirm", kind="release", **held),
        _page("confirm: reject all held", "jobs/confirm", kind="reject", **held),
    ]


def _job_pages(records: PageRecords) -> list[ConsolePage]:
    return [
        _page("bulk jobs", "jobs"),
        _page("bulk jobs, ended", "jobs", group="ended"),
        _page("confirm: replay all dead", "jobs/confirm", kind="replay", state="dead"),
        _page("confirm: replay dead of a source", "jobs/confirm", kind="replay", state="dead", source="facebook"),
        _page("confirm: replay a cause", "jobs/confirm", kind="replay", cause=records.cause),
        _page("confirm: resend all failed", "jobs/confirm", kind="deliveries", state="failed"),
        _page("a job", f"jobs/{records.job}"),
        _page("a job, rows done", f"jobs/{records.job}", outcome="done"),
    ]


def _search_pages(records: PageRecords) -> list[ConsolePage]:
    bounded: dict[str, Any] = {"limit_ms": SEARCH_LIMIT_MS}
    id_ = str(records.middle[1])
    return [
        _page("search: an id", "search", q=id_, **bounded),
        _page("search: a common word", "search", q=COMMON_WORD, **bounded),
        _page("search: words of none", "search", q=MISSING_WORD, **bounded),
        _page("submissions, search: an e-mail", "submissions", search=records.email, **bounded),
        _page("submissions, search: an id", "submissions", search=id_, **bounded),
        _page("submissions, search: a common word", "submissions", search=COMMON_WORD, **bounded),
        _page("submissions, search: words of none", "submissions", search=MISSING_WORD, **bounded),
        _page("dead, search: words of none", "submissions", state="dead", search=MISSING_WORD, **bounded),
        _page("palette, empty", "palette"),
        _page("palette: a common word", "palette", q=COMMON_WORD, **bounded),
        _page("palette: words of none", "palette", q=MISSING_WORD, **bounded),
    ]


def _settings_pages() -> list[ConsolePage]:
    return [
        _page("API keys", "settings/keys"),
        _page("users", "settings/users"),
        _page("audit log", "settings/audit-log"),
        _page("audit log, an action", "settings/audit-log", action="cause.changed"),
        _page("audit log, refused", "settings/audit-log", outcome="refused"),
        _page("audit log, a user", "settings/audit-log", actor="user:3"),
        _page("more", "more"),
        ConsolePage("workspaces", "/console/workspaces"),
        ConsolePage("account", "/console/me/account"),
    ]
