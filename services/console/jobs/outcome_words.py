"""What became of the rows of a job, in the words and colours that its page, the list of jobs and the toast share."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from services.console.jobs.rows import ItemRow, OutcomeFilter, RowOutcome
from services.console.jobs.words import job_title
from services.console.quarantine.spam_words import stored_sentence
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from services.console.web.worker_errors import worker_error
from shared.jobs.job_control import EndedJob, JobRow
from shared.jobs.job_kinds import told_kind
from shared.jobs.job_outcomes import RETURNING_KINDS, DeathCause, JobOutcomes

ROW_WORDS: Mapping[str, str] = {
    "died_again": _("died again"),
    "held": _("held"),
    "failed": _("failed"),
    "waiting": _("waiting"),
    "skipped": _("skipped"),
    "done": _("done"),
    "to_go": _("to go"),
}
ROW_LOOKS: dict[RowOutcome, str] = {
    "died_again": "dead",
    "held": "held",
    "failed": "dead",
    "waiting": "waiting",
    "skipped": "replayed",
    "done": "done",
    "to_go": "waiting",
}
SHARE_COLOURS: tuple[tuple[RowOutcome, str], ...] = (
    ("done", "c-out"),
    ("died_again", "c-bad"),
    ("failed", "c-bad"),
    ("held", "c-held"),
    ("skipped", "c-p50"),
)


class LedgerFigure(NamedTuple):
    """A figure of a job's ledger: its label, glyph, and how many rows it counts."""

    outcome: RowOutcome
    label: str
    glyph: str
    colour: str
    rows: int


class JobVerdict(NamedTuple):
    """What a job came to, worst first, as a headline: its coloured part and the rest."""

    colour: str
    headline: str
    rest: str


def outcome_counts(outcomes: JobOutcomes) -> dict[RowOutcome, int]:
    """Return the rows by what became of them, the worst first. They add up to all rows."""
    return {
        "died_again": outcomes.died_again,
        "failed": outcomes.failed,
        "held": outcomes.held,
        "waiting": outcomes.waiting,
        "skipped": outcomes.skipped,
        "to_go": outcomes.left,
        "done": outcomes.done,
    }


def worst_outcome(outcomes: JobOutcomes) -> OutcomeFilter:
    """Return the rows that are listed if none are asked for: the worst there are."""
    counts = outcome_counts(outcomes)
    return next((name for name in ("died_again", "failed", "held", "skipped") if counts[name]), "all")


def outcome_shares(outcomes: JobOutcomes) -> list[tuple[float, str]]:
    """Return the parts of a job's bar: percent and colour class. What is not decided yet stays empty."""
    counts = outcome_counts(outcomes)
    return [(100 * counts[name] / (outcomes.total or 1), colour) for name, colour in SHARE_COLOURS]


def outcome_summary(view: PageView, outcomes: JobOutcomes) -> str:
    """Return what became of the rows in one line: `38 died again, 3 held, 1 waiting, 0 done`."""
    if outcomes.is_good:
        return view.translate("all done")
    counts = outcome_counts(outcomes)
    said = [_counted(view, name, counts[name], outcomes) for name in counts if counts[name] or name == "done"]
    return view.translate(", ").join(said)


def ended_sentence(view: PageView, job: EndedJob, outcomes: JobOutcomes) -> str:
    """Return what a job that has ended came to: `Replay 42 submissions: 38 died again, 4 done`."""
    kind = told_kind(job.kind, job.filter)
    title, summary = job_title(view, kind, job.total), outcome_summary(view, outcomes)
    if kind == "import_dry_run":
        summary = view.translate("nothing was stored")
    return view.translate("%(job)s: %(outcome)s", job=title, outcome=summary)


def list_summary(view: PageView, outcomes: JobOutcomes) -> Markup:
    """Return the same for the list of jobs, the worst as shape, colour and word."""
    drawing = view.console.renderer.drawing(view.language)
    if outcomes.is_good:
        return drawing.state("done", view.translate("all done"))
    counts = outcome_counts(outcomes)
    names = [name for name in counts if counts[name] and name != "done"]
    if not names:
        return Markup("")
    first, *others = [(name, _counted(view, name, counts[name], outcomes)) for name in names]
    looks = "off" if first[0] == "to_go" and outcomes.has_ended else ROW_LOOKS[first[0]]
    rest = view.translate(", ").join(said for _, said in others)
    return Markup('{} <span class="faint">{}</span>').format(drawing.state(looks, first[1]), rest)


