"""The sweeper's watch over the installation: it checks the conditions, notes alarms in a table, and sends messages.

It goes on while PostgreSQL is away: what it could not note then, it notes later.
"""

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from services.workers.alarms.alarm_rules import (
    ALARM_RULES,
    AlarmChange,
    AlarmRule,
    AlarmTracker,
    GrowthWindow,
    InstallationState,
)
from services.workers.alarms.notifier import AlarmMessage, AlarmNotifier, is_sent
from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.operations.alarm_thresholds import CLEAR_AFTER_SECONDS
from shared.operations.alarms import note_cleared, note_raised, read_ringing_alarms
from shared.operations.settings_mismatch import find_mismatches
from shared.platform.db.connections import Connection, connect, with_deadline
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import (
    ALARMS_CHECKED_AT,
    DATA_DIR_USED_RATIO,
    DIFFERING_SETTINGS,
    DUE_DELIVERIES,
    POSTGRESQL_UP,
    WAITING_EVENTS,
)
from shared.platform.settings import Settings

log = logging.get_logger()

CHECK_INTERVAL_SECONDS = 15.0
DATABASE_ANSWER_SECONDS = 5.0  # seconds in which PostgreSQL has to answer
UNSENT_KEPT_SECONDS = 3600.0  # seconds for which a message that was not taken is sent again at every check

# Both are counted up to 10,000 only. The index alone is read, since `deliveries` also holds those of three months.
BACKLOG_SQL = """
SELECT (SELECT count(*) FROM (SELECT FROM events LIMIT 10000) waiting),
       (SELECT count(*) FROM (SELECT FROM deliveries WHERE state = 'pending' AND due_at <= now() LIMIT 10000) due)
"""
USE_INDEXES_SQL = "SET LOCAL enable_seqscan = off"


@dataclass(slots=True)
class UnsentMessage:
    """A message that a target has not taken yet."""

    target: str
    message: AlarmMessage
    code: str
    made_at: float


@dataclass(frozen=True, slots=True)
class UnsavedChange:
    """A change that happened while PostgreSQL was away."""

    change: AlarmChange
    happened_at: float


