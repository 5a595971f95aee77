"""The version after this one: a copy of the checkout, with migrations of a test's own added."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from cli.schema import MIGRATION_SERIES, head_version
from shared.platform.installation import PROJECT_ROOT

COPIED_FOLDERS = ("cli", "demo", "embedded", "migrations", "services", "shared")
COPIED_FILES = ("leadhub", "alembic.ini", "pyproject.toml", "requirements.lock", "requirements-dev.lock")

EXPANDS = 'kind = "expand"'

MIGRATION = '''"""{name}: of a test"""

from alembic import op

from migrations.online_steps import backfill_rows, create_index_concurrently, outside_transaction

revision = "{revision}"
down_revision = "{former}"
{declared}


def upgrade() -> None:
{body}
'''


class MigrationsOfTest:
    """A folder that has the migrations of the checkout, and those that a test writes behind them."""

    def __init__(self, folder: Path) -> None:
        source = PROJECT_ROOT / "migrations"
        self.folder = folder
        self.before = head_version()
        (folder / "versions").mkdir(parents=True)
        for name in ("env.py", "functions.sql", "upgrade_from_0021.sql"):
            (folder / name).symlink_to(source / name)
        for file in (source / "versions").glob("[0-9]*.py"):
            (folder / "versions" / file.name).symlink_to(file)

    def write(self, lines: str, declared: str = EXPANDS) -> str:
        """Write a migration with these lines of `upgrade`. Returns its number."""
        return write_migration(self.folder / "versions", "trial", declared, lines)


def make_next_version(folder: Path, migrations: Mapping[str, tuple[str, str]]) -> Path:
    """Copy the checkout into `folder`, with these migrations after its last one.

    Each has a name, what it declares (`kind = "expand"`), and the lines of its `upgrade`. The environment is shared.
    Returns the launcher of the copy.
    """
    for name in COPIED_FOLDERS:
        shutil.copytree(PROJECT_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in COPIED_FILES:
        shutil.copy2(PROJECT_ROOT / name, folder / name)
    (folder / ".venv").symlink_to(PROJECT_ROOT / ".venv")
    versions = folder / "migrations" / "versions"
    for name, (declared, lines) in migrations.items():
        write_migration(versions, name, declared, lines)
    return folder / "leadhub"


def write_migration(versions: Path, name: str, declared: str, lines: str) -> str:
    """Write a migration behind the last one of a folder. Returns its number, such as `r0034`."""
    number = 1 + max(int(file.name.partition("_")[0]) for file in versions.glob("[0-9]*.py"))
    body = "\n".join(f"    {line}" for line in lines.strip().splitlines())
    revision, former = f"{MIGRATION_SERIES}{number:04}", f"{MIGRATION_SERIES}{number - 1:04}"
    text = MIGRATION.format(name=name, revision=revision, former=former, declared=declared, body=body)
    (versions / f"{number:04}_{name}.py").write_text(text)
    return revision