def ledger_figures(view: PageView, job: JobRow, outcomes: JobOutcomes) -> list[LedgerFigure]:
    """Return the figures that make up all rows: those that matter for such a job, and others where there are any."""
    returns = job["kind"] in RETURNING_KINDS
    counts = outcome_counts(outcomes)
    always = {"done", "died_again", "held", "waiting"} if returns else {"done", "failed", "skipped"}
    done_label = view.translate("Sent") if job["kind"] == "deliveries" else view.translate("Done")
    shown = always | ({"to_go"} if not outcomes.has_ended else set()) | {name for name in counts if counts[name]}
    figures = [
        LedgerFigure("done", done_label, "done", "ok", counts["done"]),
        LedgerFigure("died_again", view.translate("Died again"), "dead", "bad", counts["died_again"]),
        LedgerFigure("failed", view.translate("Failed"), "dead", "bad", counts["failed"]),
        LedgerFigure("held", view.translate("Held"), "held", "held", counts["held"]),
        LedgerFigure("waiting", view.translate("Waiting"), "wait", "wait", counts["waiting"]),
        LedgerFigure("skipped", view.translate("Skipped"), "replayed", "", counts["skipped"]),
    ]
    left_label = view.translate("Left as they are") if outcomes.has_ended else view.translate("To go")
    figures.append(LedgerFigure("to_go", left_label, "none", "", counts["to_go"]))
    return [figure for figure in figures if figure.outcome in shown]


def job_verdict(view: PageView, job: JobRow, snapshot: JobOutcomes, causes: Sequence[DeathCause]) -> JobVerdict:
    """Return the headline of a job's page. While it runs that is what it does."""
    if not snapshot.has_ended or not snapshot.total:
        return JobVerdict("", job_title(view, told_kind(job["kind"], job["filter"]), job["total"]), "")
    if snapshot.is_good:
        return JobVerdict("ok", view.translate_count("It is done.", "All %(n)s are done.", snapshot.total), "")
    counts = outcome_counts(snapshot)
    name = next(name for name in counts if counts[name])
    colour, headline = _headline(view, name, counts[name], snapshot)
    return JobVerdict(colour, headline, _cause_stays(view, job, snapshot, causes))


def row_state(view: PageView, item: ItemRow, outcomes: JobOutcomes) -> Markup:
    """Return what became of a row as shape, colour and word."""
    drawing = view.console.renderer.drawing(view.language)
    if item.outcome == "waiting" and outcomes.is_settled:
        return drawing.state("off", view.translate("not kept any more"))
    if item.outcome == "to_go" and outcomes.has_ended:
        return drawing.state("off", view.translate("left as it is"))
    return drawing.state(ROW_LOOKS[item.outcome], view.translate_choice(ROW_WORDS, item.outcome))


def row_reason(view: PageView, item: ItemRow) -> str:
    """Return why a row came to this, empty if nothing is on record."""
    if item.spam_reasons:
        return " ".join(stored_sentence(text, view.translate) for text in item.spam_reasons)
    return item.cause or worker_error(item.error or "", view.translate)


def _counted(view: PageView, name: RowOutcome, count: int, outcomes: JobOutcomes) -> str:
    word = view.translate_choice(ROW_WORDS, name)
    if name == "to_go" and outcomes.has_ended:
        word = view.translate("left as they are")
    return view.translate("%(n)s %(outcome)s", n=view.formatting.number(count), outcome=word)


def _headline(view: PageView, name: RowOutcome, count: int, outcomes: JobOutcomes) -> tuple[str, str]:
    n, everything = view.formatting.number(count), view.formatting.number(outcomes.total)
    done = view.formatting.number(outcomes.done)
    headlines: Mapping[RowOutcome, Callable[[], tuple[str, str]]] = {
        "died_again": lambda: ("bad", view.translate("%(n)s of %(all)s died again.", n=n, all=everything)),
        "failed": lambda: ("bad", view.translate("%(n)s of %(all)s failed.", n=n, all=everything)),
        "held": lambda: ("held", view.translate("%(n)s of %(all)s are held.", n=n, all=everything)),
        "waiting": lambda: ("wait", view.translate("%(n)s of %(all)s are not decided yet.", n=n, all=everything)),
    }
    rest = ("", view.translate("%(n)s of %(all)s are done.", n=done, all=everything))
    return headlines[name]() if name in headlines else rest


def _cause_stays(view: PageView, job: JobRow, outcomes: JobOutcomes, causes: Sequence[DeathCause]) -> str:
    """Return that the cause for which somebody replayed is still there, if that is why rows died again."""
    asked = job["filter"].get("cause")
    stays = asked is not None and any(cause.id == asked for cause in causes)
    return view.translate("The cause is still there.") if stays and outcomes.died_again else ""
