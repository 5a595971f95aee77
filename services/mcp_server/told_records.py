"""Records of the API as an agent is told them: facts at the top, and all texts of strangers under `untrusted`.

Pure. What is not known to be a fact is a stranger's text, so that a new field of the API is never trusted by mistake.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from services.mcp_server.untrusted_text import clean_value

UNTRUSTED = "untrusted"

# Fields whose texts are chosen from lists of LeadHub's own.
CODE_FIELDS = frozenset(
    (
        *("status", "state", "kind", "type", "event", "events", "outcome", "level", "matched_on", "role", "limit"),
        *("error_type", "operator", "code"),
    )
)
# Objects whose names of fields are LeadHub's own.
STRUCTURES = frozenset(
    (
        *("ledger", "dead_letters", "received", "afterwards", "undo", "trigger", "forecast", "group"),
        *("leads", "reasons", "stages", "runs", "conditions", "limits", "steps", "lanes", "queues", "spam", "pause"),
    )
)
_is_code = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,39}").fullmatch
_is_time = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]{5,15}(Z|[+-]\d\d:\d\d))?").fullmatch
_is_uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_is_time_name = re.compile(r".*_at|at|as_of|since|until").fullmatch
_is_id_name = re.compile(r"(.*_)?id").fullmatch


def told_record(record: Mapping[str, Any], fields: Iterable[str] | None = None) -> dict[str, Any]:
    """Return a record with its facts, and the rest cleaned under `untrusted`. With `fields` only these are told."""
    facts: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    for name in record if fields is None else fields:
        if name not in record or name == UNTRUSTED:
            continue
        value = record[name]
        if _is_fact(name, value):
            facts[name] = value
        elif name in STRUCTURES and isinstance(value, Mapping):
            facts[name] = told_record(value)
        elif name in STRUCTURES and isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
            facts[name] = [told_record(one) for one in value]
        else:
            texts[name] = clean_value(value)
    return {**facts, UNTRUSTED: texts} if texts else facts


def told_records(records: Iterable[Mapping[str, Any]], fields: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Return records as `told_record` does."""
    names = None if fields is None else tuple(fields)
    return [told_record(record, names) for record in records]


def told_request(record: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the texts among `own` whole, as the caller sent them: what is shown is what is written."""
    answer = told_record(record)
    if UNTRUSTED in answer:
        answer[UNTRUSTED] |= {name: own[name] for name in answer[UNTRUSTED] if name in own}
    return answer


def _is_fact(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return True
    if isinstance(value, str):
        return bool(
            (name in CODE_FIELDS and _is_code(value))
            or (_is_time_name(name) and _is_time(value))
            or (_is_id_name(name) and _is_uuid(value))
        )
    return isinstance(value, list) and all(not isinstance(one, Mapping | list) and _is_fact(name, one) for one in value)
