"""The command `user`, and the link of the first admin, as an operator sees them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from cli.up import create_first_workspace
from shared.auth import account_links
from shared.platform.db.connections import Connection
from shared.platform.installation import PROJECT_ROOT
from shared.platform.settings import Settings
from tests.support.accounts import PASSWORD, opened_door

pytestmark = pytest.mark.integration
LINK = re.compile(r"http://127\.0\.0\.1:8000/console/welcome/[\w-]{43}")
ADA = ("user", "create", "--workspace", "main", "--email", "ada@example.com", "--name", "Ada Lovelace")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def leadhub(tmp_path: Path, database_url: str) -> Run:
    """The launcher, with the test's database: to start one for each command would take most of the time."""

    def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(PROJECT_ROOT / "leadhub"), *arguments, "--data-dir", str(tmp_path)]
        env = {**os.environ, "LEADHUB_DATABASE_URL": database_url}
        return subprocess.run(command, capture_output=True, text=True, check=False, input=stdin, env=env)

    return run


@pytest.mark.extended
async def test_people_from_making_to_signing_in(leadhub: Run, database_url: str) -> None:
    made = leadhub(*ADA, "--role", "manager")
    assert LINK.fullmatch(made.stdout.strip()), made
    assert "the link sets a password, once, within 24 hours" in made.stderr
    weak = leadhub(*ADA, "--role", "admin", "--password-stdin", stdin="ada@example.com\n")
    assert (weak.returncode, "easy to guess" in weak.stderr) == (2, True)
    done = leadhub(*ADA, "--role", "admin", "--operator", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (done.returncode, done.stdout) == (0, "")
    listed = leadhub("user", "list").stdout.splitlines()
    assert listed[1].split() == ["1", "ada@example.com", "Ada", "Lovelace", "yes", "no", "yes", "no", "main:admin"]
    again = leadhub(*ADA, "--role", "agent")
    assert (again.stdout, "can sign in with their password" in again.stderr) == ("", True)
    reset = leadhub("user", "reset", "ADA@example.com")
    token = LINK.fullmatch(reset.stdout.strip())
    assert token
    async with opened_door(database_url) as door:
        await door.sign_in("ada@example.com")
        link = await account_links.read_link(door.connection, token[0].rpartition("/")[2])
        assert link.purpose == "reset"


@pytest.mark.extended
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ADA, "--role", "boss"), "'boss' is not one of"),
        (("user", "create", "--workspace", "none", *ADA[4:], "--role", "agent"), "there is no workspace 'none'"),
        ((*ADA, "--role", "agent", "--email", "nobody"), "valid email address"),
        (("user", "trust", "nobody@example.com"), "there is no account with the email 'nobody@example.com'"),
        (("user", "reset", "nobody@example.com"), "there is no account with the email 'nobody@example.com'"),
    ],
)
def test_a_wrong_use_of_user_says_so(leadhub: Run, arguments: tuple[str, ...], message: str) -> None:
    done = leadhub(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert message in done.stderr


async def test_a_new_database_gets_a_link_for_the_first_admin_once(
    database: Connection, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database_url=database_url, public_url="https://leads.example/")
    assert await create_first_workspace(settings) is None  # there is a workspace
    assert capsys.readouterr().out == ""
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE workspaces CASCADE")
    assert await create_first_workspace(settings)
    said = capsys.readouterr().out
    found = re.search(r"https://leads\.example/console/welcome/([\w-]+)\n", said)
    assert found, said
    async with opened_door(database_url) as door:
        link = await account_links.read_link(door.connection, found[1])
        assert (link.purpose, link.email) == ("first_admin", None)
