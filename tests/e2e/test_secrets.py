"""Secrets are where they belong and nowhere else, and their key changes under the running service."""

import asyncio
import base64
import json
import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from psycopg import sql
from pydantic import SecretStr

from shared.platform.crypto.encryption import Cipher, DecryptionError, TransactionCipher, split_keys
from shared.platform.data_dir import ENCRYPTION_KEY_NAME, DataDir
from shared.platform.settings import Settings
from tests.support.processes import descendants
from tests.support.stack import Stack

pytestmark = pytest.mark.e2e

MARKER = "mail.of-the-secrets.example"
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
SEALED = "SELECT credentials FROM integrations UNION ALL SELECT secret FROM webhook_subscriptions"


def spellings(secret: str) -> Iterator[bytes]:
    """How a secret could stand in a text: plain, as PostgreSQL writes bytes, and in base64 at any offset."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        yield encoded[offset and offset + 1 : len(encoded) // 4 * 4 - 4]


def dumped(stack: Stack) -> bytes:
    """All that the database holds, as a dump writes it."""
    found = bytearray()
    with stack.database() as database, database.cursor() as cursor:
        for (table,) in database.execute(TABLES).fetchall():
            with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
                for block in copy:
                    found += block
    return bytes(found)


def logged(stack: Stack) -> bytes:
    """All that its services and itself wrote; the key that `up` prints once for its user is another one."""
    files = [*stack.folder.glob("logs/*"), stack.folder.with_name(f"{stack.folder.name}.log")]
    return b"".join(file.read_bytes() for file in files)


def command_lines(stack: Stack) -> bytes:
    return b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in descendants(stack.pid))


class Told(NamedTuple):
    """`secrets`: what was said in requests, good and bad, and what was shown once. `tokens`: parts of addresses that
    answers show. `answers`: all others."""

    secrets: list[str]
    tokens: list[str]
    answers: str


async def tell(session: aiohttp.ClientSession) -> Told:
    """Gives secrets to every noun that takes some, and reads them all."""
    given = [f"given-{secrets.token_hex(16)}" for _ in range(6)]
    smtp = {"host": MARKER, "port": 25, "from": "a@example.com", "password": given[0]}
    steps = [{"action": {"type": "send_webhook", "url": "https://example.com/x", "secret": given[1]}}]
    answers = [
        await answer(session, "POST", "integrations", {"type": "smtp", "name": "A", "credentials": smtp}),
        await answer(session, "POST", "integrations", {"type": "smtp", "credentials": {**smtp, "port": given[2]}}),
        await answer(session, "POST", "integrations", {"type": "telegram", "credentials": {"secret_token": given[3]}}),
        await answer(session, "POST", "integrations", given[4]),
        await answer(session, "POST", "automations", {"name": "A", "trigger": {"type": "manual"}, "steps": steps}),
    ]
    telegram = {"type": "telegram", "name": "A", "credentials": {"secret_token": given[5]}}
    address = json.loads(await answer(session, "POST", "integrations", telegram))["data"]["webhook_url"]
    hook = {"url": "https://example.com/hook", "events": ["form.submitted"], "is_active": False}
    shown = json.loads(await answer(session, "POST", "webhooks", hook))["data"]["secret"]
    answers += [await answer(session, "GET", path) for path in ("integrations", "webhooks", "automations")]
    return Told([*given, shown], [address.rpartition("/")[2]], "".join(answers))


async def answer(session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> str:
    async with session.request(method, f"/api/v1/{path}", json=body) as response:
        return await response.text()


async def test_no_secret_stands_in_the_database_in_answers_in_logs_or_in_command_lines(stack: Stack) -> None:
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:
        told = await tell(session)
    keys = split_keys(DataDir(stack.folder).get_or_create_secret(ENCRYPTION_KEY_NAME))
    hidden = {"database": dumped(stack), "logs": logged(stack), "command lines": command_lines(stack)}
    assert MARKER.encode() in told.answers.encode()
    for secret in [*told.secrets, *keys, stack.key]:
        assert secret not in told.answers
    for secret in [*told.secrets, *told.tokens, *keys, stack.key]:
        for name, content in hidden.items():
            assert not any(spelling in content for spelling in spellings(secret)), name


def test_a_secret_would_be_found_however_it_were_spelled(stack: Stack) -> None:
    plain = f"planted-{secrets.token_hex(16)}"
    for text in (plain, base64.b64encode(f"x{plain}y".encode()).decode()):
        with stack.database() as database:
            row = ("planted", text, text.encode())
            database.execute("CREATE TABLE planted (name text, value text, raw bytea)")
            try:
                database.execute("INSERT INTO planted VALUES (%s, %s, %s)", row)
                assert any(spelling in dumped(stack) for spelling in spellings(plain))
            finally:
                database.execute("DROP TABLE planted")


async def test_the_key_changes_while_everything_goes_on(stack: Stack) -> None:
    home = DataDir(stack.folder)
    before = home.get_or_create_secret(ENCRYPTION_KEY_NAME)
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:
        rotation = asyncio.create_task(asyncio.to_thread(stack.run, "secrets", "rotate"))
        written = [await write(session, number) for number in written_until(rotation)]
        assert int((await rotation).stdout) >= 0
        assert len(written) > 5
        assert_all_under(stack, home.get_or_create_secret(ENCRYPTION_KEY_NAME), before)
        assert [await shown(session, id_) for id_ in written] == [f"********{n:04}" for n in range(len(written))]

        interrupted = f"{secrets.token_urlsafe(32)},{home.get_or_create_secret(ENCRYPTION_KEY_NAME)}"
        home.replace_secret(ENCRYPTION_KEY_NAME, interrupted)
        written = [await write(session, number) for number in range(3)]
        said = await asyncio.to_thread(stack.run, "secrets", "rotate")
        assert "cut short" in said.stderr
        assert int(said.stdout) >= len(written)
        new, old = split_keys(interrupted)
        assert home.get_or_create_secret(ENCRYPTION_KEY_NAME) == new
        assert_all_under(stack, new, old)
        assert [await shown(session, id_) for id_ in written] == ["********0000", "********0001", "********0002"]


def written_until(task: asyncio.Task[Any]) -> Iterator[int]:
    """0, 1, 2, … for as long as the task goes on."""
    for number in count():
        if task.done():
            return
        yield number


async def write(session: aiohttp.ClientSession, number: int) -> int:
    """An integration whose secret ends so, made and changed."""
    body = {"type": "telegram", "name": "x", "credentials": {"secret_token": "the first of its secrets"}}
    async with session.post("/api/v1/integrations", json=body) as response:
        id_: int = (await response.json())["data"]["id"]
    change = {"credentials": {"secret_token": f"the second secret {number:04}"}}
    async with session.patch(f"/api/v1/integrations/{id_}", json=change) as response:
        assert response.status == 200
    await asyncio.sleep(0.02)  # a pace, so that the other side gets on
    return id_


async def shown(session: aiohttp.ClientSession, id_: int) -> str:
    async with session.get(f"/api/v1/integrations/{id_}") as response:
        found: str = (await response.json())["data"]["credentials"]["secret_token"]
    return found


def assert_all_under(stack: Stack, key: str, old: str) -> None:
    """Everything is encrypted under that key, and under no other."""
    assert "," not in key
    assert key != old
    with stack.database() as database:
        sealed = [row[0] for row in database.execute(SEALED).fetchall()]
    assert sealed
    for data in sealed:
        Cipher(lambda: key).decrypt(data)
        with pytest.raises(DecryptionError):
            Cipher(lambda: old).decrypt(data)


@pytest.mark.extended
def test_own_key_is_rotated_by_prepending_a_new_one(tmp_path: Path) -> None:
    old, new = "the-key-of-the-operator", "the-next-key-of-the-operator"
    stack = Stack(tmp_path / "data", env={"LEADHUB_SECRET_KEY": old})
    stack.run("migrate")
    refused = stack.run("secrets", "rotate", check=False)
    assert (refused.returncode, "holds one key" in refused.stderr) == (2, True)
    assert old not in refused.stderr
    short = Stack(tmp_path / "data", env={"LEADHUB_SECRET_KEY": "too-short"}).run("workspace", "list", check=False)
    assert (short.returncode, "at least 16 characters" in short.stderr, "too-short" in short.stderr) == (2, True, False)
    both = Stack(tmp_path / "data", env={"LEADHUB_SECRET_KEY": f"{new},{old}"}).run("secrets", "rotate")
    assert (both.stdout, "first key" in both.stderr) == ("0\n", True)
    assert not (tmp_path / "data" / "secrets" / ENCRYPTION_KEY_NAME).exists()


@pytest.mark.extended
def test_a_backup_brings_its_key_along(tmp_path: Path) -> None:
    first, second = Stack(tmp_path / "one"), Stack(tmp_path / "two")
    first.run("workspace", "create", "main", "--name", "Main")
    settings = Settings(data_dir=first.folder, secret_key=SecretStr(""))
    sealed = TransactionCipher.from_settings(settings).encrypt("secret")
    first.run("backup", str(tmp_path / "saved.tar"))
    second.run("restore", str(tmp_path / "saved.tar"))
    restored = Cipher.from_settings(Settings(data_dir=second.folder, secret_key=SecretStr("")))
    assert restored.decrypt(sealed) == "secret"
