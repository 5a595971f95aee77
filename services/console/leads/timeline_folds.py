"""Runs of deliveries, scores and automations on a timeline, each folded into one line that opens."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from markupsafe import Markup

from services.console.leads.timeline_entry import FoldKind, TimelineEntry, TimelineFold
from services.console.web.page_view import PageView

MIN_FOLDED = 2  # entries, below which nothing is folded


def folded_entries(view: PageView, entries: Sequence[TimelineEntry]) -> list[TimelineEntry | TimelineFold]:
    """Return a timeline with what the machine did between two other entries of a day in one line of each kind."""
    folded: list[TimelineEntry | TimelineFold] = []
    for (is_machine, _day), run in groupby(
        entries, key=lambda entry: (bool(entry.fold), view.formatting.short_date(entry.at) if entry.fold else "")
    ):
        if is_machine:
            folded.extend(_fold_run(view, run))
        else:
            folded.extend(run)
    return folded


def score_change_words(view: PageView, before: int, after: int) -> Markup:
    """Return from what to what a score went."""
    sentence = view.translate("Score from %(before)s to %(after)s", before="{0}", after="{1}")
    numbers = (Markup("<b>{}</b>").format(view.formatting.number(score)) for score in (before, after))
    return Markup(sentence).format(*numbers)  # noqa: S704  # the sentence is ours


def _fold_run(view: PageView, run: Iterable[TimelineEntry]) -> Iterator[TimelineEntry | TimelineFold]:
    """Yield a line for each kind, in the order of their newest entries."""
    by_kind: dict[FoldKind, list[TimelineEntry]] = {}
    for entry in run:
        by_kind.setdefault(entry.fold, []).append(entry)
    for kind, entries in by_kind.items():
        if len(entries) < MIN_FOLDED:
            yield from entries
        else:
            yield FOLDERS[kind](view, tuple(entries))


def _fold_deliveries(view: PageView, entries: tuple[TimelineEntry, ...]) -> TimelineFold:
    bad = sum(entry.colour == "bad" for entry in entries)
    unsent = sum(entry.colour == "" for entry in entries)
    notes = [("bad", view.translate_count("%(n)s could not be sent", "%(n)s could not be sent", bad))] * bool(bad)
    notes += [("faint", view.translate_count("%(n)s was not sent", "%(n)s were not sent", unsent))] * bool(unsent)
    good = len(entries) - bad - unsent
    text = view.translate_count("%(n)s delivery", "%(n)s deliveries", good or len(entries))
    return TimelineFold("send", "bad" if bad else "", text, entries, is_good=good > 0, notes=tuple(notes))


def _fold_scores(view: PageView, entries: tuple[TimelineEntry, ...]) -> TimelineFold:
    scores = [entry.score for entry in entries if entry.score]
    text = score_change_words(view, scores[-1][0], scores[0][1])
    note = view.translate_count("%(n)s change", "%(n)s changes", len(entries))
    return TimelineFold("bolt", "", text, entries, is_good=False, notes=(("faint", note),))


def _fold_runs(view: PageView, entries: tuple[TimelineEntry, ...]) -> TimelineFold:
    text = view.translate_count("%(n)s automation ran", "%(n)s automations ran", len(entries))
    return TimelineFold("bolt", "", text, entries)


FOLDERS: Mapping[FoldKind, Callable[[PageView, tuple[TimelineEntry, ...]], TimelineFold]] = {
    "delivery": _fold_deliveries,
    "score": _fold_scores,
    "run": _fold_runs,
}
