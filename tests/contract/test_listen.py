"""`leadhub listen`: events arrive at a program on this machine, each in its order, whatever breaks on the way."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from shared.platform.installation import PROJECT_ROOT
from tests.contract.service import Service, ask
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.receivers import Receiver, Request, receiving
from tests.support.waiting import until_async

BATCH_LEADS = 500
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class BreakingLine:
    """A TCP line to the service that can be cut: what runs over it ends, and nobody is let through for a while."""

    def __init__(self, port: int) -> None:
        self._target_port = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self.broken_connections = 0
        self.url = ""

    async def cut(self, seconds: float) -> None:
        """Cut it for so long."""
        self._is_cut = True
        self.broken_connections += len(self._writers) // 2
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(seconds)
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes both ways."""
        if self._is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(self._pass_on(reader, far_writer)),
                    asyncio.create_task(self._pass_on(far_reader, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def breaking_line(service: Service) -> AsyncIterator[BreakingLine]:
    line = BreakingLine(service.stack.port)
    async with await asyncio.start_server(line.serve, "127.0.0.1", 0) as server:
        line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield line
        await line.cut(0)


@contextmanager
def listening(
    tmp_path: Path, workspace: "KeyedWorkspace", *words: str, url: str = ""
) -> Iterator["subprocess.Popen[str]"]:
    """The command, with the workspace's key. It is ended by force if the test did not end it."""
    own = {"PATH": os.environ["PATH"], "LEADHUB_ENV_FILE": os.devnull, "XDG_STATE_HOME": str(tmp_path)}
    env = {**own, "LEADHUB_KEY": workspace.key, "LEADHUB_URL": url or workspace.service.url}
    with (tmp_path / "stdout").open("a") as stdout, (tmp_path / "stderr").open("a") as stderr:
        command = [sys.executable, str(PROJECT_ROOT / "leadhub"), "listen", *words]
        process = subprocess.Popen(command, env=env, stdout=stdout, stderr=stderr, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class KeyedWorkspace:
    """A new workspace with a key that may read events."""

    def __init__(self, workspace: Workspace, key: str) -> None:
        self.workspace, self.key, self.service = workspace, key, workspace.service

    async def add_leads(self, first: int, count: int) -> None:
        """Leads that came in, numbered by their names."""
        path = f"/api/inbound/leads/batch?tenant={self.workspace.slug}"
        for start in range(first, first + count, BATCH_LEADS):
            numbers = range(start, min(start + BATCH_LEADS, first + count))
            leads = [{"email": f"p{n}@example.com", "first_name": str(n)} for n in numbers]
            answer = await ask(self.workspace.client, "POST", path, json=leads)
            assert answer.status in (200, 201, 202, 207), answer.raw


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[KeyedWorkspace]:
    async with new_workspace(service) as workspace:
        made = await workspace.make("/api-keys", {"name": "x", "scopes": ["read:integrations", "read:leads"]})
        yield KeyedWorkspace(workspace, made["key"])


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


async def begun(tmp_path: Path) -> None:
    """Wait until it listens: the cursor is written by then."""
    await until_async(lambda: is_begun(tmp_path), what="a cursor")


async def is_begun(tmp_path: Path) -> bool:
    return any((tmp_path / "leadhub").glob("listen-*.json"))


async def ended(process: "subprocess.Popen[str]", number: int) -> int:
    process.send_signal(number)
    return await asyncio.to_thread(process.wait, 20)


def signature(request: Request, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.raw
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


async def test_events_are_forwarded_signed_and_listening_goes_on_where_it_stopped(
    ours: KeyedWorkspace, receiver: Receiver, tmp_path: Path
) -> None:
    words = ("--forward", f"{receiver.url}/hooks", "--events", "lead.created", "--secret", SECRET)
    with listening(tmp_path, ours, *words) as process:
        await begun(tmp_path)
        await ours.workspace.lead(first_name="Ada", tags=["vip"])
        await until_async(lambda: has_come(receiver, 1))
        assert await ended(process, signal.SIGINT) == 0
    await ours.workspace.lead(first_name="Grace")
    with listening(tmp_path, ours, *words, "--print-json") as process:
        await until_async(lambda: has_come(receiver, 2))
        assert await ended(process, signal.SIGTERM) == 0
    assert [request.body["lead"]["first_name"] for request in receiver.requests] == ["Ada", "Grace"]
    for request in receiver.requests:
        assert (request.path, request.headers["webhook-id"]) == ("/hooks", request.body["id"])
        assert request.headers["webhook-signature"] == signature(request, SECRET)
    shown, said = (tmp_path / "stdout").read_text().splitlines(), (tmp_path / "stderr").read_text()
    assert "lead.created" in shown[0]
    assert "200" in shown[0]
    assert json.loads(shown[1]) == receiver.requests[1].body
    assert f"signing with {SECRET}" in said
    assert "Traceback" not in said


async def test_an_event_in_hand_is_finished_before_it_stops(
    ours: KeyedWorkspace, receiver: Receiver, tmp_path: Path
) -> None:
    words = ("--forward", f"{receiver.url}/hooks", "--events", "lead.created")
    receiver.hold()
    with listening(tmp_path, ours, *words) as process:
        await begun(tmp_path)
        await ours.workspace.lead(first_name="Ada")
        await until_async(lambda: has_come(receiver, 1))
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, 0.5)
        receiver.release()
        assert await asyncio.to_thread(process.wait, 20) == 0
    await ours.workspace.lead(first_name="Grace")
    receiver.hold()
    with listening(tmp_path, ours, *words) as process:
        await until_async(lambda: has_come(receiver, 2))
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.5)
        assert await ended(process, signal.SIGINT) == 0  # the second one does not wait
    receiver.release()
    assert [request.body["lead"]["first_name"] for request in receiver.requests] == ["Ada", "Grace"]


async def has_come(receiver: Receiver, count: int) -> bool:
    return len(receiver.requests) >= count


async def test_key_that_may_not_read_events_is_told_so(ours: KeyedWorkspace, tmp_path: Path) -> None:
    for scopes, text in ((["read:tags"], "read:leads"), ([], "API key")):
        key = (await ours.workspace.make("/api-keys", {"name": "y", "scopes": scopes}))["key"] if scopes else "lh_x"
        with listening(tmp_path, KeyedWorkspace(ours.workspace, key)) as process:
            assert await asyncio.to_thread(process.wait, 60) == 1
        assert text in (tmp_path / "stderr").read_text()


async def recorded_ids(workspace: Workspace) -> list[str]:
    """The ids of all leads' creations, in the order of the feed."""
    ids: list[str] = []
    query = {"types": "lead.created"}
    while True:
        answer = await ask(workspace.client, "GET", "/api/v1/events", params=query)
        if not answer.body["data"]:
            return ids
        ids += [body["id"] for body in answer.body["data"]]
        query["after"] = answer.body["meta"]["next_cursor"]


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.extended)])
async def test_events_come_in_order_through_three_disconnects(
    service: Service, ours: KeyedWorkspace, receiver: Receiver, tmp_path: Path, count: int
) -> None:
    async with breaking_line(service) as line:
        with listening(tmp_path, ours, "--forward", receiver.url, "--events", "lead.created", url=line.url) as process:
            await begun(tmp_path)
            for part in range(4):
                await ours.add_leads(part * count // 4, count // 4)
                if part < 3:
                    await until_async(lambda part=part: has_come(receiver, part * count // 4 + 10), 600)  # type: ignore[misc]
                    await line.cut(0.7)
            await until_async(lambda: has_come(receiver, count), 300, "all events")
            assert await ended(process, signal.SIGINT) == 0
    recorded = await recorded_ids(ours.workspace)
    assert [request.headers["webhook-id"] for request in receiver.requests] == recorded
    assert len(set(recorded)) == count
    assert {int(request.body["lead"]["first_name"]) for request in receiver.requests} == set(range(count))
    assert line.broken_connections >= 3


async def test_cursor_file_that_cannot_be_written_is_told_at_once(ours: KeyedWorkspace, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    for path in ("/proc/leadhub/cursor.json", f"{tmp_path}/a-file/cursor.json", "x" * 300):
        with listening(tmp_path, ours, "--cursor-file", path) as process:
            assert await asyncio.to_thread(process.wait, 60) == 1
        told = (tmp_path / "stderr").read_text()
        assert "Name a file that you may write" in told, told
        assert "--cursor-file" in told
        assert "Traceback" not in told
