"""Now: see in five seconds whether leads flow, what is stuck and what to press."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup

from services.console.now import first_minutes
from services.console.now.first_steps import is_untouched, read_first_steps
from services.console.now.verdict_words import verdict_headline, verdict_notes, verdict_reasons
from services.console.queues import history_charts
from services.console.queues.busiest_receiver import BusiestReceiver, find_busiest_receiver, receiver_sentence
from services.console.queues.lane_words import activity_title, lane_forecast
from services.console.web.access import workspace_page
from services.console.web.cause_titles import CauseErrors, FilledTitle, causes_with_gap, filled_titles
from services.console.web.context import OverviewRead
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.operations.causes import CauseDict
from shared.operations.history import HistoryPoint
from shared.operations.lane_names import JOURNAL_LANES, WHOLE_INSTALLATION
from shared.operations.overview import neutral_process_names
from shared.operations.overview_types import Overview
from shared.operations.overview_verdict import judge_overview

FIRST_LEADS = 200  # accepted leads up to which Now reminds of the first steps
SPANS = {"1h": 60, "24h": 24 * 60}  # minutes


@dataclass(frozen=True)
class NowSnapshot:
    """What the page shows, read at one moment. `step` is the length of a point of the history, in seconds.

    The causes are None while they are unknown. `channel_names` are those of forms and sources. `lane_waits` are the
    waits of each lane, in ms.
    """

    overview: Overview
    step: int
    points: list[HistoryPoint]
    causes: list[CauseDict] | None
    cause_errors: CauseErrors
    channel_names: Mapping[str, str]
    lane_waits: Mapping[str, list[float]]
    receiver: BusiestReceiver | None


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the verdict, the ledger, queues, workers, causes and sources."""
    span = _span(view)
    snapshot = await _read(view, span, view.console.read_overview)
    if await _is_new(view, snapshot.overview):
        view.redirect(view.path(first_minutes.PAGE))
    open_steps = await _count_open_steps(view, snapshot.overview)
    return await view.render("now/now.html", open_steps=open_steps, **_shown(view, snapshot, span))


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream the page's figures."""
    span = _span(view)
    topic = "now", span, view.account.is_operator
    return await stream_snapshots(view, topic, lambda: _read(view, span, view.console.watch_overview), _render_live)


async def _is_new(view: PageView, overview: Overview) -> bool:
    """Return whether nothing has come yet, so that the first steps are of more use than a page of zeros."""
    if view.request.query or overview.ledger is None or overview.ledger.accepted:
        return False
    async with view.console.reading() as connection:
        return await is_untouched(connection, view.workspace.workspace_id)


async def _count_open_steps(view: PageView, overview: Overview) -> int:
    """Return how many first steps are left, 0 once leads flow."""
    accepted = overview.ledger.accepted if overview.ledger else FIRST_LEADS
    if accepted >= FIRST_LEADS or not view.permits(Permission.SET_UP):
        return 0
    async with view.console.reading() as connection:
        return (await read_first_steps(connection, view.workspace.workspace_id)).open_count


def _span(view: PageView) -> str:
    asked = view.request.query.get("span", "1h")
    return asked if asked in SPANS else "1h"


async def _read(view: PageView, span: str, read_overview: OverviewRead) -> NowSnapshot:
    overview = await read_overview(
        view.workspace.workspace_id, with_installation=view.permits(Permission.OPERATE_INSTALLATION)
    )
    step, points = await view.console.read_history(view.workspace.workspace_id, SPANS[span])
    causes = await view.console.read_top_causes(view.workspace.workspace_id)
    errors = await view.console.read_cause_errors(view.workspace.workspace_id, causes_with_gap(causes or ()))
    names = await view.console.read_channel_names(view.workspace.workspace_id)
    waits = history_charts.lane_waits(points)
    if view.permits(Permission.OPERATE_INSTALLATION):  # the lanes of the journal are those of the installation
        _, whole = await view.console.read_history(WHOLE_INSTALLATION, SPANS[span])
        theirs = history_charts.lane_waits(whole)
        waits |= {name: theirs[name] for name in JOURNAL_LANES if name in theirs}
    return NowSnapshot(overview, step, points, causes, errors, names, waits, await find_busiest_receiver(view))


def _render_live(view: PageView, snapshot: NowSnapshot) -> str:
    return view.render_text("now/_live.html", **_shown(view, snapshot, _span(view)))


def _shown(view: PageView, snapshot: NowSnapshot, span: str) -> dict[str, Any]:
    overview = snapshot.overview
    concerns = judge_overview(overview)
    headline, colour = verdict_headline(view, overview)
    return {
        "span": span,
        "overview": overview,
        "headline": headline,
        "headline_colour": colour,
        "concern_count": _concern_sentence(view, len(concerns)),
        "reasons": verdict_reasons(view, overview),
        "notes": verdict_notes(view, concerns, snapshot.channel_names),
        "channel_names": snapshot.channel_names,
        "points": snapshot.points,
        "rates": history_charts.current_rates(snapshot.points, snapshot.step),
        "flow_chart": history_charts.flow_chart(view, snapshot.points, snapshot.step),
        "verdict_chart": history_charts.verdict_chart(view, snapshot.points, snapshot.step),
        "sparks": history_charts.sparklines(snapshot.points, snapshot.step),
        "lane_waits": snapshot.lane_waits,
        "receiver": snapshot.receiver,
        "receiver_sentence": receiver_sentence(view, snapshot.receiver),
        "forecast": lambda lane: lane_forecast(view, lane),
        "activity_title": lambda activity: activity_title(view, activity),
        "causes": snapshot.causes,
        "cause_titles": _cause_titles(view, snapshot),
        "process_names": _process_names(view, overview),
        "workers_alive": sum(one.is_alive for one in overview.workers or ()),
        "silent_count": sum(one.is_silent for one in overview.sources or ()),
    }


def _cause_titles(view: PageView, snapshot: NowSnapshot) -> dict[int, FilledTitle]:
    """Return the titles of causes with the value that fills them, for whoever may see that of a person."""
    may_see = view.permits(Permission.SEE_PERSONS)
    return filled_titles(snapshot.causes or (), snapshot.cause_errors) if may_see else {}


def _concern_sentence(view: PageView, n: int) -> str | Markup:
    return view.translate_count("One thing wants a look.", "%(n)s things want a look.", n) if n else ""


def _process_names(view: PageView, overview: Overview) -> list[str]:
    """Return the names of the processes as the reader may see them."""
    workers = overview.workers or []
    if view.permits(Permission.OPERATE_INSTALLATION):
        return [one.name for one in workers]
    return neutral_process_names(one.kind for one in workers)