class AlarmWatcher:
    """Checks the conditions at intervals. Several watchers may run: one alone raises each alarm and sends messages."""

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        stopping: asyncio.Event,
        *,
        rules: Sequence[AlarmRule] = ALARM_RULES,
        interval_seconds: float = CHECK_INTERVAL_SECONDS,
        clear_after_seconds: float = CLEAR_AFTER_SECONDS,
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._stopping = stopping
        self._interval_seconds = interval_seconds
        self._tracker = AlarmTracker(rules, clear_after_seconds)
        self._dead = GrowthWindow()
        self._notifier = AlarmNotifier(settings)
        self._has_adopted = False
        self._unsaved: list[UnsavedChange] = []
        self._unsent: list[UnsentMessage] = []
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    async def run(self) -> None:
        """Check until the sweeper stops."""
        while not self._stopping.is_set():
            try:
                await self._check_once()
            except Exception:
                log.exception("alarms.failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._interval_seconds)

    async def _check_once(self) -> None:
        state = await self._read_state()
        now = self._now()
        for change in self._tracker.observe(state, now):
            await self._apply_change(UnsavedChange(change, now), can_save=state.is_postgresql_up)
        if state.is_postgresql_up and self._unsaved:
            await self._save_later_changes()
        await self._send_messages()
        ALARMS_CHECKED_AT.set_to_current_time()

    async def _read_state(self) -> InstallationState:
        disk_used_ratio = await asyncio.to_thread(read_disk_used_ratio, self._settings.data_dir)
        if disk_used_ratio is not None:
            DATA_DIR_USED_RATIO.set(disk_used_ratio)
        try:
            state = await with_deadline(DATABASE_ANSWER_SECONDS, self._read_database())
        except Exception as error:
            if not is_unavailable(error):
                raise
            POSTGRESQL_UP.set(0)
            spooled = await self._count_spooled()
            return InstallationState(is_postgresql_up=False, spooled=spooled, disk_used_ratio=disk_used_ratio)
        POSTGRESQL_UP.set(1)
        return InstallationState(
            is_postgresql_up=True,
            unaccounted=ledger.count_unaccounted(state),
            oldest_waiting_seconds=state["oldest_waiting_s"],
            workers=state["workers"],
            dead_growth=self._dead.measure_growth(state["dead"], self._now()),
            spooled=state["spooled"] if state["is_spool_up"] else None,
            disk_used_ratio=disk_used_ratio,
            differing_settings=state["differing"],
        )

    async def _read_database(self) -> dict[str, Any]:
        async with connect(self._settings.database_url, "leadhub sweeper") as connection:
            if not self._has_adopted:
                self._tracker.adopt_ringing(one.code for one in await read_ringing_alarms(connection))
                self._has_adopted = True
            await _update_backlog_gauges(connection)
            differing = len(await find_mismatches(connection))
            DIFFERING_SETTINGS.set(differing)
            try:
                state = {**await ledger.read_ledger(connection, self._spool), "is_spool_up": True}
            except redis.RedisError:
                state = {**await ledger.read_ledger(connection, None), "is_spool_up": False}
            return {**state, "differing": differing}

    async def _count_spooled(self) -> int | None:
        try:
            return await self._spool.count_submissions()
        except (redis.RedisError, OSError):
            return None

    async def _apply_change(self, unsaved: UnsavedChange, *, can_save: bool) -> None:
        """Note a change and queue its messages. While PostgreSQL is away the messages go out and are noted later."""
        try:
            is_first = await with_deadline(DATABASE_ANSWER_SECONDS, self._save(unsaved)) if can_save else True
        except Exception as error:
            if not is_unavailable(error):
                raise
            can_save, is_first = False, True
        if not can_save:
            self._unsaved.append(unsaved)
        if is_first:
            self._queue_messages(unsaved.change)

    async def _save_later_changes(self) -> None:
        try:
            while self._unsaved:
                await with_deadline(DATABASE_ANSWER_SECONDS, self._save(self._unsaved[0]))
                del self._unsaved[0]
        except Exception as error:
            if not is_unavailable(error):
                raise

    async def _save(self, unsaved: UnsavedChange) -> bool:
        """Note a change and return whether no other sweeper has noted it before."""
        change, seconds_ago = unsaved.change, self._now() - unsaved.happened_at
        async with connect(self._settings.database_url, "leadhub sweeper") as connection:
            if change.is_raised:
                return await note_raised(connection, change.rule.code, seconds_ago, {"value": change.value})
            return await note_cleared(connection, change.rule.code, seconds_ago)

    def _queue_messages(self, change: AlarmChange) -> None:
        log.warning("alarm.raised" if change.is_raised else "alarm.cleared", alarm=change.rule.code, n=change.value)
        message = self._notifier.make_message(change)
        for target in self._notifier.targets:
            self._unsent.append(UnsentMessage(target, message, change.rule.code, self._now()))

    async def _send_messages(self) -> None:
        """Send what is unsent, all targets at once. A server that takes nothing delays no other target's message."""
        sent = await asyncio.gather(*(self._send_message(one) for one in self._unsent))
        self._unsent = [one for one, is_done in zip(self._unsent, sent, strict=True) if not is_done]

    async def _send_message(self, unsent: UnsentMessage) -> bool:
        """Send a message and return whether it is done with: taken, or too old to be sent again."""
        result = await self._notifier.send(unsent.target, unsent.message)
        if is_sent(result):
            return True
        log.warning("alarm.unsent", alarm=unsent.code, status=result.status, error=result.error)
        return result.hopeless or self._now() - unsent.made_at > UNSENT_KEPT_SECONDS


async def _update_backlog_gauges(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute(USE_INDEXES_SQL)
        row = await (await connection.execute(BACKLOG_SQL)).fetchone()
    if row:
        WAITING_EVENTS.set(row[0])
        DUE_DELIVERIES.set(row[1])


def read_disk_used_ratio(folder: Path) -> float | None:
    """Return the used part of the folder's disk, of what its users may fill, as `df` does. None if it is unknown."""
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return None
    return disk.used / (disk.used + disk.free) if disk.used + disk.free else None
