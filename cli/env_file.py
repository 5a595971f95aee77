"""Settings from the file `.env` in the project's folder, and warnings about unknown names."""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from shared.platform.installation import ENV_FILE

SETTING_PREFIX = "LEADHUB_"
ENV_FILE_VARIABLE = "LEADHUB_ENV_FILE"
# Names that are not settings but have a meaning: to `up` and its children, to compose.yaml, to commands that ask a
# remote LeadHub, to the tests.
NON_SETTING_NAMES = (
    "ENV_FILE",
    "LISTENERS",
    "PULSE",
    "STANDBY",
    "URL",
    "KEY",
    "LISTEN_SECRET",
    "SITE",
    "FRONT_PROXIES",
    "VERSION",
    "HTTP_PORT",
    "HTTPS_PORT",
    "FUZZ",
    "TEST_SEED",
)
# Settings that may hold a password or key; a file may hold the value instead (cli/secret_files.py).
SECRET_FILE_NAMES = tuple(
    f"{name}_FILE"
    for name in (
        *("DATABASE_URL", "REPLICA_URL", "BROKER_URL", "REDIS_URL", "SPOOL_URL", "SECRET_KEY"),
        *("SMTP_URL", "ALARM_SMTP_URL", "ALARM_SLACK_URL"),
    )
)
UNKNOWN_NAME_WARNING = "leadhub: WARNING: {} is no setting and has no effect{} (docs/settings.md has them all)"
UNREADABLE_LINE_WARNING = "leadhub: WARNING: {} line {} cannot be read and has no effect: it goes NAME=value"


def read_env_file() -> list[str]:
    """Copy settings from `.env` into the environment unless they are set there. Return warnings about bad lines.

    RuntimeError if the file exists and cannot be read: its settings would be missing without a word.
    """
    path = Path(os.environ.get(ENV_FILE_VARIABLE) or ENV_FILE)
    try:
        with path.open(encoding="utf-8") as file:
            bindings = list(parse_stream(file))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise RuntimeError(f"{path} cannot be read ({why}); mend it, or name another in {ENV_FILE_VARIABLE}") from None
    for binding in bindings:
        if binding.key and binding.key.startswith(SETTING_PREFIX) and binding.value and not os.environ.get(binding.key):
            os.environ[binding.key] = binding.value
    return [UNREADABLE_LINE_WARNING.format(path, binding.original.line) for binding in bindings if binding.error]


def known_names() -> list[str]:
    """Return every variable with our prefix that has a meaning."""
    from shared.platform.settings import Settings  # imported late: the help of a command needs no settings

    return [
        f"{SETTING_PREFIX}{name.upper()}" for name in (*Settings.model_fields, *NON_SETTING_NAMES, *SECRET_FILE_NAMES)
    ]


def unknown_names(environment: Mapping[str, str]) -> list[str]:
    """Return the variables with our prefix that have no meaning."""
    known = known_names()
    return sorted(name for name in environment if name.startswith(SETTING_PREFIX) and name not in known)


def unknown_name_warnings(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each unknown name, with the closest known name."""
    for name in unknown_names(environment):
        known = [each.removeprefix(SETTING_PREFIX) for each in known_names()]
        nearest = difflib.get_close_matches(name.removeprefix(SETTING_PREFIX), known, n=1)
        yield UNKNOWN_NAME_WARNING.format(name, f": did you mean {SETTING_PREFIX}{nearest[0]}?" if nearest else "")
