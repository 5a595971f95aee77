"""What automations answer about leads, as records of the API: with sentences in English."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.api.crud import RecordDict
from shared.automations.explanation import Explanation, LeadEvent, as_lead_event
from shared.automations.run_limits import MAX_CHAIN_LENGTH, MAX_CHAINED_RUNS_PER_MINUTE
from shared.automations.trial import Trial, TriedCase

WHY_SENTENCES: Mapping[str, str] = {
    "started": "The event started it.",
    "only_by_hand": "Only a person or a request starts it.",
    "only_by_inactivity": "It starts after {minutes} minutes in which nothing happens to a lead.",
    "no_event": "The timeline of this lead has nothing that could have started it.",
    "other_event": "The event was {met}, and it waits for {wanted}.",
    "other_source": "The lead came from {met}, and it waits for {wanted}.",
    "other_fields": "The change was of {met}, and it waits for one of {wanted}.",
    "other_tag": "The tag was {met}, and it waits for {wanted}.",
    "other_form": "The form was {met}, and it waits for form {wanted}.",
    "other_stage_to": "The lead came to stage {met}, and it waits for stage {wanted}.",
    "other_stage_from": "The lead came from stage {met}, and it waits for those that leave stage {wanted}.",
    "not_crossed_above": "The score went from {before} to {after}, and did not come up to {threshold}.",
    "not_crossed_below": "The score went from {before} to {after}, and did not fall below {threshold}.",
    "not_crossed_any": "The score went from {before} to {after}, and did not cross {threshold}.",
    "made_later": "It was made at {at}, after the event.",
    "made_before": "It was made before the event, at {at}.",
    "is_on": "It is switched on.",
    "is_off": "It is switched off.",
    "published_later": "It was published at {at}, after the event.",
    "same_version": "Version {then} ran then, and runs now.",
    "other_version": "Version {then} ran then, and version {now} runs now.",
    "without_automations": "The lead was sent, replayed or imported without automations.",
    "self_set_off": "The event was its own change of the lead.",
    "chain_too_long": f"More than {MAX_CHAIN_LENGTH} automations set one another off.",
    "chain_short": f"No more than {MAX_CHAIN_LENGTH} automations set one another off.",
    "loop_limit": f"Automations set one another off over {MAX_CHAINED_RUNS_PER_MINUTE} times in a minute for it.",
    "loop_free": f"Automations set one another off at most {MAX_CHAINED_RUNS_PER_MINUTE} times in a minute for it.",
    "lane_open": "The lane automations is not paused.",
    "lane_paused": "The lane automations is paused: {reason}",
    "queued": "The event still waits in the queue.",
    "not_queued": "The event does not wait in the queue.",
    "started_once": "The event started run {run_id}. No event starts an automation twice.",
    "no_run_kept": "Nothing stands in the way now, and no run is kept: it was off then, or its run is deleted.",
    "timer_runs": "It starts at {due_at} if nothing happens to the lead until then.",
    "stopped": "The run was stopped: {error}.",
    "condition_false": "A condition was false, and that ends a run.",
    "step_failed": "A step failed: {error}.",
    "run_failed": "The run failed: {error}.",
    "run_waits": "Its run waits for a worker.",
    "ran_waits": "It runs: a delay ends at {due_at}.",
    "ran_ended": "It ran until a condition was false.",
    "ran": "It ran to the end.",
}


def why_sentence(code: str, values: Mapping[str, Any]) -> str:
    """Return the sentence of an answer."""
    return WHY_SENTENCES[code].format_map({name: _plain_value(value) for name, value in values.items()})


def explanation_record(explained: Explanation, runs: Sequence[RecordDict]) -> RecordDict:
    """Return an explanation as a record, with the records of its runs."""
    return {
        "automation_id": explained.automation.id,
        "version": explained.automation.version,
        "lead_id": explained.lead["id"],
        "event": _event_record(explained.event),
        "ran": explained.ran,
        "reason": explained.reason.code,
        "why": why_sentence(explained.reason.code, explained.reason.values),
        "run_id": explained.run.id if explained.run else None,
        "false_step": explained.false_step,
        "trigger": {
            "matched": explained.trigger.matched,
            "why": why_sentence(explained.trigger.code, explained.trigger.values),
        },
        "conditions": [
            {"step": one.step, **vars(one.comparison), "found_then": one.is_of_then} for one in explained.conditions
        ],
        "limits": [
            {"limit": limit.name, "passed": limit.passed, "why": why_sentence(limit.code, limit.values)}
            for limit in explained.limits
        ],
        "runs": list(runs),
        "events": [_event_record(event) for event in explained.events],
    }


def trial_record(automation_id: int, trial: Trial) -> RecordDict:
    """Return a trial as a record."""
    return {
        "automation_id": automation_id,
        "would_run": trial.count("would_run"),
        "would_stop": trial.count("would_stop"),
        "not_started": trial.count("not_started"),
        "left_out": trial.left_out,
        "tried": [_tried_record(one) for one in trial.tried],
    }


def _tried_record(tried: TriedCase) -> RecordDict:
    return {
        "lead_id": tried.case.lead["id"],
        "event": _event_record(as_lead_event(tried.case.entry) if tried.case.entry else None),
        "outcome": tried.outcome,
        "why": why_sentence(tried.answer.code, tried.answer.values) if tried.answer else None,
        "ended_step": tried.ended_step,
        "false_comparisons": [
            {name: getattr(each, name) for name in ("field", "operator", "expected", "found")}
            for each in tried.false_comparisons
        ],
        "steps": tried.steps,
    }


def _event_record(event: LeadEvent | None) -> RecordDict | None:
    return {"id": event.id, "type": event.type, "at": event.at, "events": event.facts} if event else None


def _plain_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value is None or value == "" else str(value)
