"""Which of its events a subscription is narrowed to. Pure."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, Strict
from typing_extensions import TypedDict

from shared.platform.validation.types import RecordId, RequiredName

MAX_SOURCES: Final = 50
FORM_EVENTS: Final = frozenset(("form.submitted", "lead.created", "lead.duplicate"))  # that tell of a form


class SubscriptionFilters(TypedDict, total=False):
    """All of those that are set must hold. They narrow events about leads, not `source.silent`.

    `sources`: the lead is from one of them. `tag`: the lead has it; of `tag.added`, it is the one. `stage_id`: the lead
    is there; of `lead.stage_changed`, it came there. `form_id`: what came by that form, and no later events.
    """

    sources: Annotated[list[RequiredName], Strict(), Field(min_length=1, max_length=MAX_SOURCES)] | None
    form_id: RecordId | None
    tag: RequiredName | None
    stage_id: RecordId | None


def passes_filters(
    filters: Mapping[str, Any] | None, event: str, data: Mapping[str, Any], lead: Mapping[str, Any] | None
) -> bool:
    """Return whether a subscription with these filters is told of an event."""
    if not filters or lead is None:
        return True
    return all(
        check(filters[name], event, data, lead) for name, check in CHECKS.items() if filters.get(name) is not None
    )


def _is_of_source(wanted: list[str], _event: str, _data: Mapping[str, Any], lead: Mapping[str, Any]) -> bool:
    source = str(lead.get("source") or "").casefold()
    return any(source == one.casefold() for one in wanted)


def _is_of_form(wanted: int, event: str, data: Mapping[str, Any], _lead: Mapping[str, Any]) -> bool:
    return event in FORM_EVENTS and (data.get("form_id") == wanted or data.get("channel") == f"form:{wanted}")


def _has_tag(wanted: str, event: str, data: Mapping[str, Any], lead: Mapping[str, Any]) -> bool:
    tags = [data.get("tag")] if event == "tag.added" else lead.get("tags") or []
    return any(str(tag).casefold() == wanted.casefold() for tag in tags)


def _is_in_stage(wanted: int, event: str, data: Mapping[str, Any], lead: Mapping[str, Any]) -> bool:
    stage = data.get("to") if event == "lead.stage_changed" else lead.get("pipeline_stage_id")
    return bool(stage == wanted)


CHECKS: Final[Mapping[str, Callable[[Any, str, Mapping[str, Any], Mapping[str, Any]], bool]]] = {
    "sources": _is_of_source,
    "form_id": _is_of_form,
    "tag": _has_tag,
    "stage_id": _is_in_stage,
}
