"""The page of scoring: the rules in order, a rule that is tried, and why a lead has its score."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aiohttp import web

from services.console.leads.reads import ListNames, ListSuggestions, read_list_names, read_records, read_suggestions
from services.console.leads.words import STATUS_WORDS, lead_name
from services.console.scoring.rule_form import (
    CHOICE_FIELDS,
    CHOICE_OPERATORS,
    FIRST_FIELD,
    chosen_field,
    form_of,
    is_chosen,
    rule_of,
)
from services.console.scoring.words import (
    OFFERED_FIELDS,
    job_mark,
    names_of,
    preview_sentence,
    rule_field_label,
    rule_sentence,
    signed_points,
)
from services.console.web.access import workspace_page
from services.console.web.operator_words import OPERATOR_WORDS
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.automations.conditions import ENDLESS_NUMBER_MESSAGE, condition_matches
from shared.automations.fields import CUSTOM_FIELD_PREFIX
from shared.leads.lead_records import LeadJson
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound, ValidationFailed
from shared.scoring.lead_points import read_points
from shared.scoring.recalculation import RecentJob, has_deleted_rules, list_recalculations
from shared.scoring.rule_fields import checked_rule
from shared.scoring.rule_management import RuleRow, active_rules, list_rules
from shared.scoring.score_preview import ScorePreview, count_all_leads, preview_scores

SCORING_PAGE = "settings/scoring"
ID_PATTERN = re.compile(r"[0-9]{1,18}", re.ASCII)  # ids are of 64 bits
RULE_DIALOGS = ("edit", "switch", "delete")


@dataclass(frozen=True)
class RuleDialog:
    """A dialogue over the page: about a rule, a new one, or all leads. `tries` asks what it would do."""

    name: str = ""
    id: int = 0
    form: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    tries: bool = False


@dataclass(frozen=True)
class ScoringFacts:
    """What the page reads."""

    rules: Sequence[RuleRow]
    names: ListNames
    suggestions: ListSuggestions
    jobs: Sequence[RecentJob]
    total: int
    preview: ScorePreview | None
    lead: LeadJson | None
    rule_points: int
    has_newer_rules: bool  # a rule was made, changed or deleted since the last job that counts all scores began


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the rules. The query opens a dialogue, or names a lead whose score is explained.

    A script is answered what the rule in the dialogue would do, while somebody types.
    """
    dialog = _asked_dialog(view)
    if view.request.headers.get("HX-Request") and dialog.name in ("new", "edit"):
        html = view.render_text("scoring/_rule_news.html", **await _read_page(view, replace(dialog, tries=True)))
        return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})
    return await render_page(view, dialog)


def _asked_dialog(view: PageView) -> RuleDialog:
    query = view.request.query
    if not view.permits(Permission.SET_UP):
        return RuleDialog()
    typed_fields = {name: query[name] for name in ("operator", "value", "points", "is_active") if name in query}
    if "try" in query:  # a box that is not ticked is not typed_fields
        typed_fields.setdefault("is_active", "")
    if named := chosen_field(query):
        typed_fields["field"] = named
    compared = query.get("compared", named)
    if compared != named and not {compared, named}.isdisjoint(CHOICE_FIELDS):  # a chosen value fits no other field
        typed_fields |= {"operator": "", "value": ""}
    for name in RULE_DIALOGS:
        if ID_PATTERN.fullmatch(query.get(name, "")):
            return RuleDialog(name, int(query[name]), typed_fields, tries="try" in query or name != "edit")
    if "new" in query:
        return RuleDialog("new", form=typed_fields, tries="try" in query)
    return RuleDialog("recount", tries=True) if "recount" in query else RuleDialog()


async def render_page(view: PageView, dialog: RuleDialog) -> web.Response:
    """Show the rules with a dialogue over them. Raises NotFound if it is about a rule that is not there."""
    values = await _read_page(view, dialog)
    return await view.render("scoring/scoring.html", 422 if dialog.problems else 200, **values)


async def _read_page(view: PageView, dialog: RuleDialog) -> dict[str, Any]:
    """Return what the page shows. Raises NotFound."""
    async with view.console.reading() as connection:
        rules = await list_rules(connection, view.workspace.workspace_id)
    rule = next((one for one in rules if one["id"] == dialog.id), None)
    if dialog.name in RULE_DIALOGS and rule is None:
        raise NotFound
    form = {**_blank_form(), **(form_of(rule) if rule else {}), **dialog.form}
    if dialog.name == "new" and not form["field"]:
        form["field"] = FIRST_FIELD
    draft, problems = drafted_rules(view, rules, dialog, form)
    problems = {**problems, **dialog.problems} if dialog.tries or dialog.problems else {}
    async with view.console.reading() as connection:
        tried = draft if dialog.tries and not problems else None
        facts = await _read_facts(view, connection, rules, tried, counts_all=dialog.name == "recount")
    return {
        "facts": facts,
        "rule_dialog": dialog,
        "rule": rule,
        "form": form,
        "problems": problems,
        **_choices(view, form, facts),
        "sentence": lambda one: rule_sentence(view, one, facts.names),
        "signed": lambda points: signed_points(view, points),
        "job_mark": lambda state: job_mark(view, state),
        "preview_text": preview_sentence(view, facts.preview) if facts.preview else "",
        "person": lambda example: example.name if view.permits(Permission.SEE_PERSONS) else f"#{example.lead_id}",
        "explained": _explained_rules(facts),
        "lead_name": lead_name(view, facts.lead) if facts.lead else "",
        "moved": view.request.query.get("moved", ""),
        "scoring_page": SCORING_PAGE,
    }


