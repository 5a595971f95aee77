"""The README's "Five minutes" as requests of a collection, in its order."""

from dataclasses import replace

from integrations.codegen.collection_people import MARK_PLACE, PHONE_PLACE
from integrations.codegen.collection_requests import (
    FILE_MEDIA_TYPE,
    FORM_MEDIA_TYPE,
    AnswerCheck,
    CollectionRequest,
    NamedValue,
)
from integrations.codegen.operations import JSON_MEDIA_TYPE

TOUR_NAME = "Five minutes"
PAUSE = 2000  # milliseconds: what the README calls `sleep 2`
TENANT = (NamedValue("tenant", "{{tenant}}"),)
INBOUND = "/api/inbound/leads"
LEAD = "/api/v1/leads/{{lead_id}}"
IS_NUMBER = "number"
IS_FULL = "full"  # a list with one record or more
AT_EXAMPLE = f".{MARK_PLACE}@example.com"  # the end of addresses that are new in each run
PRICING = f"pricing-{MARK_PLACE}"  # a tag that no other automation waits for
PEOPLE_FILE = f"First name,E-mail\nDorothy,dorothy{AT_EXAMPLE}\nGrace,grace{AT_EXAMPLE}\n"


def tour_requests() -> list[CollectionRequest]:
    """Return the requests of the tour. The first one begins a run: with other people, and without earlier records."""
    requests = [*_leads(), *_repeats(), *_merges(), *_lists(), *_sources()]
    captures = tuple(name for request in requests for name, _ in request.captures)
    return [replace(requests[0], starts_run=True, forgets=captures), *requests[1:]]


def _leads() -> list[CollectionRequest]:
    grace = {
        "email": f"grace{AT_EXAMPLE}",
        "phone": PHONE_PLACE,
        "first_name": "Grace",
        "source": "website",
        "tags": [f"newsletter-{MARK_PLACE}"],
    }
    again = {"email": f" GRACE.{MARK_PLACE}@Example.com", "last_name": MARK_PLACE, "tags[]": PRICING}
    same = (AnswerCheck("lead_id", "{{lead_id}}"), AnswerCheck("is_duplicate", "true"))
    return [
        _post("01 Post a lead", INBOUND, grace, {"lead_id": "lead_id"}, (AnswerCheck("lead_id", kind=IS_NUMBER),)),
        _post("02 Post her again, spelled differently", INBOUND, again, {}, same, media_type=FORM_MEDIA_TYPE),
        _get(
            "03 Look at the leads",
            "/api/v1/leads",
            query=(NamedValue("source", "website"), NamedValue("per_page", "5")),
            checks=(AnswerCheck("data", kind=IS_FULL),),
        ),
        _get("04 Look at her timeline", f"{LEAD}/activities", checks=(AnswerCheck("data", kind=IS_FULL),)),
    ]


def _repeats() -> list[CollectionRequest]:
    key = (NamedValue("Idempotency-Key", f"order-{MARK_PLACE}"),)
    barbara = {"email": f"barbara{AT_EXAMPLE}"}
    batch = [{"email": f"kay{AT_EXAMPLE}"}, {"email": "not an address"}, {"email": f"edsger{AT_EXAMPLE}"}]
    one_is_bad = (AnswerCheck("data.0.index", "0"), AnswerCheck("data.1.status", "invalid"))
    return [
        _post(
            "05 Do not wait",
            INBOUND,
            {"email": f"alan{AT_EXAMPLE}"},
            {"submission_id": "submission_id"},
            (AnswerCheck("status", "accepted"),),
            headers=(NamedValue("Prefer", "respond-async"),),
            status=202,
        ),
        _get(
            "06 See what became of it",
            "/api/v1/submissions/{{submission_id}}",
            PAUSE,
            (AnswerCheck("data.state", "done"),),
        ),
        _post("07 Send many at once", f"{INBOUND}/batch", batch, {}, one_is_bad, status=200),
        _post("08 Send it once", INBOUND, barbara, {"first_submission": "submission_id"}, (), headers=key),
        _post(
            "09 Send it twice without harm",
            INBOUND,
            barbara,
            {},
            (AnswerCheck("submission_id", "{{first_submission}}"),),
            headers=key,
        ),
    ]


def _merges() -> list[CollectionRequest]:
    other = {"email": f"g.{MARK_PLACE}@example.org", "first_name": "Grace", "last_name": MARK_PLACE}
    return [
        _post(
            "10 Post another Grace", INBOUND, other, {"other_id": "lead_id"}, (AnswerCheck("lead_id", kind=IS_NUMBER),)
        ),
        _get("11 Look for duplicates", f"{LEAD}/duplicates", PAUSE, (AnswerCheck("data", kind=IS_FULL),)),
        _change(
            "12 Merge two leads that are one person",
            f"{LEAD}/merge",
            {"lead_id": "{{other_id}}"},
            {"merge_id": "data.merge_id"},
        ),
        _get(
            "13 Ask for the one that went",
            "/api/v1/leads/{{other_id}}",
            checks=(AnswerCheck("data.id", "{{lead_id}}"),),
        ),
        _change("14 Undo it", f"{LEAD}/unmerge", {"merge_id": "{{merge_id}}"}, {}),
    ]


