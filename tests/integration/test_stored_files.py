"""The life of files: their rows come with the submission, they move to S3, and go when nobody has them."""

import asyncio
import json
import os
import secrets
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio as redis

from services.workers.stored_files.file_cleanup import remove_forgotten_files, remove_orphaned_contents
from services.workers.stored_files.file_keeper import FileKeeper
from services.workers.stored_files.file_mover import FileMover
from shared.files.file_store import INCOMING_FOLDER, FileStore, FileTooLarge, StoredContent
from shared.files.s3_bucket import BucketUnusable, S3Bucket
from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection
from shared.platform.errors import ServiceUnavailable
from shared.platform.ids import now_ms, uuid7
from shared.platform.settings import Settings
from tests.support.file_buckets import BucketServer, in_pieces, serving_bucket
from tests.support.ingesting import accept, drain, workspace_id
from tests.support.spooling import spooling
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

DAY = 86_400.0
MEGABYTE = 1 << 20


@dataclass
class Files:
    """A store, and submissions that bring files into it."""

    store: FileStore
    spool: Spool
    database: Connection
    url: str

    async def put(self, content: bytes) -> StoredContent:
        return await self.store.put(in_pieces(content), 10 * MEGABYTE)

    async def item(self, *contents: StoredContent, **lead: Any) -> JournalItem:
        """A submission of a form with these files, as the gateway makes it."""
        workspace, at = await workspace_id(self.database), now_ms()
        files = [
            {"id": str(uuid.uuid4()), "digest": one.digest, "name": "cv.pdf", "size": one.size, "type": one.type}
            for one in contents
        ]
        form = {"id": 7, "values": {}, "policy": None, "files": [{**file, "key": "cv"} for file in files]}
        body = json.dumps({"first_name": "Ada", **lead, "_form": form}, separators=(",", ":")).encode()
        return JournalItem(uuid7(at), at, workspace, "form:7", None, body)

    async def submit(self, *contents: StoredContent) -> JournalItem:
        item = await self.item(*contents)
        await accept(self.database, [item])
        await drain(self.url)
        return item

    async def rows(self) -> list[tuple[str, str]]:
        found = await self.database.execute("SELECT encode(digest, 'hex'), storage FROM files ORDER BY created_at, id")
        return [(row[0], row[1]) for row in await found.fetchall()]

    async def forget(self, item: JournalItem) -> None:
        """As when its week is dropped."""
        await self.database.execute("DELETE FROM submissions WHERE id = %s", (item.id,))

    def age(self, content: StoredContent, seconds: float = 2 * DAY) -> None:
        """Have a content posted so long ago."""
        path = self.store.path_of(content.digest)
        at = path.stat().st_mtime - seconds
        os.utime(path, (at, at))

    def holds(self, content: StoredContent) -> bool:
        return self.store.path_of(content.digest).exists()

    async def clean(self, bucket: S3Bucket | None = None) -> tuple[int, int]:
        forgotten = await remove_forgotten_files(self.database, bucket)
        orphans = await remove_orphaned_contents(self.database, self.store, self.spool, is_moving=bucket is not None)
        return forgotten, orphans


@pytest_asyncio.fixture
async def files(database_url: str, database: Connection, tmp_path: Path) -> AsyncIterator[Files]:
    (tmp_path / "spool").mkdir()
    with spooling(tmp_path / "spool") as url:
        async with redis.Redis.from_url(url) as client:
            yield Files(FileStore(tmp_path / "files"), Spool(client), database, database_url)


@pytest.fixture
def server() -> Iterator[BucketServer]:
    with serving_bucket() as found:
        yield found


def bucket_of(server: BucketServer, prefix: str = "/visitors") -> S3Bucket:
    return S3Bucket(f"s3://{server.bucket}{prefix}", server.url)


def pdf(size: int = 5000) -> bytes:
    return b"%PDF-1.7\n" + secrets.token_bytes(size)


