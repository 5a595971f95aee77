"""The settings of a drill's copy: those of the installation, without any that leads out of the copy.

The copy's environment is made from nothing. A setting that is not named here does not reach the copy, so that one which
is added later cannot lead it to the real servers.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from embedded.process import clean_environment
from shared.platform.setting_checks import ALLOWED_SCHEMES, WEB_URL_NAMES
from shared.platform.settings import Settings

# They say how the services work. None of them names a place outside.
COPIED_SETTINGS = (
    *("embedded_postgres", "body_limit", "batch_body_limit", "webhook_body_limit", "body_timeout", "stop_notice"),
    *("fast_path", "max_waiting", "buffer_bytes", "flush_timeout", "failover_seconds", "disk_reserve_mb"),
    *("keep_days", "event_days", "audit_days", "log_level", "access_log"),
)
NOWHERE_URL = "http://127.0.0.1:9"  # the port "discard" of this machine, on which nothing listens
LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")


def copy_environment(settings: Settings, *, folder: Path, port: int, workers: int, gateways: int) -> dict[str, str]:
    """Return the whole environment of the copy's `up`, which lies in `folder` and listens on `port`."""
    values = {name: _text_of(getattr(settings, name)) for name in COPIED_SETTINGS}
    values |= {name: NOWHERE_URL for name in WEB_URL_NAMES if Settings.model_fields[name].default}
    values |= {
        "data_dir": str(folder),
        "host": "127.0.0.1",
        "port": str(port),
        "workers": str(workers),
        "web": str(gateways),
        "metrics_port": "0",
    }
    named = {f"LEADHUB_{name.upper()}": value for name, value in values.items() if value}
    return {**clean_environment(), **named, "LEADHUB_ENV_FILE": "/dev/null"}


def outside_settings(environment: Mapping[str, str]) -> list[str]:
    """Return the settings by which services with this environment would reach anything but the copy's own servers."""
    values = {
        name: environment.get(f"LEADHUB_{name.upper()}", "") or _text_of(field.default)
        for name, field in Settings.model_fields.items()
    }
    return [name for name, value in values.items() if _leads_outside(name, value)]


def _leads_outside(name: str, value: str) -> bool:
    if name in ("allowed_targets", "alarm_email", "secret_key", "files_dir"):
        return bool(value)
    if name in WEB_URL_NAMES and value:
        return value != NOWHERE_URL
    if name in ALLOWED_SCHEMES or "://" in value:
        return bool(value)  # the copy's stores are those of its data dir, whose settings are empty
    return name in ("host", "metrics_host") and (urlsplit(f"//{value}").hostname not in LOCAL_HOSTS)


def _text_of(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)
