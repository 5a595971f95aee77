"""The README's "Five minutes" as requests of a collection, in its order."""

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
PEOPLE_FILE = "First name,E-mail\nDorothy,dorothy@example.com\nGrace,grace@example.com\n"


def tour_requests() -> list[CollectionRequest]:
    """Return the requests of the tour. Each may be sent again, except that a lead is new only once."""
    return [*_leads(), *_repeats(), *_merges(), *_lists(), *_sources()]


def _leads() -> list[CollectionRequest]:
    grace = {
        "email": "grace@example.com",
        "phone": "+1 415 555 0199",
        "first_name": "Grace",
        "source": "website",
        "tags": ["newsletter"],
    }
    again = {"email": " GRACE@Example.com", "last_name": "Hopper", "tags[]": "pricing"}
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
    key = (NamedValue("Idempotency-Key", "order-17"),)
    barbara = {"email": "barbara@example.com"}
    batch = [{"email": "kay@example.com"}, {"email": "not an address"}, {"email": "edsger@example.com"}]
    one_is_bad = (AnswerCheck("data.0.index", "0"), AnswerCheck("data.1.status", "invalid"))
    return [
        _post(
            "05 Do not wait",
            INBOUND,
            {"email": "alan@example.com"},
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
    other = {"email": "g.hopper@example.org", "first_name": "Grace", "last_name": "Hopper"}
    return [
        _post(
            "10 Post another Grace", INBOUND, other, {"other_id": "lead_id"}, (AnswerCheck("lead_id", kind=IS_NUMBER),)
        ),
        _get("11 Look for duplicates", f"{LEAD}/duplicates", PAUSE, (AnswerCheck("data", kind=IS_FULL),)),
        _change(
            "12 Merge two leads that are one person",
            f"{LEAD}/merge",
            '{"lead_id": {{other_id}}}',
            {"merge_id": "data.merge_id"},
        ),
        _get(
            "13 Ask for the one that went",
            "/api/v1/leads/{{other_id}}",
            checks=(AnswerCheck("data.id", "{{lead_id}}"),),
        ),
        _change("14 Undo it", f"{LEAD}/unmerge", '{"merge_id": {{merge_id}}}', {}),
    ]


def _lists() -> list[CollectionRequest]:
    automation = {
        "name": "Asked for prices",
        "trigger": {"type": "tag_added", "tag": "pricing"},
        "steps": [
            {"condition": {"field": "email", "operator": "is_not_empty"}},
            {"action": {"type": "set_status", "status": "qualified"}},
        ],
    }
    # One who is new each time has the tag added each time.
    radia = {"email": "radia-{{$timestamp}}@example.com", "tags": ["pricing"]}
    return [
        CollectionRequest(
            name="15 Import a list",
            http_method="POST",
            path="/api/v1/leads/import",
            query=(NamedValue("dry_run", "1"),),
            media_type=FILE_MEDIA_TYPE,
            body={"file": PEOPLE_FILE},
            status=202,
        ),
        _get("16 See what it would do", "/api/v1/imports", PAUSE, (AnswerCheck("data", kind=IS_FULL),)),
        _post(
            "17 Let something happen by itself",
            "/api/v1/automations",
            automation,
            {"automation_id": "data.id"},
            (AnswerCheck("data.id", kind=IS_NUMBER),),
            query=(),
        ),
        _post("18 Ask for prices", INBOUND, radia, {}, (AnswerCheck("lead_id", kind=IS_NUMBER),)),
        _get(
            "19 See what every step did",
            "/api/v1/automations/{{automation_id}}/runs",
            PAUSE,
            (AnswerCheck("data", kind=IS_FULL),),
        ),
    ]


def _sources() -> list[CollectionRequest]:
    fields = [
        {"key": "name", "label": "Your name", "type": "text", "required": True, "maps_to": "full_name"},
        {"key": "email", "label": "E-mail", "type": "email", "required": True, "maps_to": "email"},
    ]
    hook = {"type": "zapier", "name": "Webinar sign-ups"}
    annie = {"Full Name": "Annie Easley", "Work Email": "annie@example.com", "Seats": 3}
    form = {"name": "Ask for prices", "fields": fields}
    mary = {"name": "Mary Jackson", "email": "mary@example.com"}
    return [
        _post("20 Let a provider post", "/api/v1/integrations", hook, {"hook_url": "data.webhook_url"}, (), query=()),
        _post("21 Post as Zapier does", "{{hook_url}}", annie, {}, (), query=(), status=200, needs_key=False),
        _find("22 Look at Annie", "annie@example.com"),
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
        _find("25 Look at Mary", "mary@example.com"),
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


def _change(name: str, path: str, body: str, captures: dict[str, str]) -> CollectionRequest:
    """A change whose body has variables that are numbers: it is text."""
    return _post(name, path, body, captures, (), query=(), status=200)


def _get(
    name: str,
    path: str,
    pause: int = 0,
    checks: tuple[AnswerCheck, ...] = (),
    query: tuple[NamedValue, ...] = (),
) -> CollectionRequest:
    return CollectionRequest(
        name=name, http_method="GET", path=path, query=query, status=200, checks=checks, pause=pause
    )


def _find(name: str, email: str) -> CollectionRequest:
    return _get(name, "/api/v1/leads", PAUSE, (AnswerCheck("data", kind=IS_FULL),), (NamedValue("email", email),))
