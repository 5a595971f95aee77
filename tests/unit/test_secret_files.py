"""Secrets from files: read once, never beside a value, and the file's name is passed to nobody."""

import os
from pathlib import Path

import pytest

from cli.env_file import SECRET_FILE_NAMES, unknown_names
from cli.secret_files import read_secret_files
from shared.operations.settings_display import changed_settings
from shared.platform.masking import SECRET_MASK
from shared.platform.settings import Settings

pytestmark = pytest.mark.unit

VARIABLE = "LEADHUB_SECRET_KEY_FILE"


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the environment names, where no other setting is."""
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("LEADHUB_")})
    os.environ[VARIABLE] = str(tmp_path / "key")
    return tmp_path / "key"


def test_a_secret_comes_from_its_file(secret: Path) -> None:
    secret.write_text("0123456789abcdef\n")
    read_secret_files()
    assert os.environ["LEADHUB_SECRET_KEY"] == "0123456789abcdef"
    assert VARIABLE not in os.environ


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"a\0b", b"x" * 65_537, None])
def test_a_file_without_a_secret_ends_the_command_without_its_content(secret: Path, content: bytes | None) -> None:
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(RuntimeError, match=f"{VARIABLE}: .*key (cannot be read|holds no secret)"):
        read_secret_files()


def test_a_pipe_without_a_writer_holds_no_command_up(secret: Path) -> None:
    os.mkfifo(secret)
    with pytest.raises(RuntimeError, match="holds no secret"):
        read_secret_files()


def test_a_mark_of_the_byte_order_is_no_part_of_a_secret(secret: Path) -> None:
    secret.write_bytes(b"\xef\xbb\xbf0123456789abcdef\r\n")
    read_secret_files()
    assert os.environ["LEADHUB_SECRET_KEY"] == "0123456789abcdef"


def test_a_value_beside_a_file_is_refused(secret: Path) -> None:
    secret.write_text("0123456789abcdef")
    os.environ["LEADHUB_SECRET_KEY"] = "another0123456789"
    with pytest.raises(RuntimeError, match="both set"):
        read_secret_files()


def test_each_setting_that_is_shown_masked_or_has_a_password_may_come_from_a_file() -> None:
    names = [name.removesuffix("_FILE").lower() for name in SECRET_FILE_NAMES]
    assert set(names) <= Settings.model_fields.keys()
    assert unknown_names({f"LEADHUB_{name}": "/x" for name in SECRET_FILE_NAMES}) == []
    masked = Settings(alarm_slack_url="https://hooks.slack.example/x", secret_key="0123456789abcdef")
    shown = {one.name for one in changed_settings(masked) if SECRET_MASK in one.value}
    assert shown == {"LEADHUB_ALARM_SLACK_URL", "LEADHUB_SECRET_KEY"}
    assert {name.removeprefix("LEADHUB_").lower() for name in shown} <= set(names)
