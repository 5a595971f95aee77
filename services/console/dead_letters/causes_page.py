"""Dead letters: the list of causes. What is in it changes under the reader's eyes, but not which causes stand there."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from aiohttp import web

from services.console.dead_letters.failed_rows import (
    COUNTED_FAILED,
    CauseCounts,
    count_causes_by_kind,
    count_failed,
)
from services.console.dead_letters.words import total_sentence
from services.console.web.access import workspace_page
from services.console.web.cause_titles import causes_with_gap, filled_titles, read_newest_errors
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.operations.causes import CauseDict, CauseFilter, count_causes, count_new_causes, list_causes
from shared.operations.fingerprint import FailureKind
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import MAX_ID

CAUSE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
CAUSE_STATES = ("open", "ignored", "fixed")
ALL_STATES = "all"
SINCE_HOURS = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24}
CAUSES_PER_PAGE = 50
MAX_PAGES = 1000
READ_SECONDS = 2.0  # seconds between two reads while somebody watches
READ_SHARE = 0.1  # of the time that may be spent on reading: counting a million failed rows takes long


@dataclass(frozen=True)
class ShownCauses:
    """The causes of a page by their ids, in its order. `at` is when it was read, None if it has all that match."""

    ids: tuple[int, ...]
    at: datetime | None

    def query(self) -> dict[str, str | None]:
        """Return it as parameters of an address."""
        return {"known": ",".join(map(str, self.ids)), "at": self.at.isoformat() if self.at else None}


@dataclass(frozen=True)
class CausesSnapshot:
    """A page of the list, read at one moment. `new` counts the causes that have come since it was shown.

    `errors` are what the newest failures of each cause said, `failed` how many rows of each kind are failed.
    """

    causes: Sequence[CauseDict]
    counts: CauseCounts
    total: int
    errors: Mapping[int, Sequence[str | None]] = field(default_factory=dict)
    failed: Mapping[FailureKind, int] = field(default_factory=dict)
    new: int = 0


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream the figures of the causes of a page, and how many new ones there are."""
    shown = _read_shown(view)
    _, asked = _asked_filter(view)
    topic = ("causes", *asked.values(), _page_number(view), shown)
    return await stream_snapshots(
        view, topic, _watching_reader(view, shown), lambda each, found: _render_live(each, found, shown)
    )


async def render_list(view: PageView) -> web.Response:
    """Return the list, the cause that was seen last first."""
    which, _ = _asked_filter(view)
    page, workspace_id = _page_number(view), view.workspace.workspace_id
    async with view.console.reading() as connection:
        causes = await list_causes(
            connection, workspace_id, which, limit=CAUSES_PER_PAGE, offset=(page - 1) * CAUSES_PER_PAGE
        )
        snapshot = await _count_around(connection, workspace_id, which, causes)
    is_whole = page == 1 and snapshot.total <= CAUSES_PER_PAGE
    shown = ShownCauses(tuple(cause["id"] for cause in causes), None if is_whole else view.formatting.now)
    return await view.render("dead_letters/list.html", **_shown_list(view, snapshot, shown))


def _watching_reader(view: PageView, shown: ShownCauses) -> Callable[[], Awaitable[CausesSnapshot]]:
    """Return what reads the causes of a page, not more often than is cheap."""
    workspace_id, places = view.workspace.workspace_id, {id_: place for place, id_ in enumerate(shown.ids)}
    snapshot, next_at = CausesSnapshot((), {}, 0), 0.0

    async def read() -> CausesSnapshot:
        nonlocal snapshot, next_at
        began = time.monotonic()
        if began < next_at:
            return snapshot
        which, _ = _asked_filter(view)
        async with view.console.reading() as connection:
            found = await list_causes(connection, workspace_id, CauseFilter(ids=list(shown.ids)), limit=len(shown.ids))
            causes = sorted(found, key=lambda cause: places[cause["id"]])
            new = await count_new_causes(connection, workspace_id, which, shown.ids, shown.at)
            snapshot = await _count_around(connection, workspace_id, which, causes, new)
        next_at = began + max(READ_SECONDS, (time.monotonic() - began) / READ_SHARE)
        return snapshot

    return read