def _lists() -> list[CollectionRequest]:
    automation = {
        "name": "Asked for prices",
        "trigger": {"type": "tag_added", "tag": PRICING},
        "steps": [
            {"condition": {"field": "email", "operator": "is_not_empty"}},
            {"action": {"type": "set_status", "status": "qualified"}},
        ],
    }
    radia = {"email": f"radia{AT_EXAMPLE}", "tags": [PRICING]}
    return [
        CollectionRequest(
            name="15 Import a list",
            http_method="POST",
            path="/api/v1/leads/import",
            query=(NamedValue("dry_run", "1"),),
            media_type=FILE_MEDIA_TYPE,
            body={"file": PEOPLE_FILE},
            status=202,
            captures=(("dry_run_id", "data.id"),),
        ),
        _get(
            "16 See what it would do",
            "/api/v1/imports/{{dry_run_id}}",
            PAUSE,
            (AnswerCheck("data.state", "done"),),
        ),
        _post(
            "17 Let something happen by itself",
            "/api/v1/automations",
            automation,
            {"automation_id": "data.id"},
            (AnswerCheck("data.id", kind=IS_NUMBER),),
            query=(),
        ),
        _post("18 Ask for prices", INBOUND, radia, {"radia_id": "lead_id"}, (AnswerCheck("lead_id", kind=IS_NUMBER),)),
        _get(
            "19 See what every step did",
            "/api/v1/automations/{{automation_id}}/runs",
            PAUSE,
            (AnswerCheck("data", kind=IS_FULL),),
            needs=("radia_id",),
        ),
    ]


def _sources() -> list[CollectionRequest]:
    fields = [
        {"key": "name", "label": "Your name", "type": "text", "required": True, "maps_to": "full_name"},
        {"key": "email", "label": "E-mail", "type": "email", "required": True, "maps_to": "email"},
    ]
    hook = {"type": "zapier", "name": "Webinar sign-ups"}
    annie = {"Full Name": f"Annie {MARK_PLACE}", "Work Email": f"annie{AT_EXAMPLE}", "Seats": 3}
    form = {"name": "Ask for prices", "fields": fields}
    mary = {"name": f"Mary {MARK_PLACE}", "email": f"mary{AT_EXAMPLE}"}
    return [
        _post("20 Let a provider post", "/api/v1/integrations", hook, {"hook_url": "data.webhook_url"}, (), query=()),
        _post("21 Post as Zapier does", "{{hook_url}}", annie, {}, (), query=(), status=200, needs_key=False),
        _find("22 Look at Annie", f"annie{AT_EXAMPLE}", "hook_url"),
        _post("23 Put up a form", "/api/v1/forms", form, {"form_public_id": "data.public_id"}, (), query=()),
        _post(
            "24 Fill it in as a visitor does",
            "/f/{{form_public_id}}",
            mary,
            {},
            (),
            query=(),
            headers=(NamedValue("Accept", "application/json"),),
            media_type=FORM_MEDIA_TYPE,
            status=202,
            needs_key=False,
        ),
        _find("25 Look at Mary", f"mary{AT_EXAMPLE}", "form_public_id"),
    ]


def _post(
    name: str,
    path: str,
    body: object,
    captures: dict[str, str],
    checks: tuple[AnswerCheck, ...],
    *,
    query: tuple[NamedValue, ...] = TENANT,
    headers: tuple[NamedValue, ...] = (),
    media_type: str = JSON_MEDIA_TYPE,
    status: int = 201,
    needs_key: bool = True,
) -> CollectionRequest:
    return CollectionRequest(
        name=name,
        http_method="POST",
        path=path,
        query=query,
        headers=headers,
        media_type=media_type,
        body=body,
        needs_key=needs_key,
        status=status,
        checks=checks,
        captures=tuple(captures.items()),
    )


def _change(name: str, path: str, body: dict[str, str], captures: dict[str, str]) -> CollectionRequest:
    return _post(name, path, body, captures, (), query=(), status=200)


def _get(
    name: str,
    path: str,
    pause: int = 0,
    checks: tuple[AnswerCheck, ...] = (),
    query: tuple[NamedValue, ...] = (),
    needs: tuple[str, ...] = (),
) -> CollectionRequest:
    return CollectionRequest(
        name=name, http_method="GET", path=path, query=query, status=200, checks=checks, pause=pause, needs=needs
    )


def _find(name: str, email: str, needed: str) -> CollectionRequest:
    query = (NamedValue("email", email),)
    return _get(name, "/api/v1/leads", PAUSE, (AnswerCheck("data", kind=IS_FULL),), query, (needed,))
