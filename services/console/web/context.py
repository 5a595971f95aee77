"""The console's resources during its lifetime."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast

import redis.asyncio as redis
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from services.console.web.cause_titles import CauseErrors, read_newest_errors
from services.console.web.channel_names import read_channel_names
from services.console.web.connection_turns import CONNECTIONS_PER_TURN, MAX_TURNS, ConnectionTurns
from services.console.web.docs_links import DocsPlace
from services.console.web.open_pages import OpenPages
from services.console.web.recent_reads import RecentReads
from services.console.web.rendering import Renderer
from services.console.web.repeated_forms import RepeatedForms
from services.console.web.static_files import STATIC_FILES, StaticFiles
from shared.accounting import ledger
from shared.auth.passwords import PasswordHashing
from shared.auth.rate_limit_redis import RedisCounters
from shared.auth.sessions import Membership, SessionCache
from shared.auth.sign_in import SignInService
from shared.automations.template_turns import TemplateTurns
from shared.files.file_downloads import FileDownloads
from shared.intake.spool import Spool
from shared.jobs.job_control import EndedJob, count_active_jobs, list_recently_ended
from shared.jobs.job_outcomes import JobOutcomes, read_outcomes_of
from shared.operations.causes import CauseDict, CauseFilter, list_causes
from shared.operations.history import HistoryPoint, read_history
from shared.operations.lane_names import JOURNAL_LANES, LANE_NAMES, WHOLE_INSTALLATION
from shared.operations.lane_pauses import LanePauseRecord, read_pauses
from shared.operations.overview import OverviewReader
from shared.operations.overview_types import LaneState, Overview
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection, make_pool
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_engine import begin_bounded, make_engine
from shared.platform.db.database_errors import is_unavailable
from shared.platform.db.standby_watch import StandbyWatch
from shared.platform.fair_limiter import FairLimiter
from shared.platform.settings import Settings
from shared.platform.supervised_loop import run_forever
from shared.service_app.app import NOTIFICATION_LISTENER

T = TypeVar("T")

POOL_SIZE = MAX_TURNS * CONNECTIONS_PER_TURN  # connections of the console
STATEMENT_TIMEOUT_SECONDS = 10.0  # seconds
CHANNEL_NAMES_SECONDS = 10.0  # seconds that the names of forms and sources are kept
FIGURES_SECONDS = 2.0  # seconds that the figures of the navigation are kept
NEWS_SECONDS = 60.0  # seconds for which a job that ended is news
CAUSES_SECONDS = 5.0  # seconds that the causes on Now are kept
RECENT_CAUSES = 20  # open causes among which the largest are looked for
TOP_CAUSES = 3
HISTORY_SECONDS = 5.0  # seconds that a history is kept: its points are minutes
WATCHED_SECONDS = 0.9  # seconds that an overview is kept for live pages, which show a new one each second
MAX_EXPENSIVE_LISTS = 2  # lists of leads at once that take long, one of each workspace
LISTS_BUSY_MESSAGE = "Too many large lists are being read just now. Try it again in a moment, or narrow the list."
MAX_TRANSACTION_TRIES = 5  # tries of a transaction under contention

FIND_WORKSPACE_SQL = "SELECT id, slug, name FROM workspaces WHERE slug = %s"


History = tuple[int, list[HistoryPoint]]
WorkspaceCount = Callable[[Connection, int], Awaitable[int]]  # counts something in a workspace


class JobEnd(NamedTuple):
    """A job that has just ended, with what became of its rows so far."""

    job: EndedJob
    outcomes: JobOutcomes


class OverviewRead(Protocol):
    """Reads the overview of a workspace: `read_overview` of the context, or `watch_overview`."""

    def __call__(self, workspace_id: int, *, with_installation: bool = False) -> Awaitable[Overview]: ...


@dataclass(frozen=True)
class NavigationFigures:
    """What every page shows: counts by name, the pauses that concern the workspace, and jobs that have just ended."""

    counts: Mapping[str, int] = field(default_factory=dict)
    pauses: list[LanePauseRecord] = field(default_factory=list)
    ended_jobs: list[JobEnd] = field(default_factory=list)


@dataclass
class ConsoleContext:
    """What the pages need: the database, the spool, templates, sessions."""

    settings: Settings
    engine: AsyncEngine
    standby: StandbyWatch
    spool: Spool
    cipher: Cipher
    renderer: Renderer
    sessions: SessionCache
    passwords: PasswordHashing
    sign_in: SignInService
    files: FileDownloads
    expensive_lists: FairLimiter
    overviews: OverviewReader
    limit_counters: RedisCounters
    navigation_counts: Mapping[str, WorkspaceCount]  # of features, by the name that the navigation uses
    open_pages: OpenPages = field(default_factory=OpenPages)
    turns: ConnectionTurns = field(default_factory=ConnectionTurns)
    recent: RecentReads = field(default_factory=RecentReads)
    repeated_forms: RepeatedForms = field(default_factory=RepeatedForms)
    template_turns: TemplateTurns = field(default_factory=TemplateTurns)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection in autocommit, for reading. Raises Overloaded if the reader has no turn in time."""
        reads = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with self.turns.turn(), reads.connect() as connection:
            yield cast("Connection", (await connection.get_raw_connection()).driver_connection)

    async def writing(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Return the result of `work` in one transaction, which is retried on contention.

        Raises StandbyAway and CommitUnconfirmed if a synchronous standby is away.
        """

        async def write() -> T:
            async with (
                self.standby.change() as change,
                self.turns.turn(),
                begin_bounded(self.engine, change) as connection,
            ):
                return await work(cast("Connection", (await connection.get_raw_connection()).driver_connection))

        return await retry_contended(write, attempts=MAX_TRANSACTION_TRIES)

    async def find_workspace(self, slug: str) -> Membership | None:
        """Return an operator's way into a workspace of which they are no member."""
        async with self.reading() as connection:
            row = await (await connection.execute(FIND_WORKSPACE_SQL, (slug,))).fetchone()
        return Membership(row[0], row[1], row[2], 0, "admin") if row else None

    async def navigation_figures(self, workspace_id: int) -> NavigationFigures:
        """Return the counts beside the pages of the navigation, and the pauses that hold.

        Without the database there are none: the pages show `?`.
        """
        key = "figures", workspace_id
        try:
            return await self.recent.read(key, FIGURES_SECONDS, lambda: self._read_figures(workspace_id))
        except Exception as error:
            if not is_unavailable(error):
                raise
            return NavigationFigures()

    def forget_figures(self, workspace_id: int) -> None:
        """Read the figures again at the next page, after a request that changed them."""
        self.recent.forget(("figures", workspace_id))

    async def read_channel_names(self, workspace_id: int) -> Mapping[str, str]:
        """Return the names of a workspace's forms and sources by channel, at most some seconds old.

        Without the database there are none.
        """

        async def read() -> Mapping[str, str]:
            async with self.reading() as connection:
                return await read_channel_names(connection, workspace_id)

        nothing: Mapping[str, str] = {}
        return await self.recent.read_or_last(("channels", workspace_id), CHANNEL_NAMES_SECONDS, read, nothing)

    async def read_overview(self, workspace_id: int, *, with_installation: bool = False) -> Overview:
        """Return a workspace's overview. An operator sees the installation's lanes in it, with their figures."""
        return await self._join_overviews(self.overviews.read_overview, workspace_id, with_installation)

    async def watch_overview(self, workspace_id: int, *, with_installation: bool = False) -> Overview:
        """Return the same for a live page: one that was read in this second for whoever watched."""

        async def read(owner: int) -> Overview:
            key = "overview", owner
            return await self.recent.read(key, WATCHED_SECONDS, lambda: self.overviews.read_overview(owner))

        return await self._join_overviews(read, workspace_id, with_installation)

    async def read_history(self, workspace_id: int, minutes: int) -> History:
        """Return the step in seconds and the points of a workspace's history, at most some seconds old.

        Without the database there are no points.
        """

        async def read() -> History:
            async with self.reading() as connection:
                return await read_history(connection, workspace_id, minutes, LANE_NAMES)

        return await self.recent.read_or_last(("history", workspace_id, minutes), HISTORY_SECONDS, read, (60, []))

    async def read_top_causes(self, workspace_id: int) -> list[CauseDict] | None:
        """Return the causes of most dead submissions among the open ones that were seen last, at most some seconds old.

        None without the database.
        """

        async def read() -> list[CauseDict] | None:
            which = CauseFilter(kind="submission", state="open")
            async with self.reading() as connection:
                found = await list_causes(connection, workspace_id, which, limit=RECENT_CAUSES)
            return sorted((cause for cause in found if cause["count"]), key=lambda cause: -cause["count"])[:TOP_CAUSES]

        return await self.recent.read_or_last(("causes", workspace_id), CAUSES_SECONDS, read, None)

    async def read_cause_errors(self, workspace_id: int, cause_ids: Sequence[int]) -> CauseErrors:
        """Return what the newest submissions that died of each cause said. Empty without the database."""

        async def read() -> CauseErrors:
            async with self.reading() as connection:
                return await read_newest_errors(connection, workspace_id, "submission", cause_ids)

        key = "cause errors", workspace_id, *cause_ids
        return await self.recent.read_or_last(key, CAUSES_SECONDS, read, {}) if cause_ids else {}

    async def _read_figures(self, workspace_id: int) -> NavigationFigures:
        async with self.reading() as connection:
            ledger_counts = await ledger.read_workspace_ledger(connection, None, workspace_id)
            pauses = await read_pauses(connection, workspace_id)
            jobs = await count_active_jobs(connection, workspace_id)
            counts = {name: await count(connection, workspace_id) for name, count in self.navigation_counts.items()}
            ended = await list_recently_ended(connection, workspace_id, NEWS_SECONDS)
            outcomes = await read_outcomes_of(connection, workspace_id, [job.id for job in ended])
        counts |= {"dead": ledger_counts["dead"], "jobs": jobs}
        return NavigationFigures(counts, pauses, [JobEnd(job, outcomes[job.id]) for job in ended])

    async def _join_overviews(
        self, reader: Callable[[int], Awaitable[Overview]], workspace_id: int, with_installation: bool
    ) -> Overview:
        overview = await reader(workspace_id)
        if not with_installation or not overview.lanes:
            return overview
        whole = await reader(WHOLE_INSTALLATION)
        theirs: dict[str, LaneState] = {lane.name: lane for lane in whole.lanes if lane.name in JOURNAL_LANES}
        return replace(overview, lanes=[theirs.get(str(lane.name), lane) for lane in overview.lanes])


CONSOLE_CONTEXT = web.AppKey("console", ConsoleContext)


def console_lifetime(
    settings: Settings,
    navigation_counts: Mapping[str, WorkspaceCount],
    text_filters: Mapping[str, Callable[..., str]],
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return aiohttp's cleanup context."""

    async def cleanup_context(app: web.Application) -> AsyncIterator[None]:
        engine = make_engine(
            settings.database_url, "leadhub console", size=POOL_SIZE, statement_timeout=STATEMENT_TIMEOUT_SECONDS
        )
        standby = StandbyWatch(settings.database_url, "leadhub console")
        pool = make_pool(settings.database_url, "leadhub sessions", size=2, is_checked=True)
        limits = redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
        spool = redis.from_url(settings.spool_url, socket_timeout=1, socket_connect_timeout=1)
        passwords = PasswordHashing()
        cipher = Cipher.from_settings(settings)
        static_files = app[STATIC_FILES] = StaticFiles()
        console = app[CONSOLE_CONTEXT] = ConsoleContext(
            settings=settings,
            engine=engine,
            standby=standby,
            spool=Spool(spool),
            cipher=cipher,
            renderer=Renderer(static_files, text_filters, DocsPlace(settings.docs_site_url, settings.docs_url)),
            overviews=OverviewReader(lambda: console.reading(), Spool(spool), limits, Path(settings.data_dir)),
            limit_counters=RedisCounters(limits),
            navigation_counts=navigation_counts,
            sessions=SessionCache(settings, pool, app[NOTIFICATION_LISTENER]),
            passwords=passwords,
            sign_in=SignInService(settings, pool, standby, cipher, passwords),
            files=FileDownloads(settings),
            expensive_lists=FairLimiter(MAX_EXPENSIVE_LISTS, 1, LISTS_BUSY_MESSAGE, retry_after=5),
        )
        await pool.open()
        loops = [asyncio.create_task(run_forever(loop)) for loop in app[CONSOLE_CONTEXT].sessions.background_loops]
        yield
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        console.files.close()
        await standby.close()
        await pool.close(timeout=2)
        await engine.dispose()
        await spool.aclose()
        await limits.aclose()

    return cleanup_context
