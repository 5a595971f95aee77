"""Which requests stand in the audit log, and what handlers add to their entries.

Audited are requests that change something and need a scope that steers, allowed or refused. Intake and edits of leads
are not: they are many, and a lead has a timeline. A lead's deletion is, since its timeline goes with it. A service may
have all changes below a path audited.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from aiohttp import hdrs, web

from shared.audit.audit_entry import AuditActor, AuditDetails, AuditEntry, Outcome
from shared.audit.audit_trail import AuditTrail
from shared.auth.api_keys import AuthenticatedKey
from shared.platform.observability import logging
from shared.platform.web.client_address import client_address
from shared.service_app.authorization import API_KEY

log = logging.get_logger()

HandlerT = TypeVar("HandlerT")
ALWAYS_AUDITED, AUDITED_ACTION = "always_audited", "audited_action"  # the marks of a handler

AUDIT_TRAIL = web.AppKey("audit_trail", AuditTrail)
# All changes below these paths are audited.
AUDITED_PREFIXES: web.AppKey[list[str]] = web.AppKey("audited_prefixes", list[str])
AUDIT_ACTOR = web.RequestKey("audit_actor", AuditActor)  # set by a service whose requests have no API key
AUDIT_DETAILS = web.RequestKey("audit_details", AuditDetails)
AUDIT_CONTINUED = web.RequestKey("audit_continued", bool)
AUDIT_WANTED = web.RequestKey("audit_wanted", bool)

SAFE_METHODS = frozenset((hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS))
STEERING_SCOPES = frozenset(
    (
        *("*", "write:operations", "write:users", "delete:users", "write:integrations", "write:automations"),
        *("delete:automations", "write:forms", "delete:forms", "write:pipelines", "write:tags", "delete:leads"),
    )
)
# The past participles of handlers' names, and the nouns of modules that do not end in a plural.
ACTION_VERBS = {
    "create": "created",
    "update": "changed",
    "delete": "deleted",
    "replay_all": "replayed",
    "save_draft": "draft_saved",
    "discard_draft": "draft_discarded",
    "publish": "published",
    "restore": "restored",
    "erase": "erased",
    "recalculate": "recalculated",
}
OBJECT_KINDS = {
    "scoring": "scoring_rule",
    "suppressions": "suppression",
    "deliveries": "delivery",
    "lead_list": "lead",
    "form_versions": "form",
    "person_data": "lead",
}


def always_audited(handler: HandlerT) -> HandlerT:
    """Have requests to a handler stand in the audit log although its scope does not steer, or it only reads."""
    setattr(handler, ALWAYS_AUDITED, True)
    return handler


def audited_as(action: str, handler: HandlerT) -> HandlerT:
    """Say what the audit log calls requests to a handler, otherwise its place implies that."""
    setattr(handler, AUDITED_ACTION, action)
    return handler


def is_audited(request: web.Request) -> bool:
    """Return whether the request belongs into the audit log, whatever its answer."""
    handler = request.match_info.handler
    if getattr(handler, ALWAYS_AUDITED, False) or request.get(AUDIT_WANTED, False):
        return True
    if request.method in SAFE_METHODS:
        return False
    if getattr(handler, "scope", None) in STEERING_SCOPES:
        return True
    prefixes: list[str] = request.app[AUDITED_PREFIXES]
    return any(request.path.startswith(prefix) for prefix in prefixes)


def audit_details(
    request: web.Request,
    *,
    action: str | None = None,
    object: tuple[str, object] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    filter: Mapping[str, Any] | None = None,
    count: int | None = None,
) -> None:
    """Add details to the request's entry. What is None stays as it is. `object` is a kind and an id.

    Secrets and personal data may be among the values of `before`, `after` and `filter`: they are masked.
    """
    details = request.setdefault(AUDIT_DETAILS, AuditDetails())
    kind, id_ = object or (None, None)
    values = {
        "action": action,
        "object_kind": kind,
        "object_id": None if id_ is None else str(id_),
        "before": before,
        "after": after,
        "reason": reason,
        "filter": filter,
        "count": count,
    }
    for name, value in values.items():
        if value is not None:
            setattr(details, name, value)


def audit_as_continued(request: web.Request) -> None:
    """Make no entry of this request if it succeeds: an earlier entry of the same actor covers it, as for a draft that
    is saved while it is typed.
    """
    request[AUDIT_CONTINUED] = True


def audit_anyway(request: web.Request) -> None:
    """Make an entry of this request although its kind has none."""
    request[AUDIT_WANTED] = True


def audit_change(request: web.Request, stored: Mapping[str, Any], fields: Iterable[str]) -> None:
    """Note the stored values of the fields that are about to change."""
    if is_audited(request):
        audit_details(request, before={name: stored[name] for name in fields if name in stored})


def audit_request(request: web.Request, response: web.StreamResponse, request_id: str) -> None:
    """Add the entry of a request that was answered to the audit log, if it belongs there."""
    try:
        is_covered = request.get(AUDIT_CONTINUED, False) and response.status < 400
        if is_audited(request) and not is_covered:
            request.app[AUDIT_TRAIL].add(_entry_of(request, response, request_id))
    except Exception:  # the request was answered: its answer must not suffer
        log.exception("audit.failed", request_id=request_id)


def _entry_of(request: web.Request, response: web.StreamResponse, request_id: str) -> AuditEntry:
    kind, action = _object_and_action(request)
    details = request.get(AUDIT_DETAILS) or AuditDetails()
    details.object_kind = details.object_kind or kind
    details.object_id = details.object_id or _object_id(request, response)
    actor = _actor_of(request)
    return AuditEntry(
        action,
        _outcome_of(response.status),
        actor,
        actor.workspace_id if actor else None,
        f"{request.method} {_route_path(request)}",
        response.status,
        details,
        client_address(request),
        request_id,
    )


def _actor_of(request: web.Request) -> AuditActor | None:
    actor: AuditActor | None = request.get(AUDIT_ACTOR)
    if actor is not None:
        return actor
    key: AuthenticatedKey | None = request.get(API_KEY)
    return AuditActor("key", key.id, key.name, key.workspace_id) if key else None


def _outcome_of(status: int) -> Outcome:
    return "done" if status < 400 else "refused" if status < 500 else "failed"


def _route_path(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else request.path


def _object_and_action(request: web.Request) -> tuple[str, str]:
    """Return the kind of object and the action of a request, such as `api_key` and `api_key.created`."""
    action = handler_action(request.match_info.handler)
    return action.partition(".")[0], action


def handler_action(handler: Any) -> str:
    """Return what the log calls requests to a handler: what was said of it, or what its place implies."""
    action: str | None = getattr(handler, AUDITED_ACTION, None)
    if action is not None:
        return action
    module, name = handler.__module__.rpartition(".")[2], handler.__name__
    return f"{OBJECT_KINDS.get(module, module.removesuffix('s'))}.{ACTION_VERBS.get(name, name)}"


def _object_id(request: web.Request, response: web.StreamResponse) -> str | None:
    """Return the last id in the path, or that of a record that was made."""
    names = [name for name in request.match_info if name == "id" or name.endswith("_id")]
    if request.method == hdrs.METH_POST and response.status == 201 and "Location" in response.headers:
        return response.headers["Location"].rpartition("/")[2]
    return request.match_info[names[-1]] if names else None
