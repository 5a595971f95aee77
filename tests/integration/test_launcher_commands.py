"""The commands that need a database only, run as an operator runs them."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from cli.main import COMMAND_MODULES, command_line
from embedded.servers import ensure_servers
from shared import __version__
from shared.auth.key_format import is_well_formed
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings
from tests.support.tiers import first_in_tier

pytestmark = pytest.mark.integration
LAUNCHER = Path(__file__).resolve().parents[2] / "leadhub"
COMMAND_SECONDS = 120
UNKNOWN = "0199d3f4-6a70-7cc3-98c4-dc0c0c07398f"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    assert leadhub(folder, "migrate").returncode == 0
    return folder


def leadhub(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(LAUNCHER), *arguments, "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)


@pytest.mark.extended
def test_workspaces_and_keys_from_making_to_revoking(data_dir: Path) -> None:
    made = leadhub(data_dir, "workspace", "create", "acme", "--name", "Acme", "--country", "de")
    assert (made.returncode, made.stdout) == (0, "1\n")
    again = leadhub(data_dir, "workspace", "create", "acme", "--name", "Acme")
    assert again.returncode == 2
    assert "there is a workspace 'acme' already" in again.stderr
    assert leadhub(data_dir, "workspace", "list").stdout.splitlines()[1].split() == [
        "1",
        "acme",
        "Acme",
        "DE",
        "UTC",
        "fill_empty",
        "False",
    ]
    many = leadhub(data_dir, "workspace", "set", "acme", "--country", "at", "--merge-policy", "keep", "--fold-gmail")
    assert many.stderr == "changed country, merge-policy, fold-gmail of the workspace acme\n"
    leadhub(data_dir, "workspace", "set", "acme", "--timezone", "Europe/Vienna")
    assert leadhub(data_dir, "workspace", "set", "acme").stderr == "nothing was named, so nothing is changed\n"
    changed = leadhub(data_dir, "workspace", "list").stdout.splitlines()[1].split()
    assert changed == ["1", "acme", "Acme", "AT", "Europe/Vienna", "keep", "True"]

    options = ("--workspace", "acme", "--name", "site", "--scopes", "write:leads read:leads")
    key = json.loads(leadhub(data_dir, "key", "create", *options, "--expires", "2999-01-31", "--json").stdout)
    assert key["id"] == 1
    assert is_well_formed(key["key"])
    plain = leadhub(data_dir, "key", "create", *options, "--rate-limit", "unlimited").stdout
    assert is_well_formed(plain.strip())

    over = leadhub(data_dir, "key", "create", *options, "--expires", "2020-01-01")
    assert is_well_formed(over.stdout.strip())
    assert "expired already" in over.stderr

    assert leadhub(data_dir, "key", "revoke", "2").returncode == 0
    listing = leadhub(data_dir, "key", "list").stdout
    assert key["key"] not in listing
    first, second, _ = (line.split() for line in listing.splitlines()[1:])
    assert first[4:6] == ["1000", "2999-01-31T00:00:00+00:00"]
    assert second[4] == "unlimited"


@pytest.mark.parametrize("stdout", first_in_tier("/dev/full", "&-", "pipe"))
def test_a_key_that_cannot_be_shown_is_not_made(data_dir: Path, stdout: str) -> None:
    leadhub(data_dir, "workspace", "create", "unseen", "--name", "Unseen")
    command = f"{sys.executable} {LAUNCHER} key create --workspace unseen --name x --scopes '*' --data-dir {data_dir}"
    script = f"set -o pipefail; (sleep 0.5; {command}) | head -0" if stdout == "pipe" else f"{command} >{stdout}"
    done = subprocess.run(["bash", "-c", script], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if "none was made" in line] == done.stderr.splitlines() != []
    assert "unseen" not in leadhub(data_dir, "key", "list").stdout


@pytest.mark.extended
def test_a_first_key_that_cannot_be_shown_is_made_by_the_next_up(tmp_path: Path) -> None:
    command = [sys.executable, str(LAUNCHER), "up", "--port", "0", "--data-dir", str(tmp_path)]
    tmp_path.chmod(0o777)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.returncode, "none was made" in done.stderr) == (1, True)
    assert f"others may write into {tmp_path} (mode 0777)" in done.stderr
    assert len(leadhub(tmp_path, "workspace", "list").stdout.splitlines()) == 1


@pytest.mark.extended
def test_names_are_unicode_whatever_libpq_is_told(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PGCLIENTENCODING", "LATIN1"), ("PGOPTIONS", "-c statement_timeout=1"), ("PGSERVICE", "x")):
        monkeypatch.setenv(name, value)
    made = leadhub(data_dir, "workspace", "create", "unicode", "--name", "Ключ 日本")
    assert (made.returncode, "made the workspace unicode, with the id" in made.stderr) == (0, True)
    assert "Ключ 日本" in leadhub(data_dir, "workspace", "list").stdout


@pytest.mark.parametrize("character", "\\\n")
def test_a_path_that_postgresql_cannot_take_is_named(tmp_path: Path, character: str) -> None:
    folder = tmp_path / f"a{character}b"
    done = leadhub(folder, "migrate")
    assert (done.returncode, "PostgreSQL takes no path" in done.stderr) == (1, True)


def test_a_spool_that_cannot_be_reached_hides_nothing_else(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHUB_SPOOL_URL", f"redis://{AWAY}/0")
    done = leadhub(data_dir, "status", "--json")
    assert done.returncode == 0
    assert "the spool does not answer (Error 111 connecting to 127.0.0.1:1" in done.stderr
    told = json.loads(done.stdout)
    assert (told["accepted"], told["spooled"]) == (0, None)
    assert "unknown" in leadhub(data_dir, "status").stdout


def test_version_option_prints_the_version() -> None:
    said = subprocess.run([sys.executable, str(LAUNCHER), "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"leadhub {__version__}\n"


KEY = ("key", "create", "--workspace", "a", "--name", "x", "--scopes", "*")


@pytest.mark.extended
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("workspace", "create", "No Slug", "--name", "x"), "must be 1 to 63 lowercase letters"),
        (("workspace", "set", "none", "--country", "DE"), "there is no workspace 'none'"),
        (("workspace", "set", "a", "--country", "ZZ"), "one that has phone numbers"),
        (("workspace", "set", "a", "--timezone", "Mars"), "no time zone 'Mars'"),
        (("workspace", "set", "a", "--merge-policy", "mix"), "'mix' is not one of"),
        (("key", "create", "--workspace", "none", "--name", "x", "--scopes", "*"), "there is no workspace 'none'"),
        (("key", "create", "--workspace", "none", "--name", "x", "--scopes", "eat:leads"), "unknown scope eat:leads"),
        ((*KEY, "--rate-limit", "0"), "positive number"),
        ((*KEY, "--expires", "soon"), "ISO 8601"),
        ((*KEY, "--expires", "0001-01-01T00:00:00+23:00"), "ISO 8601"),
        (("key", "create", "--workspace", "a", "--name", " ", "--scopes", "*"), "a name on one line"),
        (("workspace", "create", "b", "--name", ""), "a name on one line"),
        (("key", "revoke", "999"), "there is no key 999"),
        (("replay", "--state", "dead", "--since", "soon"), "ISO 8601"),
        (("replay",), "name either the ids of submissions or a --state"),
        (("replay", "--yes", UNKNOWN), f"nothing replayed; neither dead nor quarantined, or not there: {UNKNOWN}"),
        (("up", "--port", "99999"), "port"),
    ],
)
def test_a_wrong_use_says_so_and_exits_with_2(data_dir: Path, arguments: tuple[str, ...], message: str) -> None:
    done = leadhub(data_dir, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_slug_does_not_begin_as_an_option_does(data_dir: Path) -> None:
    words = ("workspace", "create", "--name", "x", "--data-dir", str(data_dir), "--", "-x")
    done = subprocess.run([sys.executable, str(LAUNCHER), *words], capture_output=True, text=True, check=False)
    assert (done.returncode, "no hyphen first" in done.stderr) == (2, True)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("name", "url", "secret"),
    [
        ("LEADHUB_DATABASE_URL", "postgresql://leadhub:pre%zzpost@127.0.0.1:1/leadhub", "pre"),
        ("LEADHUB_SPOOL_URL", "redis://:pre#post/x@127.0.0.1:1", "pre"),
        ("LEADHUB_SPOOL_URL", "redis://:pre/post@127.0.0.1:1", "pre"),
    ],
)
def test_a_url_that_cannot_be_read_is_not_repeated(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str, secret: str
) -> None:
    """Its password is what made it so."""
    monkeypatch.setenv(name, url)
    done = leadhub(data_dir, "backup", "saved.tar")
    assert done.returncode in (1, 2)
    assert f"{name} cannot be read" in done.stderr
    assert secret not in done.stderr.replace(name, "").replace("expressed", "")


def test_workspace_names_cannot_send_terminal_escapes(data_dir: Path) -> None:
    leadhub(data_dir, "workspace", "create", "shown", "--name", "Shown")
    with ensure_servers(Settings(data_dir=data_dir)) as settings, psycopg.connect(settings.database_url) as connection:
        connection.execute("UPDATE workspaces SET name = E'a\\nb\\x1b[2J\\x1b]0;c\\x07' WHERE slug = 'shown'")
    (line,) = [line for line in leadhub(data_dir, "workspace", "list").stdout.split("\n") if " shown " in line]
    assert line.split()[2] == r"a\nb\x1b[2J\x1b]0;c\x07"


@pytest.mark.extended
@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "x" * 256, " ", "bad\udcff"])
def test_a_name_can_be_printed(data_dir: Path, name: str) -> None:
    done = leadhub(data_dir, "workspace", "create", "named", "--name", name)
    assert (done.returncode, "on one line" in done.stderr) == (2, True), done.stderr


AWAY = "127.0.0.1:1"  # where nothing listens


@pytest.mark.extended
@pytest.mark.parametrize(
    ("command", "name", "url", "message"),
    [
        ("workspace list", "LEADHUB_DATABASE_URL", f"postgresql://leadhub@{AWAY}/leadhub", "refused"),
        ("migrate", "LEADHUB_DATABASE_URL", f"postgresql://leadhub@{AWAY}/leadhub", "refused"),
    ],
)
def test_a_store_that_cannot_be_reached_is_said_in_a_line(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, url: str, message: str
) -> None:
    monkeypatch.setenv(name, url)
    done = leadhub(data_dir, *command.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.extended
@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("backup", "saved.tar"),
        ("replay", "--state", "dead", "--yes"),
        ("key", "list"),
        ("key", "revoke", "1"),
        KEY,
        ("user", "list"),
        ("user", "reset", "a@example.com"),
        ("workspace", "list"),
        ("workspace", "set", "a", "--country", "DE"),
        ("secrets", "rotate"),
    ],
)
def test_a_mistyped_data_dir_is_said_and_founds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "not" / "there", tmp_path):
        done = leadhub(folder, *command)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"there is no LeadHub in {folder}" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.extended
def test_status_of_a_new_data_dir(tmp_path: Path) -> None:
    assert leadhub(tmp_path, "migrate").returncode == 0
    assert leadhub(tmp_path, "status").stdout.startswith("accepted")
    state = json.loads(leadhub(tmp_path, "status", "--json").stdout)
    assert {name: state[name] for name in ("accepted", "pending", "done", "dead", "quarantined", "spooled")} == {
        "accepted": 0,
        "pending": 0,
        "done": 0,
        "dead": 0,
        "quarantined": 0,
        "spooled": 0,
    }


def test_a_data_dir_without_a_name_is_refused(tmp_path: Path) -> None:
    """It would be the folder that one stands in."""
    command = [sys.executable, str(LAUNCHER), "status", "--data-dir", ""]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "the name is empty" in done.stderr


def test_every_command_explains_itself() -> None:
    for name in COMMAND_MODULES:
        done = CliRunner().invoke(command_line, [name, "--help"])
        assert done.exit_code == 0
        assert "--data-dir" in done.output or name in ("listen", "mcp", "completion")  # these need no data


@pytest.mark.parametrize("group", [(), ("workspace",), ("key",), ("user",), ("secrets",), ("api",)])
def test_a_list_of_commands_says_of_each_a_whole_sentence(group: tuple[str, ...]) -> None:
    done = CliRunner().invoke(command_line, [*group, "--help"], terminal_width=80)
    _, heading, listed = done.output.partition("Commands:")
    assert heading
    assert "..." not in listed


@pytest.mark.extended
@pytest.mark.parametrize("command", ["migrate", "up"])
async def test_the_tables_of_a_newer_version_are_left_alone(
    data_dir: Path, database: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    await database.execute("UPDATE alembic_version SET version_num = 'r9999', runs_from = 'r9998'")
    monkeypatch.setenv("LEADHUB_DATABASE_URL", database_url)
    done = leadhub(data_dir, command)
    assert (done.returncode, done.stdout) == (1, "")
    assert "written by a newer LeadHub: its tables are at migration r9999" in done.stderr
    assert "Traceback" not in done.stderr
