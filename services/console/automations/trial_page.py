"""Try an automation on a lead or on the last events: what each step would do, and nothing done."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from markupsafe import Markup

from services.console.automations.asked_lead import read_asked_lead
from services.console.automations.builder_view import builder_path
from services.console.automations.phrases import joined, phrase
from services.console.automations.reads import DefinitionNames, read_definition_names
from services.console.automations.step_words import step_line
from services.console.automations.why_view import TRIAL_WORDS, outcome_line
from services.console.automations.why_words import found_words, why_sentence
from services.console.leads.words import field_label, lead_name
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.svg import stacked_bar
from services.console.web.worker_errors import worker_error
from shared.auth.roles import Permission
from shared.automations.explanation_reads import read_automation
from shared.automations.trial import MAX_TRIAL_EVENTS, Trial, TriedCase, plan_event_trial, plan_lead_trial, run_trial
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_id

OUTCOMES = ("would_run", "would_stop", "not_started")
MAX_SHOWN_COMPARISONS = 3


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Try on the lead of the query, otherwise on the last events."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    asked_lead = await read_asked_lead(view)
    async with view.console.reading() as connection:
        automation = await read_automation(connection, workspace_id, id_)
        if automation is None:
            raise NotFound
        names = await read_definition_names(connection, workspace_id)
        if asked_lead.lead:
            plan = await plan_lead_trial(connection, workspace_id, automation, asked_lead.lead["id"])
        else:
            plan = await plan_event_trial(connection, workspace_id, automation, MAX_TRIAL_EVENTS)
    trial = await view.console.template_turns.run(workspace_id, automation.steps, lambda: run_trial(plan))
    outcome = view.request.query.get("outcome", "")
    outcome = outcome if outcome in OUTCOMES else ""
    return await view.render(
        "automations/trial.html",
        automation=automation,
        asked=asked_lead,
        trial=trial,
        outcome=outcome,
        tried=[one for one in trial.tried if not outcome or one.outcome == outcome],
        outcome_counts={name: sum(one.outcome == name for one in trial.tried) for name in OUTCOMES},
        bar=_outcome_bar(trial),
        steps=_steps(view, names, automation.steps, trial.tried) if asked_lead.lead else [],
        detail=lambda one: _detail(view, names, one),
        may_search=view.permits(Permission.SEE_PERSONS),
        lead_label=lambda lead: lead_name(view, lead),
        address=lambda below="", **query: builder_path(view, id_, below, **query),
    )


def _outcome_bar(trial: Trial) -> Markup:
    whole = max(len(trial.tried), 1)
    parts = [(100 * trial.count("would_run") / whole, "c-out"), (100 * trial.count("would_stop") / whole, "c-ink")]
    return stacked_bar(parts)


def _steps(view: PageView, names: DefinitionNames, steps: Sequence[Any], tried: Sequence[TriedCase]) -> list[Any]:
    outcomes = {outcome["step"]: outcome for one in tried[:1] for outcome in one.steps}
    return [
        outcome_line(view, step_line(view, names, step), outcomes.get(number), words=TRIAL_WORDS)
        for number, step in enumerate(steps)
    ]


def _detail(view: PageView, names: DefinitionNames, tried: TriedCase) -> Markup:
    """Return the second line of a tried case: why it would not start, what is false, or which step would fail."""
    if tried.answer:
        return why_sentence(view, names, tried.answer.code, tried.answer.values)
    if tried.ended_step is not None:
        met = [
            phrase(
                view.translate("%(field)s is %(found)s"),
                field=field_label(view, each.field),
                found=found_words(view, names, each),
            )
            for each in tried.false_comparisons[:MAX_SHOWN_COMPARISONS]
        ]
        return joined(view, met, "and") if met else Markup()
    failed = next((outcome for outcome in tried.steps if outcome["outcome"] == "failed"), None)
    if failed is None:
        return Markup()
    return phrase(
        view.translate("step %(n)s would fail: %(why)s"),
        n=failed["step"] + 1,
        why=worker_error(failed["reason"] or "", view.translate),
    )
