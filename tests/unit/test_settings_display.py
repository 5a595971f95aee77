"""Settings that operators see: only those that differ, and never a secret."""

import string
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.operations.settings_display import changed_settings, shown_address
from shared.platform.settings import Settings

pytestmark = pytest.mark.unit

SECRET = "hunter2secret"
SCHEMES = ("postgresql", "redis", "rediss", "amqps", "smtp", "https")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hunter2secret@db:5432/leads?sslmode=require", "postgresql://db:5432/leads"),
        ("postgresql://me:hunter2secret@/leads?host=a,b&port=1,2", "postgresql://a,b/leads"),
        ("redis://:hunter2secret@cache:6379/0", "redis://cache:6379/0"),
        ("unix://:hunter2secret@/run/valkey.sock?db=0", "unix:///run/valkey.sock"),
        ("redis+socket:///run/valkey.sock?virtual_host=1&password=hunter2secret", "redis+socket:///run/valkey.sock"),
        ("smtps://me%40example.com:hunter2secret@mail.example.com", "smtps://mail.example.com"),
        ("", ""),
    ],
)
def test_an_address_says_where_a_server_is(url: str, shown: str) -> None:
    assert shown_address(url) == shown


@given(st.sampled_from(SCHEMES), st.text(string.printable, min_size=1))
def test_an_address_never_shows_a_password(scheme: str, text: str) -> None:
    for password in (quote(SECRET + text, safe=""), SECRET + "".join(c for c in text if c not in "/?#@")):
        assert SECRET not in shown_address(f"{scheme}://user:{password}@host:1/0?password={SECRET}")


def test_settings_that_differ_are_shown_without_secrets() -> None:
    given_settings: dict[str, Any] = {
        "database_url": f"postgresql://me:{SECRET}@db/leads",
        "alarm_slack_url": f"https://hooks.slack.example/services/{SECRET}",
        "secret_key": SecretStr(f"{SECRET} that is long enough"),
        "data_dir": Path("/srv/leads"),
        "access_log": False,
        "keep_days": 30,
    }
    shown = {one.name: (one.value, one.default) for one in changed_settings(Settings(**given_settings))}
    assert shown == {
        "LEADHUB_DATA_DIR": ("/srv/leads", Settings.model_fields["data_dir"].default.as_posix()),
        "LEADHUB_DATABASE_URL": ("postgresql://db/leads", ""),
        "LEADHUB_ALARM_SLACK_URL": ("https://********", ""),
        "LEADHUB_KEEP_DAYS": ("30", "90"),
        "LEADHUB_ACCESS_LOG": ("false", "true"),
        "LEADHUB_SECRET_KEY": ("********", ""),
    }
