"""Jobs in words: what one does, for which rows, in which state, and how long it takes."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from services.console.leads.query import PERSONAL_FILTERS
from services.console.leads.words import STATUS_WORDS
from services.console.quarantine.spam_words import REASON_TITLES
from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.jobs.job_control import JobRow
from shared.jobs.lead_targets import KINDS_OVER_LEADS

MINIMUM_SECONDS = 1.0  # seconds below which a forecast says "about 1 s"
STATE_LOOKS = {
    "queued": "waiting",
    "running": "replayed",
    "paused": "waiting",
    "done": "done",
    "cancelled": "off",
    "failed": "dead",
}

STATE_WORDS = {
    "queued": _("about to begin"),
    "running": _("running"),
    "paused": _("paused"),
    "done": _("done"),
    "cancelled": _("cancelled"),
    "failed": _("failed"),
}
JOB_EFFECTS = {
    "replay": _("Replay, as it came: each is decided again by today’s mapping and rules."),
    "release": _("Release: each is let out of quarantine and decided by today’s mapping and rules."),
    "reject": _("Mark as spam: each stays held and leaves the list of those that want a look."),
    "deliveries": _("Send again: each goes out once more with the same id and the same body."),
    "backfill": _("Fetch what was missed: each lead that the provider lists is stored once."),
    "edit": _("Edit: the same is changed in each lead. It can be undone as far as it is still so."),
    "delete": _("Delete: each lead goes, with its tasks."),
    "stage_removal": _("Remove a stage: each lead that is still in it moves to the other one. Nothing is set off."),
    "rescore": _("Count the scores again: each lead gets the points of the rules as they are."),
    "import": _("Import: each row of the file is decided as every lead is."),
    "import_dry_run": _("Dry run: each row is decided as an import would decide it, and nothing is stored."),
    "import_undo": _("Undo: new leads go, and values that the import filled are taken back where they still stand."),
}
EVERYTHING_WORDS = {
    "replay": _("All that are dead"),
    "release": _("All that are held"),
    "reject": _("All that are held"),
    "deliveries": _("All that failed or were cancelled"),
    "edit": _("All leads"),
    "delete": _("All leads"),
    "stage_removal": _("All leads"),
    "rescore": _("All leads"),
    "import": _("All rows"),
    "import_dry_run": _("All rows"),
    "import_undo": _("All rows"),
}
# What the values of filters are called. Those of other filters are data.
VALUE_WORDS: Mapping[str, Mapping[str, str]] = {
    "spam_reason": REASON_TITLES,
    "status": STATUS_WORDS,
    "state": {
        "accepted": _("waiting"),
        "dead": _("dead"),
        "done": _("done"),
        "failed": _("failed"),
        "quarantined": _("held"),
    },
}


def job_title(view: PageView, kind: str, count: int) -> str:
    """Return what a job does with how many rows: `Replay 412 submissions`.

    How many leads a provider lists is known only after its first page, so that a backfill may have no count.
    """
    if kind == "replay":
        return view.translate_count("Replay %(n)s submission", "Replay %(n)s submissions", count)
    if kind == "release":
        return view.translate_count("Release %(n)s submission", "Release %(n)s submissions", count)
    if kind == "reject":
        return view.translate_count("Mark %(n)s submission as spam", "Mark %(n)s submissions as spam", count)
    if kind == "deliveries":
        return view.translate_count("Send %(n)s delivery again", "Send %(n)s deliveries again", count)
    if kind in KINDS_OVER_LEADS:
        return _lead_job_title(view, kind, count)
    if kind.startswith("import"):
        return _import_title(view, kind, count)
    if kind == "backfill" and not count:
        return view.translate("Fetch missed leads")
    if kind == "backfill":
        return view.translate_count("Fetch %(n)s missed lead", "Fetch %(n)s missed leads", count)
    return view.translate("%(kind)s: %(n)s rows", kind=kind, n=view.formatting.number(count))


def _lead_job_title(view: PageView, kind: str, count: int) -> str:
    if kind == "edit":
        return view.translate_count("Edit %(n)s lead", "Edit %(n)s leads", count)
    if kind == "delete":
        return view.translate_count("Delete %(n)s lead", "Delete %(n)s leads", count)
    if kind == "rescore":
        return view.translate_count("Count the score of %(n)s lead", "Count the scores of %(n)s leads", count)
    return view.translate_count("Move %(n)s lead and remove a stage", "Move %(n)s leads and remove a stage", count)


def _import_title(view: PageView, kind: str, count: int) -> str:
    if kind == "import_dry_run":
        return view.translate_count("Dry run of %(n)s row", "Dry run of %(n)s rows", count)
    if kind == "import_undo":
        return view.translate_count("Undo an import of %(n)s row", "Undo an import of %(n)s rows", count)
    return view.translate_count("Import %(n)s row", "Import %(n)s rows", count)


def job_button(view: PageView, kind: str, count: int) -> str:
    """Return the label of the button that starts a job. It names the number."""
    n = view.formatting.number(count)
    labels = {
        "replay": view.translate("Replay %(n)s", n=n),
        "release": view.translate("Release %(n)s", n=n),
        "reject": view.translate("Mark %(n)s as spam", n=n),
        "deliveries": view.translate("Send %(n)s again", n=n),
        "edit": view.translate("Edit %(n)s", n=n),
        "delete": view.translate("Delete %(n)s", n=n),
    }
    return labels[kind]


def job_effect(view: PageView, kind: str, *, has_changes: bool = False) -> str:
    """Return what happens to each row."""
    if kind == "replay" and has_changes:
        return view.translate(
            "Fix and replay: each is changed as below and decided again by today’s mapping and rules. "
            "What came stays as it came."
        )
    return view.translate_choice(JOB_EFFECTS, kind)


def job_state(view: PageView, state: str, *, is_good: bool) -> Markup:
    """Return the state of a job as shape, colour and word. One that has run is green only if all of it ended well."""
    drawing = view.console.renderer.drawing(view.language)
    if state == "done" and not is_good:
        return drawing.state("off", view.translate("has run"))
    return drawing.state(STATE_LOOKS.get(state, "off"), view.translate_choice(STATE_WORDS, state))


def pace_forecast(view: PageView, count: int, rate: int | None) -> str:
    """Return how long so many rows take at a rate: `at 50 a second about 4 min`."""
    if not rate:
        return view.translate("as fast as workers can")
    seconds = max(count / rate, MINIMUM_SECONDS)
    return view.translate(
        "at %(rate)s a second about %(time)s",
        rate=view.formatting.number(rate),
        time=view.formatting.duration(seconds),
    )


def filter_sentence(view: PageView, kind: str, filters: Mapping[str, Any], names: Mapping[str, str]) -> Markup:
    """Return a filter as a sentence. `names` are what people call the records whose ids it holds, by filter."""
    clauses = [clause for name, value in filters.items() if (clause := _clause(view, name, value, names))]
    if not clauses:
        return escape(_everything(view, kind))
    sentence = clauses[-1]
    for clause in reversed(clauses[:-1]):
        sentence = _filled(view.translate("%(first)s and %(rest)s"), first=clause, rest=sentence)
    return sentence


def change_sentences(view: PageView, changes: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """Return the changes to payloads, each as a sentence."""
    return [_change_sentence(view, change) for change in changes]


def job_forecast(view: PageView, job: JobRow) -> str:
    """Return when a job will be done, as far as that is known."""
    remaining = job["total"] - job["position"]
    if job["state"] == "paused":
        return view.translate("paused: nothing is done until somebody resumes it")
    if job["state"] == "queued" or job["finished_at"] is not None or job["started_at"] is None:
        return ""
    elapsed = max((view.formatting.now - job["started_at"]).total_seconds(), 0.1)
    measured = job["position"] / elapsed
    rate = min(job["rate"], measured) if job["rate"] and elapsed > 10 else job["rate"] or measured
    if not rate:
        return ""
    return view.translate(
        "clears in about %(time)s at %(rate)s a second",
        time=view.formatting.duration(max(remaining / rate, MINIMUM_SECONDS)),
        rate=view.formatting.rate(rate),
    )


def _everything(view: PageView, kind: str) -> str:
    return view.translate_choice(EVERYTHING_WORDS, kind, "")


def _clause(view: PageView, name: str, value: Any, names: Mapping[str, str]) -> Markup | None:
    """Return one condition of a filter in words; None for one that says nothing new."""
    if name == "ids":
        text = view.translate_count("it is the one that was chosen", "it is one of the %(n)s chosen ones", len(value))
        return escape(text)
    if name in ("is_duplicate", "rejected", "unconfirmed", "starred", "dry_run"):
        return escape(_flag_clause(view, name, is_set=bool(value)))
    if name.endswith(("_after", "_before")) or name == "since":
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        value = view.formatting.time_tag(moment, "full_time")
    if name in PERSONAL_FILTERS and not view.permits(Permission.SEE_PERSONS):
        value = VALUE_MASK
    if words := VALUE_WORDS.get(name):
        value = view.translate_choice(words, str(value))
    if name == "unreadable":
        return escape(
            view.translate("its e-mail cannot be read")
            if value == "email"
            else view.translate("its phone cannot be read")
        )
    return _filled(_clause_pattern(view, name), value=Markup("<b><bdi>{}</bdi></b>").format(names.get(name, value)))


def _clause_pattern(view: PageView, name: str) -> str:
    patterns = {
        "state": view.translate("the state is %(value)s"),
        "kind": view.translate("the kind is %(value)s"),
        "channel": view.translate("the channel is %(value)s"),
        "source": view.translate("the source is %(value)s"),
        "lead_id": view.translate("the lead is %(value)s"),
        "cause": view.translate("the cause is %(value)s"),
        "subscription_id": view.translate("the subscription is %(value)s"),
        "integration_id": view.translate("the integration is %(value)s"),
        "received_after": view.translate("it was received after %(value)s"),
        "received_before": view.translate("it was received before %(value)s"),
        "created_after": view.translate("it was made after %(value)s"),
        "created_before": view.translate("it was made before %(value)s"),
        "search": view.translate("it contains %(value)s"),
        "since": view.translate("it came since %(value)s"),
        "status": view.translate("the status is %(value)s"),
        "pipeline_id": view.translate("the pipeline is %(value)s"),
        "stage_id": view.translate("the stage is %(value)s"),
        "assigned_user_id": view.translate("the owner is %(value)s"),
        "tag": view.translate("it has the tag %(value)s"),
        "email": view.translate("the e-mail is %(value)s"),
        "phone": view.translate("the phone is %(value)s"),
        "updated_after": view.translate("it was changed after %(value)s"),
        "updated_before": view.translate("it was changed before %(value)s"),
        "file_name": view.translate("the file is %(value)s"),
        "undo": view.translate("it came with the import %(value)s, which is taken back"),
        "spam_reason": view.translate("a reason is: %(value)s"),
        "job": view.translate("it was taken by the job %(value)s"),
        "undo_of": view.translate("it was changed by the job %(value)s, which is taken back"),
    }
    return patterns.get(name, f"{name.replace('%', '')} %(value)s")


def _flag_clause(view: PageView, name: str, *, is_set: bool) -> str:
    if name == "rejected":
        marked, unmarked = view.translate("it was marked as spam"), view.translate("it was not marked as spam")
        return marked if is_set else unmarked
    if name == "unconfirmed":
        waits, rest = (
            view.translate("its sender has to confirm the address"),
            view.translate("no confirmation is awaited"),
        )
        return waits if is_set else rest
    if name == "dry_run":
        return view.translate("it is a dry run, which changes no lead")
    if name == "starred":
        return view.translate("it has a star") if is_set else view.translate("it has no star")
    return view.translate("it joined a lead that was there") if is_set else view.translate("it made a new lead")


def _change_sentence(view: PageView, change: Mapping[str, Any]) -> Markup:
    field = Markup('<code class="ltr">{}</code>').format(change.get("field", ""))
    if change.get("op") == "drop":
        return _filled(view.translate("Drop %(field)s"), field=field)
    if change.get("op") == "set":
        return _filled(view.translate("Set %(field)s to %(value)s"), field=field, value=_code(change.get("value")))
    pairs = Markup(", ").join(
        Markup('{} <span class="flip arrow">→</span> {}').format(_code(old), _code(new))
        for old, new in change.get("values", {}).items()
    )
    return _filled(view.translate("Map %(field)s: %(pairs)s"), field=field, pairs=pairs)


def _code(value: object) -> Markup:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Markup('<code class="ltr">{}</code>').format(text)


def _filled(pattern: str, **values: object) -> Markup:
    """Return a translated pattern with values, which are escaped where they are plain text."""
    return escape(pattern) % values
