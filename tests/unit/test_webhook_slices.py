"""The work of large webhooks: in slices, off the loop, and given up once the client has left."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from services.gateway.webhook_slices import SLICE_SECONDS, WebhookSlices
from shared.platform.errors import ClientLeft

pytestmark = pytest.mark.unit

OURS, THEIRS = 1, 2  # workspaces
STEPS = 20


def _long_steps(taken: list[int]) -> Iterator[None]:
    """Take a slice of time for each step, and note the thread."""
    for _ in range(STEPS):
        time.sleep(SLICE_SECONDS)
        taken.append(threading.get_ident())
        yield


async def test_slices_run_off_the_loop_and_the_loop_runs_between_them() -> None:
    taken: list[int] = []
    seen: set[int] = set()  # numbers of steps that the loop saw done

    async def watch() -> None:
        while len(taken) < STEPS:
            seen.add(len(taken))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await WebhookSlices().run_steps(OURS, _long_steps(taken), lambda: False, starts_on_loop=False)
    await watching
    assert len(taken) == STEPS
    assert threading.get_ident() not in taken
    assert len(seen) > STEPS // 2


async def test_short_work_stays_on_the_loop() -> None:
    taken: list[int] = []
    await WebhookSlices().run_steps(
        OURS, map(taken.append, [threading.get_ident()]), lambda: False, starts_on_loop=True
    )
    assert taken == [threading.get_ident()]


async def test_work_is_given_up_once_the_client_has_left() -> None:
    taken: list[int] = []
    with pytest.raises(ClientLeft):
        await WebhookSlices().run_steps(OURS, _long_steps(taken), lambda: len(taken) >= 3, starts_on_loop=True)
    assert 3 <= len(taken) < STEPS


async def test_one_workspace_s_crowd_takes_turns_with_another() -> None:
    slices, finished = WebhookSlices(), []

    async def work(workspace: int) -> None:
        await slices.run_steps(workspace, _long_steps([]), lambda: False, starts_on_loop=False)
        finished.append(workspace)

    crowd = [asyncio.create_task(work(OURS)) for _ in range(6)]
    await asyncio.gather(*crowd, work(THEIRS))
    assert finished[0] == THEIRS, "it need not wait until the others' crowd is done"
