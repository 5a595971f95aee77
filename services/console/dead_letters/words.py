"""Words for causes of failures and for what failed of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.console.web.page_view import PageView
from services.console.web.payload_words import DifferenceWords, SenderWords, difference_words, read_sender
from shared.jobs.preview import ReplayPreview
from shared.operations.fingerprint import FailureKind


class FailedStep(NamedTuple):
    """The step of a run that failed, counted from 1, and its kind."""

    number: int
    kind: str


class ShownExample(NamedTuple):
    """An example of a fix: its `verdict` is `new`, `joins`, `unchanged` or `fails`. With the fields that differ."""

    preview: ReplayPreview
    sender: SenderWords
    verdict: str
    lead_id: int | None
    matched_on: Sequence[str]
    differences: list[DifferenceWords]


def delivery_receiver(name: str, host: str | None, endpoint: str) -> str:
    """Return what a receiver is called: its name, its host, otherwise the key of its queue."""
    return name or host or endpoint.removeprefix("host:")


def failed_step(steps: Sequence[Mapping[str, Any]]) -> FailedStep | None:
    """Return the step of a run that failed, if one is on record."""
    for place, step in enumerate(steps):
        if step.get("outcome") == "failed":
            return FailedStep(int(step.get("step", place)) + 1, str(step.get("type", "")))
    return None


def total_sentence(view: PageView, kind: FailureKind, failed: int, causes: int) -> str:
    """Return what all causes of the list come to: `47 submissions died of one cause.`"""
    if kind == "submission":
        rows = view.translate_count("%(n)s submission died", "%(n)s submissions died", failed)
    elif kind == "delivery":
        rows = view.translate_count("%(n)s delivery failed", "%(n)s deliveries failed", failed)
    else:
        rows = view.translate_count("%(n)s run failed", "%(n)s runs failed", failed)
    of_causes = view.translate_count("one cause", "%(n)s causes", causes)
    return view.translate("%(rows)s of %(causes)s.", rows=rows, causes=of_causes)


def shown_example(preview: ReplayPreview) -> ShownExample:
    """Return an example as the page shows it."""
    outcome = preview.outcome
    verdict = "fails" if outcome is None else "joins" if outcome["lead_id"] else "new"
    if outcome is not None and not preview.differences:
        verdict = "unchanged"  # it died as it is, which the decision alone does not tell
    return ShownExample(
        preview,
        read_sender(preview.before),
        verdict,
        outcome["lead_id"] if outcome else None,
        (outcome["matched_on"] or ()) if outcome else (),
        [difference_words(difference) for difference in preview.differences],
    )
