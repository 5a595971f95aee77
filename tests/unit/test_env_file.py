"""Settings from `.env`, and names that are no setting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.env_file import read_env_file, unknown_name_warnings, unknown_names
from shared.platform.installation import PROJECT_ROOT
from shared.platform.settings import Settings

pytestmark = pytest.mark.unit


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `.env`, beside an environment without settings that comes back afterwards."""
    for name in [name for name in os.environ if name.startswith("LEADHUB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    os.environ["LEADHUB_ENV_FILE"] = str(tmp_path / ".env")
    return tmp_path / ".env"


def test_the_environment_wins_over_the_file(env_file: Path) -> None:
    env_file.write_text("# ours\nexport LEADHUB_PORT=8001\nLEADHUB_WEB='2'\nLEADHUB_WORKERS=3\nPOSTGRES_PASSWORD=x\n")
    os.environ |= {"LEADHUB_WEB": "4", "LEADHUB_WORKERS": ""}
    assert read_env_file() == []
    found = {
        name: value for name, value in os.environ.items() if name in ("LEADHUB_PORT", "LEADHUB_WEB", "LEADHUB_WORKERS")
    }
    assert found == {"LEADHUB_PORT": "8001", "LEADHUB_WEB": "4", "LEADHUB_WORKERS": "3"}
    assert "POSTGRES_PASSWORD" not in os.environ


def test_a_value_is_taken_as_it_is_written(env_file: Path) -> None:
    env_file.write_text("LEADHUB_SECRET_KEY=0123456789$HOME${PATH}#x\n")
    read_env_file()
    assert os.environ["LEADHUB_SECRET_KEY"] == "0123456789$HOME${PATH}#x"


def test_without_a_file_nothing_changes(env_file: Path) -> None:
    before = dict(os.environ)
    assert read_env_file() == []
    assert os.environ == before


def test_a_line_that_cannot_be_read_is_named(env_file: Path) -> None:
    env_file.write_text("LEADHUB_PORT=8001\nLEADHUB_WEB='2\n")
    (said,) = read_env_file()
    assert f"{env_file} line 2 cannot be read" in said
    assert os.environ["LEADHUB_PORT"] == "8001"


@pytest.mark.parametrize("content", [b"LEADHUB_PORT=\xff\n", None])
def test_a_file_that_cannot_be_read_ends_the_command(env_file: Path, content: bytes | None) -> None:
    if content is None:
        env_file.mkdir()
    else:
        env_file.write_bytes(content)
    with pytest.raises(RuntimeError, match="cannot be read"):
        read_env_file()


def test_a_name_that_is_no_setting_is_named_with_the_nearest() -> None:
    given = {"LEADHUB_DATABSE_URL": "x", "LEADHUB_QQQ": "x", "LEADHUB_PORT": "1", "LEADHUB_SITE": "x", "PATH": "x"}
    assert unknown_names(given) == ["LEADHUB_DATABSE_URL", "LEADHUB_QQQ"]
    first, second = unknown_name_warnings(given)
    assert "LEADHUB_DATABSE_URL is no setting and has no effect: did you mean LEADHUB_DATABASE_URL?" in first
    assert "did you mean" not in second


def test_every_setting_is_known() -> None:
    assert unknown_names({f"LEADHUB_{name.upper()}": "" for name in Settings.model_fields}) == []


def test_a_command_reads_the_file_and_names_what_is_no_setting(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"LEADHUB_DATA_DIR={tmp_path / 'there'}\nLEADHUB_WROKERS=2\n")
    env = {"PATH": "/usr/bin:/bin", "LEADHUB_ENV_FILE": str(tmp_path / ".env")}
    command = [sys.executable, str(PROJECT_ROOT / "leadhub"), "logs"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert f"there are no logs in {tmp_path / 'there'}" in done.stderr
    assert "LEADHUB_WROKERS is no setting and has no effect: did you mean LEADHUB_WORKERS?" in done.stderr