async def _count_around(
    connection: Connection, workspace_id: int, which: CauseFilter, causes: Sequence[CauseDict], new: int = 0
) -> CausesSnapshot:
    kind = which.kind or CAUSE_KINDS[0]
    return CausesSnapshot(
        causes,
        await count_causes_by_kind(connection, workspace_id, which.since),
        await count_causes(connection, workspace_id, which),
        await read_newest_errors(connection, workspace_id, kind, causes_with_gap(causes)),
        {one: await count_failed(connection, workspace_id, one) for one in CAUSE_KINDS},
        new,
    )


def _render_live(view: PageView, snapshot: CausesSnapshot, shown: ShownCauses) -> str:
    return view.render_text("dead_letters/_list_live.html", **_shown_list(view, snapshot, shown))


def _shown_list(view: PageView, snapshot: CausesSnapshot, shown: ShownCauses) -> dict[str, Any]:
    which, query = _asked_filter(view)
    page, pages = _page_number(view), -(-snapshot.total // CAUSES_PER_PAGE)
    failed = sum(cause["count"] for cause in snapshot.causes)
    return {
        "asked": query,
        "causes": snapshot.causes,
        "titles": filled_titles(snapshot.causes, snapshot.errors) if view.permits(Permission.SEE_PERSONS) else {},
        "sentence": total_sentence(view, which.kind or CAUSE_KINDS[0], failed, snapshot.total) if pages == 1 else "",
        "total": snapshot.total,
        "new_count": snapshot.new,
        "page": page,
        "pages": pages,
        "kinds": [(kind, _failed_words(view, snapshot.failed.get(kind, 0))) for kind in CAUSE_KINDS],
        "states": [
            (state, _count_of(snapshot.counts, kind=which.kind, state=None if state == ALL_STATES else state))
            for state in (*CAUSE_STATES, ALL_STATES)
        ],
        "spans": list(SINCE_HOURS),
        "has_other_filters": query["state"] != "open" or bool(query["since"]),
        "live_path": view.path("dead-letters/live", **_given(query), n=page, **shown.query()),
        "first_path": view.path("dead-letters", **_given(query)),
    }


def _failed_words(view: PageView, count: int) -> str:
    if count > COUNTED_FAILED:
        return view.translate("over %(n)s", n=view.formatting.number(COUNTED_FAILED))
    return view.formatting.number(count)


def _asked_filter(view: PageView) -> tuple[CauseFilter, dict[str, str]]:
    """Return the filter of the address, and its parameters as links repeat them."""
    query = view.request.query
    kind: FailureKind = next((one for one in CAUSE_KINDS if one == query.get("kind")), "submission")
    state = query.get("state", "open")
    state = state if state in (*CAUSE_STATES, ALL_STATES) else "open"
    span = query.get("since", "")
    since = datetime.now(UTC) - timedelta(hours=SINCE_HOURS[span]) if span in SINCE_HOURS else None
    asked = {"kind": kind, "state": state, "since": span if since else ""}
    return CauseFilter(kind=kind, state=None if state == ALL_STATES else state, since=since), asked


def _given(asked: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value}


def _page_number(view: PageView) -> int:
    text = view.request.query.get("n", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
    return min(max(number, 1), MAX_PAGES)


def _read_shown(view: PageView) -> ShownCauses:
    """Return the causes that the page shows. Raises NotFound if the address does not say it."""
    query = view.request.query
    texts = [text for text in query.get("known", "").split(",") if text]
    if len(texts) > CAUSES_PER_PAGE or not all(text.isascii() and text.isdigit() and len(text) < 20 for text in texts):
        raise NotFound
    ids = tuple(map(int, texts))
    try:
        at = datetime.fromisoformat(query["at"]) if "at" in query else None
    except ValueError:
        raise NotFound from None
    if any(id_ > MAX_ID for id_ in ids) or (at and not at.tzinfo):
        raise NotFound
    return ShownCauses(ids, at)


def _count_of(counts: CauseCounts, *, kind: str | None = None, state: str | None = None) -> int:
    return sum(n for (of_kind, of_state), n in counts.items() if of_kind == kind and state in (None, of_state))
