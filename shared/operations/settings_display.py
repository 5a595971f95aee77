"""Settings as they may be shown: those that differ from their defaults, without anything that opens a door. Pure."""

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from shared.platform.masking import SECRET_MASK
from shared.platform.setting_checks import ALLOWED_SCHEMES
from shared.platform.settings import Settings

SECRET_PATHS = ("alarm_slack_url",)  # settings whose whole path is a secret


class ShownSetting(NamedTuple):
    """A setting by the name of its variable. `value` and `default` are masked; an empty text is no value."""

    name: str
    value: str
    default: str


def changed_settings(settings: Settings) -> list[ShownSetting]:
    """Return the settings that differ from their defaults, in the order of the documentation."""
    return [
        ShownSetting(f"LEADHUB_{name.upper()}", _shown_value(name, value), _shown_value(name, field.default))
        for name, field in Settings.model_fields.items()
        if (value := getattr(settings, name)) != field.default
    ]


def shown_address(url: str) -> str:
    """Return where a server is: without user, password and parameters."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
    except ValueError:  # a password may have characters that no other part has
        return SECRET_MASK
    where = parts.netloc.rpartition("@")[2]
    if not where and parts.scheme.startswith("postgres"):  # libpq takes several hosts there
        where = ",".join(query.get("host", ()))
    return f"{parts.scheme}://{where}{parts.path}"


def _shown_value(name: str, value: Any) -> str:
    if isinstance(value, SecretStr):
        return SECRET_MASK if value.get_secret_value() else ""
    if isinstance(value, bool):
        return str(value).lower()
    if name in SECRET_PATHS and value:
        return f"{shown_address(str(value)).partition('://')[0]}://{SECRET_MASK}"
    if name in ALLOWED_SCHEMES:
        return shown_address(str(value))
    return str(value) if not isinstance(value, Path) else value.as_posix()