def drafted_rules(
    view: PageView, rules: Sequence[RuleRow], dialog: RuleDialog, form: Mapping[str, str]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the rules as they would be, and what is wrong with the one that the form holds."""
    others = [rule for rule in rules if rule["id"] != dialog.id]
    if dialog.name in ("", "recount", "delete"):
        return list(others), {}
    if dialog.name == "switch":
        return [{**rule, "is_active": rule["is_active"] != (rule["id"] == dialog.id)} for rule in rules], {}
    try:
        return [*others, checked_rule(rule_of(form))], {}
    except ValidationFailed as refused:
        return [], rule_problems(view, refused)


def rule_problems(view: PageView, refused: ValidationFailed) -> dict[str, str]:
    """Return what is wrong with a rule, by the field of the form."""
    words = {
        "field": view.translate("Choose a field."),
        "operator": view.translate("Choose how it is compared."),
        "value": view.translate("Write what it is compared with, 1 to 1,000 characters."),
        "points": view.translate("Write points from −1,000 to 1,000, not 0."),
    }
    errors = refused.errors or {}
    if ENDLESS_NUMBER_MESSAGE.format(field="value") in errors.get("value", []):
        words["value"] = view.translate("Nothing is more or less than that: write a number, or text.")
    names = [name.partition(".")[0] for name in errors]
    return {name: words[name] for name in names if name in words}


async def _read_facts(
    view: PageView,
    connection: Connection,
    rules: Sequence[RuleRow],
    draft: Sequence[RuleRow] | None,
    *,
    counts_all: bool,
) -> ScoringFacts:
    """Read what the page shows. A draft is compared with the rules as they are, a count of all with the scores."""
    workspace_id, asked = view.workspace.workspace_id, view.request.query.get("lead", "")
    lead_ids = [int(asked)] if ID_PATTERN.fullmatch(asked) else []
    leads = await read_records(connection, workspace_id, lead_ids)
    points = await read_points(connection, [(workspace_id, id_) for id_ in lead_ids]) if leads else {}
    preview = None
    if draft is not None:
        now = None if counts_all else active_rules(rules)
        preview = await preview_scores(connection, workspace_id, active_rules(draft), instead_of=now)
    jobs = await list_recalculations(connection, workspace_id)
    return ScoringFacts(
        rules,
        await read_list_names(connection, workspace_id),
        await read_suggestions(connection, workspace_id),
        jobs,
        await count_all_leads(connection, workspace_id),
        preview,
        leads[0] if leads else None,
        next(iter(points.values()), 0),
        bool(jobs) and await _has_newer_rules(connection, workspace_id, rules, jobs[0][5]),
    )


async def _has_newer_rules(
    connection: Connection, workspace_id: int, rules: Sequence[RuleRow], since: datetime
) -> bool:
    if any(rule["updated_at"] > since for rule in rules):
        return True
    return await has_deleted_rules(connection, workspace_id, since)


def _explained_rules(facts: ScoringFacts) -> list[RuleRow]:
    """Return the active rules that hold for the lead, in their order."""
    lead = facts.lead
    if lead is None:
        return []
    return [rule for rule in facts.rules if rule["is_active"] and condition_matches(rule, lead)]


def _choices(view: PageView, form: Mapping[str, str], facts: ScoringFacts) -> dict[str, Any]:
    """Return what the form offers for the field that was chosen."""
    chosen = form["field"]
    fields = [(name, rule_field_label(view, name)) for name in OFFERED_FIELDS]
    custom = [(f"{CUSTOM_FIELD_PREFIX}{key}", key) for key in facts.suggestions.custom_keys]
    is_typed = chosen.startswith(CUSTOM_FIELD_PREFIX) and chosen not in dict(custom)
    takes_choice = is_chosen(form)
    operators = CHOICE_OPERATORS if takes_choice else OPERATOR_WORDS
    return {
        "fields": fields,
        "custom_fields": custom,
        "typed_key": chosen.removeprefix(CUSTOM_FIELD_PREFIX) if is_typed else "",
        "field_title": rule_field_label(view, chosen) if chosen else "",
        "operators": [(name, view.translate(OPERATOR_WORDS[name])) for name in operators],
        "value_choices": _value_choices(view, chosen, facts.names) if takes_choice else [],
        "value_suggestions": _value_suggestions(chosen, facts.suggestions),
    }


def _value_choices(view: PageView, chosen: str, names: ListNames) -> list[tuple[str, str]]:
    if chosen == "status":
        return [(status, view.translate(word)) for status, word in STATUS_WORDS.items()]
    if chosen == "starred":
        return [("true", view.translate("yes")), ("false", view.translate("no"))]
    return [(str(id_), name) for id_, name in names_of(names, chosen).items()]


def _value_suggestions(chosen: str, suggestions: ListSuggestions) -> Sequence[str]:
    return {"tags": suggestions.tags, "source": suggestions.sources}.get(chosen, ())


def _blank_form() -> dict[str, str]:
    return {"field": "", "operator": "", "value": "", "points": "", "is_active": "1"}
