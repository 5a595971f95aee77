"""The verdict in words: whether every lead is accounted for, the reasons, and what wants a look."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from services.console.web.page_view import PageView
from shared.operations.overview_types import Overview
from shared.operations.overview_verdict import Concern

URGENT_CODES = frozenset(
    (
        "unaccounted",
        "database_away",
        "spool_away",
        "no_worker_reports",
        "leads_wait",
        "lane_will_not_drain",
        "disk_full",
    )
)


@dataclass(frozen=True)
class VerdictNote:
    """A sentence on something that wants a look, with its icon and colour."""

    icon: str
    colour: str
    sentence: Markup


def verdict_notes(view: PageView, concerns: list[Concern], channel_names: Mapping[str, str]) -> list[VerdictNote]:
    """Return the sentences of the concerns, in their order."""
    return [
        VerdictNote(
            "bell" if concern.code == "source_silent" else "pause" if concern.code == "lane_paused" else "warn",
            "bad" if concern.code in URGENT_CODES else "wait",
            _plain(_source_sentence(view, concern.values, channel_names))
            if concern.code == "source_silent"
            else _sentence(view, concern),
        )
        for concern in concerns
    ]


def verdict_headline(view: PageView, overview: Overview) -> tuple[str, str]:
    """Return the first sentence and its colour."""
    ledger = overview.ledger
    if ledger is None:
        return view.translate("The database does not answer. Leads are still being taken."), "wait"
    if ledger.age_s:
        return view.translate("The database does not answer. Leads are still being taken."), "wait"
    if ledger.unaccounted:
        n = abs(ledger.unaccounted)
        return (
            view.translate_count("%(n)s submission is unaccounted for.", "%(n)s submissions are unaccounted for.", n),
            "bad",
        )
    return view.translate("Every lead is accounted for."), "ok"


def verdict_reasons(view: PageView, overview: Overview) -> list[str]:
    """Return the sentences that say on what the verdict rests."""
    stores, sentences, text = overview.stores, [], view.formatting
    if overview.oldest_waiting_s is not None:
        sentences.append(
            view.translate("The oldest has waited %(time)s.", time=text.duration(overview.oldest_waiting_s))
            if overview.oldest_waiting_s
            else view.translate("Nothing waits.")
        )
    if overview.workers is not None:
        workers, alive = len(overview.workers), sum(one.is_alive for one in overview.workers)
        sentences.append(
            view.translate_count(
                "%(alive)s of %(n)s worker process reports.",
                "%(alive)s of %(n)s worker processes report.",
                workers,
                alive=alive,
            )
        )
    paused = sum(lane.pause is not None for lane in overview.lanes)
    if overview.lanes:
        sentences.append(
            view.translate_count("%(n)s lane is paused.", "%(n)s lanes are paused.", paused)
            if paused
            else view.translate("Nothing is paused.")
        )
    if stores.database_ms is not None:
        sentences.append(view.translate("PostgreSQL answers in %(time)s.", time=text.milliseconds(stores.database_ms)))
    if stores.redis_ms is not None:
        sentences.append(view.translate("Valkey answers in %(time)s.", time=text.milliseconds(stores.redis_ms)))
    sentences.append(_spool_sentence(view, overview))
    if stores.disk_used is not None:
        sentences.append(view.translate("The disk is %(share)s full.", share=text.percent(stores.disk_used)))
    return sentences


def _spool_sentence(view: PageView, overview: Overview) -> str:
    stores = overview.stores
    if stores.spool_state == "away":
        return view.translate("The spool does not answer.")
    if stores.spool_state == "empty" or not stores.spooled:
        return view.translate("The spool is empty.")
    return view.translate_count(
        "The spool holds %(n)s submission.", "The spool holds %(n)s submissions.", stores.spooled
    )


def _sentence(view: PageView, concern: Concern) -> Markup:
    values, text = concern.values, view.formatting
    duration = text.duration(values.get("seconds"))
    match concern.code:
        case "unaccounted":
            n = abs(int(values["submissions"]))
            return _plain(
                view.translate_count(
                    "%(n)s submission was accepted and is in no state.",
                    "%(n)s submissions were accepted and are in no state.",
                    n,
                )
            )
        case "database_away":
            return _plain(view.translate("PostgreSQL does not answer. What arrives is safe in the spool."))
        case "redis_away":
            return _plain(view.translate("Valkey does not answer. Rate limits go on from the last count."))
        case "spool_away":
            return _plain(view.translate("The spool does not answer. Leads are refused if PostgreSQL fails too."))
        case "no_worker_reports":
            return _plain(
                view.translate("No worker has reported for %(time)s.", time=duration)
                if values.get("seconds") is not None
                else view.translate("No worker has ever reported.")
            )
        case "spooling":
            n = int(values["submissions"])
            return _plain(
                view.translate_count("%(n)s submission is in the spool.", "%(n)s submissions are in the spool.", n)
            )
        case "leads_wait":
            return _plain(view.translate("Leads wait: the oldest for %(time)s.", time=duration))
        case "dead_letters_grow":
            return _linked(
                view,
                view.translate_count(
                    "%(n)s submission died in the last hour.",
                    "%(n)s submissions died in the last hour.",
                    int(values["submissions"]),
                ),
                "dead-letters",
            )
        case "lane_will_not_drain" | "lane_paused":
            return _linked(view, _lane_or_store_sentence(view, concern), "queues", lane=values["lane"])
        case _:
            return _plain(_lane_or_store_sentence(view, concern))


def _lane_or_store_sentence(view: PageView, concern: Concern) -> str:
    values, text = concern.values, view.formatting
    match concern.code:
        case "lane_will_not_drain" if values.get("state") == "growing":
            return view.translate(
                "The lane %(lane)s grows by %(rate)s a second and will not drain.",
                lane=view.lane_title(values["lane"]),
                rate=text.rate(values.get("rate")),
            )
        case "lane_will_not_drain":
            return view.translate("The lane %(lane)s stands still.", lane=view.lane_title(values["lane"]))
        case "lane_paused" if values.get("until") is not None:
            return view.translate(
                "The lane %(lane)s is paused until %(time)s.",
                lane=view.lane_title(values["lane"]),
                time=text.clock(values["until"]),
            )
        case "lane_paused":
            return view.translate("The lane %(lane)s is paused.", lane=view.lane_title(values["lane"]))
        case "database_slow":
            return view.translate("PostgreSQL is slow: %(time)s.", time=text.milliseconds(values["ms"]))
        case "redis_slow":
            return view.translate("Valkey is slow: %(time)s.", time=text.milliseconds(values["ms"]))
        case "disk_full":
            return view.translate("The disk is %(share)s full.", share=text.percent(values["share"]))
        case _:
            raise AssertionError(concern.code)


def _source_sentence(view: PageView, values: dict[str, Any], channel_names: Mapping[str, str]) -> str:
    return view.translate(
        "%(source)s has been silent for %(time)s; it usually sends %(interval)s.",
        source=values["source"] or channel_names.get(values["channel"], values["channel"]),
        time=view.formatting.duration(values["seconds"]),
        interval=view.formatting.interval(values["usual_interval_s"]),
    )


def _plain(sentence: str) -> Markup:
    return Markup("{}").format(sentence)


def _linked(view: PageView, sentence: str, page: str, **query: object) -> Markup:
    return Markup('<a class="link" href="{}">{}</a>').format(view.path(page, **query), sentence)
