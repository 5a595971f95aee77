"""Write docs/settings.md from `shared/platform/settings.py`: `.venv/bin/python -m docs.settings_page`."""

from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from shared.platform.installation import PROJECT_ROOT
from shared.platform.settings import Settings

PAGE = Path(__file__).with_name("settings.md")
HEAD = """\
# Settings

<!-- Generated from shared/platform/settings.py by `.venv/bin/python -m docs.settings_page`; a test compares them. -->

Each setting is an environment variable, read once when a command or service starts.
An option on the command line (`--data-dir`, `--host`, `--port`, `--web`, `--workers`, `--name`) wins over its variable.
An empty variable counts as not set.
All settings have defaults: without any of them everything runs on this machine, in `.leadhub/`.
A service that runs alone with `LEADHUB_DATABASE_URL` needs four of them:
[Install](operations/install.md#several-machines) names these.

The file `.env` in the project's folder may hold settings too, one `NAME=value` a line, as in `.env.example`.
Installed as a package, LeadHub reads `.env` of the folder where a command starts.
Values are taken as they are written. A variable of the environment wins over the file.
`LEADHUB_ENV_FILE` names another file, or none (`/dev/null`).

A setting that holds a password or a key may come from a file: `LEADHUB_SECRET_KEY_FILE=/run/secrets/secret_key`.
So may `LEADHUB_DATABASE_URL_FILE`, `LEADHUB_REPLICA_URL_FILE`, `LEADHUB_BROKER_URL_FILE`, `LEADHUB_REDIS_URL_FILE`,
`LEADHUB_SPOOL_URL_FILE`, `LEADHUB_SMTP_URL_FILE`, `LEADHUB_ALARM_SMTP_URL_FILE` and `LEADHUB_ALARM_SLACK_URL_FILE`.
The file holds the value alone. A command that cannot read it ends.

Each command warns of variables that begin with `LEADHUB_` and are no setting.

| variable | default | |
|---|---|---|
"""


def page() -> str:
    """The page's text."""
    return HEAD + "".join(_line(name, field) for name, field in Settings.model_fields.items())


def _line(name: str, field: FieldInfo) -> str:
    return f"| `LEADHUB_{name.upper()}` | {_default(field.default)} | {field.description}{_range(field)} |\n"


def _default(value: object) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Path):
        value = f"{value.relative_to(PROJECT_ROOT)}/"
    if isinstance(value, bool):
        value = str(value).lower()
    return f"`{value}`" if value != "" else ""


def _range(field: FieldInfo) -> str:
    signs = (("gt", "over"), ("ge", "from"), ("lt", "below"), ("le", "to"))
    bounds = [(word, getattr(rule, sign, None)) for rule in field.metadata for sign, word in signs]
    told = " ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
    choices = ", ".join(map(str, getattr(field.annotation, "__args__", ())))
    return f" ({told or choices})" if told or choices else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
