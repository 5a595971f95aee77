"""`leadhub api get` and its like: the REST API from a shell, of any installation."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from shared.platform.installation import PROJECT_ROOT
from tests.contract.service import Service
from tests.contract.workspaces import Workspace, new_workspace


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


class Shell:
    """Runs calls with a key."""

    def __init__(self, url: str, key: str) -> None:
        own = {"PATH": os.environ["PATH"], "LEADHUB_ENV_FILE": os.devnull}
        self._env = {**own, "LEADHUB_URL": url, "LEADHUB_KEY": key}

    def call(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(PROJECT_ROOT / "leadhub"), "api", *words]
        return subprocess.run(command, env=self._env, input=stdin, capture_output=True, text=True, check=False)

    def answer(self, *words: str, stdin: str = "") -> Any:
        done = self.call(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest_asyncio.fixture
async def shell(service: Service, ours: Workspace) -> Shell:
    return Shell(service.url, (await ours.make("/api-keys", {"name": "x", "scopes": ["*"]}))["key"])


async def test_records_are_made_read_changed_and_deleted(shell: Shell) -> None:
    made = shell.answer("post", "leads", "first_name=Zoë", "starred:=true", 'custom_fields:={"budget": 10}')["data"]
    assert (made["first_name"], made["starred"], made["custom_fields"]) == ("Zoë", True, {"budget": 10})
    path = f"leads/{made['id']}"
    assert shell.answer("patch", path, "--data", "@-", stdin='{"status": "qualified"}')["data"]["status"] == "qualified"
    shown = shell.call("get", f"/api/v1/{path}").stdout
    assert shown.startswith('{\n  "data": {\n')
    assert "Zoë" in shown
    assert [lead["id"] for lead in shell.answer("get", "leads", "status=qualified")["data"]] == [made["id"]]
    done = shell.call("delete", path)
    assert (done.returncode, done.stdout) == (0, "")


async def test_exit_status_follows_the_answer(service: Service, shell: Shell) -> None:
    for words, text in (
        (("get", "leads/1"), "NOT_FOUND"),
        (("post", "leads", "email=x"), "VALIDATION_FAILED"),
        (("get", "nothing"), "NOT_FOUND"),
    ):
        done = shell.call(*words)
        assert (done.returncode, done.stdout, json.loads(done.stderr)["code"]) == (4, "", text)
    assert json.loads(Shell(service.url, "lh_x").call("get", "me").stderr)["code"] == "UNAUTHORIZED"
    nobody = Shell("http://127.0.0.1:1", "lh_x").call("get", "me")
    assert (nobody.returncode, nobody.stderr.count("Traceback")) == (1, 0)
    assert "does not answer" in nobody.stderr


async def test_all_follows_the_cursor_to_the_end(ours: Workspace, shell: Shell) -> None:
    assert shell.answer("get", "leads", "--all") == []
    made = {(await ours.make("/tags", {"name": f"tag {n}"}))["id"] for n in range(120)}
    assert {tag["id"] for tag in shell.answer("get", "tags", "--all")} == made
    assert shell.answer("get", "events", "--all") == []
    assert shell.call("get", "me", "--all").returncode == 4  # it is no list