async def test_a_content_is_kept_once_and_within_its_limit(files: Files) -> None:
    content = pdf(MEGABYTE)
    first, second = await files.put(content), await files.put(content)
    assert (first.size, first.type, first.digest) == (len(content), "application/pdf", second.digest)
    assert files.store.path_of(first.digest).read_bytes() == content
    assert (await files.store.put(in_pieces(content), len(content))).digest == first.digest
    with pytest.raises(FileTooLarge):
        await files.store.put(in_pieces(content), len(content) - 1)
    empty = await files.put(b"")
    assert (empty.size, empty.type) == (0, "application/octet-stream")
    await until_async(lambda: asyncio.sleep(0, not list((files.store.root / "incoming").iterdir())))


async def test_a_refused_content_goes_unless_another_post_brought_it(files: Files) -> None:
    alone, shared = await files.put(pdf()), pdf()
    await files.store.discard(alone)
    assert not files.holds(alone)
    first, second = await files.put(shared), await files.put(shared)
    await files.store.discard(first)
    await files.store.discard(second)
    assert files.holds(first)


async def test_a_store_that_cannot_write_says_so(files: Files, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(ServiceUnavailable):
        await FileStore(tmp_path / "a file").put(in_pieces(pdf()), MEGABYTE)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    place = tmp_path / "small"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this user mounts no file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


async def test_a_full_disk_is_named_and_leaves_no_rest(small_disk: Path) -> None:
    store = FileStore(small_disk / "files")
    with pytest.raises(ServiceUnavailable, match="no room"):
        await store.put(in_pieces(pdf(2 * MEGABYTE)), 10 * MEGABYTE)
    rests = small_disk / "files" / INCOMING_FOLDER
    await until_async(lambda: not any(rests.iterdir()), what="the removal of the rest")
    kept = await store.put(in_pieces(pdf(500_000)), MEGABYTE)  # the room is free again
    assert store.path_of(kept.digest).stat().st_size == kept.size


async def test_rows_come_with_done_and_dead_submissions(files: Files) -> None:
    one, two = await files.put(pdf()), await files.put(pdf())
    item = await files.submit(one, two)
    assert await files.rows() == [(one.digest, "disk"), (two.digest, "disk")]
    found = await files.database.execute("SELECT submission_id, form_id, field_key, name, size, type FROM files")
    assert {row[:5] for row in await found.fetchall()} == {(uuid.UUID(item.id), 7, "cv", "cv.pdf", one.size)}
    await files.database.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.company = 'Bad') EXECUTE FUNCTION refuse()
    """)
    three = await files.put(pdf())
    await accept(files.database, [await files.item(three, company="Bad")])
    while not (await (await files.database.execute("SELECT 1 FROM submissions WHERE state = 'dead'")).fetchall()):
        await files.database.execute("UPDATE journal SET due_at = now()")
        await drain(files.url)
    assert len(await files.rows()) == 3


async def test_files_go_when_their_submission_is_gone(files: Files) -> None:
    mine, shared = await files.put(pdf()), await files.put(pdf())
    first, second = await files.submit(mine, shared), await files.submit(shared)
    for content in (mine, shared):
        files.age(content)
    assert await files.clean() == (0, 0)
    await files.forget(first)
    assert await files.clean() == (2, 1)
    assert (files.holds(mine), files.holds(shared)) == (False, True)
    await files.forget(second)
    assert await files.clean() == (1, 1)
    assert not files.holds(shared)


async def test_a_content_without_a_file_goes_after_a_day(files: Files) -> None:
    old, fresh, waiting, spooled = [await files.put(pdf()) for _ in range(4)]
    await accept(files.database, [await files.item(waiting)])
    row = NewJournalRow.from_items(Lane.PROMPT, [await files.item(spooled)], "nobody")
    await files.spool.append_row(row)
    for content in (old, waiting, spooled):
        files.age(content)
    rest = files.store.root / "incoming" / "rest"
    rest.touch()
    os.utime(rest, (0, 0))
    assert await files.clean() == (0, 1)
    assert [files.holds(one) for one in (old, fresh, waiting, spooled)] == [False, True, True, True]
    assert not rest.exists()
    await drain(files.url)
    assert await files.clean() == (0, 0)


async def test_a_submission_that_is_replayed_keeps_its_files(files: Files) -> None:
    content = await files.put(pdf())
    item = await files.submit(content)
    files.age(content)
    async with files.database.transaction():  # as a replay does
        await files.forget(item)
        await accept(files.database, [item])
    assert await files.clean() == (0, 0)
    await drain(files.url)
    assert await files.clean() == (0, 0)
    assert len(await files.rows()) == 1


async def test_files_move_to_the_bucket(files: Files, server: BucketServer) -> None:
    content, waiting = pdf(3 * MEGABYTE), pdf()
    one, two = await files.put(content), await files.put(waiting)
    await files.submit(one)
    await files.submit(one, two)
    await accept(files.database, [await files.item(two)])
    mover = FileMover(files.store, bucket := bucket_of(server), files.spool)
    assert await mover.move_chunk(files.database) == 2
    assert {storage for _, storage in await files.rows()} == {"s3"}
    assert sorted(server.keys()) == sorted(bucket.key_of(stored.digest) for stored in (one, two))
    assert server.content(bucket.key_of(one.digest)) == content
    assert bucket.key_of(one.digest).startswith(f"visitors/{one.digest[:2]}/")
    # What a waiting submission has too stays until that is ingested.
    assert (files.holds(one), files.holds(two)) == (False, True)
    assert await mover.move_chunk(files.database) == 0
    await drain(files.url)
    assert await mover.move_chunk(files.database) == 1
    assert not files.holds(two)
    pieces = [piece async for piece in await bucket.read_chunks(one.digest)]
    assert b"".join(pieces) == content
    with pytest.raises(FileNotFoundError):
        await bucket.read_chunks("0" * 64)


async def test_objects_go_with_the_last_file(files: Files, server: BucketServer) -> None:
    content, bucket = await files.put(pdf()), bucket_of(server, "")
    first, second = await files.submit(content), await files.submit(content)
    await FileMover(files.store, bucket, files.spool).move_chunk(files.database)
    await files.forget(first)
    assert await files.clean(bucket) == (1, 0)
    assert server.keys() == [bucket.key_of(content.digest)]
    await files.forget(second)
    assert await files.clean() == (0, 0)  # without the setting nothing is forgotten that lies in the bucket
    assert await files.clean(bucket) == (1, 0)
    assert server.keys() == []


async def test_a_file_that_moved_needs_no_disk(files: Files, server: BucketServer) -> None:
    content, bucket = await files.put(sent := pdf()), bucket_of(server)
    await files.submit(content)
    await FileMover(files.store, bucket, files.spool).move_chunk(files.database)
    again = await files.put(sent)  # as if it had not been removed
    files.age(again)
    assert await files.clean(bucket) == (0, 1)
    assert await files.clean(bucket) == (0, 0)


async def test_a_bucket_that_is_away_loses_nothing(files: Files, server: BucketServer) -> None:
    content = await files.put(pdf())
    await files.submit(content)
    lost = S3Bucket("s3://no-such-bucket/x", server.url)
    with pytest.raises(BucketUnusable):
        await FileMover(files.store, lost, files.spool).move_chunk(files.database)
    assert (await files.rows(), files.holds(content)) == ([(content.digest, "disk")], True)


@pytest.mark.extended
async def test_the_keeper_moves_files_once_the_bucket_is_there(files: Files, server: BucketServer) -> None:
    content = await files.put(pdf())
    await files.submit(content)
    stopping = asyncio.Event()
    settings = Settings(
        files_dir=str(files.store.root),
        files_url="s3://made-later/x",
        files_endpoint=server.url,
        data_dir=Path("/none"),
    )
    keeper = FileKeeper(settings, files.spool, stopping)
    running = asyncio.create_task(keeper.run(files.database))
    await until_async(lambda: keeper.failures > 0)
    server.client.create_bucket(Bucket="made-later")
    await until_async(lambda: asyncio.sleep(0.05, not files.holds(content)))
    stopping.set()
    await running
    assert await files.rows() == [(content.digest, "s3")]
