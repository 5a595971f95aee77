"""The filters of the list of leads as a page shows them: chips with the address without them, and the filter form."""

from collections.abc import Mapping
from datetime import datetime

from services.console.leads.query import LOCAL_TIME_FIELDS, OWN_USER, TIME_FILTERS, LeadListState, api_filters
from services.console.leads.reads import ListNames
from services.console.leads.words import status_words
from services.console.web.filter_form import LOCAL_FORMAT, FilterChip
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

FOREIGN_FILTERS = ("search", "tag", "source", "email", "phone", "pipeline_id", "stage_id", "assigned_user_id")
CHIP_LABELS: Mapping[str, str] = {
    "search": _("Contains"),
    "status": _("Status"),
    "pipeline_id": _("Pipeline"),
    "stage_id": _("Stage"),
    "assigned_user_id": _("Owner"),
    "tag": _("Tag"),
    "source": _("Source"),
    "starred": _("Star"),
    "created_within": _("Created"),
    "created_after": _("Created after"),
    "created_before": _("Created before"),
    "updated_after": _("Changed after"),
    "updated_before": _("Changed before"),
    "email": _("E-mail"),
    "phone": _("Phone"),
    "unreadable": _("Cannot be read"),
    "utm_source": "utm_source",
    "utm_campaign": "utm_campaign",
}
UNREADABLE_WORDS: Mapping[str, str] = {"email": _("the e-mail"), "phone": _("the phone")}
SPAN_WORDS: Mapping[str, str] = {
    "day": _("in the last 24 hours"),
    "week": _("in the last 7 days"),
    "month": _("in the last 30 days"),
}


def filter_chips(view: PageView, state: LeadListState, names: ListNames, page: str = "leads") -> list[FilterChip]:
    """Return the chips of a list, whose addresses stay on that page of the workspace."""
    view_query = {"view": view.request.query["view"]} if view.request.query.get("view") else {}
    return [
        FilterChip(
            view.translate(CHIP_LABELS[name]),
            _chip_text(view, name, text, names),
            view.path(page, **view_query, **state.without(name).values),
            is_foreign=name in FOREIGN_FILTERS or name.startswith("utm_"),
        )
        for name, text in state.filters.items()
    ]


def filter_form_values(view: PageView, state: LeadListState) -> dict[str, str]:
    """Return what the fields of the filter form hold: times are local there."""
    values = dict(state.filters)
    times = _parsed_times(view, state)
    for sent, name in LOCAL_TIME_FIELDS.items():
        if name in times:
            values[sent] = times[name].astimezone(view.zone).strftime(LOCAL_FORMAT)
    return values


def owner_text(view: PageView, names: ListNames, user_id: int) -> str:
    """Return the name of a user."""
    return names.users.get(user_id) or view.translate("user %(id)s", id=user_id)


def _chip_text(view: PageView, name: str, text: str, names: ListNames) -> str:
    if name == "status":
        return status_words(view).get(text, text)
    if name == "created_within":
        return view.translate_choice(SPAN_WORDS, text)
    if name == "unreadable":
        return view.translate_choice(UNREADABLE_WORDS, text)
    if name == "starred":
        return view.translate("yes") if text.lower() in ("1", "true") else view.translate("no")
    if name in TIME_FILTERS:
        return view.formatting.clock(_parsed_times(view, LeadListState({name: text})).get(name))
    if name == "assigned_user_id":
        return view.translate("me") if text == OWN_USER else owner_text(view, names, int(text))
    if name == "pipeline_id":
        return names.pipelines.get(int(text), text)
    if name == "stage_id":
        return names.stages[int(text)].name if int(text) in names.stages else text
    return text


def _parsed_times(view: PageView, state: LeadListState) -> dict[str, datetime]:
    written = {name: text for name, text in state.filters.items() if name in TIME_FILTERS}
    return api_filters(written, 0, view.formatting.now)
