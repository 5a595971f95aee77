"""Backups of released versions in `tests/corpora/backups/`, and how one is made.

`python -m tests.support.corpus_backups DATA_DIR` writes that of the present version, from a data dir on which a demo
runs or ran, and beside it how many rows each table has.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from cli.dump import TABLES_WITHOUT_DATA
from embedded.servers import ensure_servers
from shared import __version__
from shared.platform.installation import PROJECT_ROOT
from shared.platform.settings import Settings

BACKUPS_FOLDER = PROJECT_ROOT / "tests" / "corpora" / "backups"
TABLES_SQL: LiteralString = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' ORDER BY 1
"""


def count_rows(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Return how many rows each table has whose rows a backup holds."""
    names = [name for (name,) in connection.execute(TABLES_SQL) if name not in TABLES_WITHOUT_DATA]
    return {name: _count(connection, name) for name in names}


def write_backup(data_dir: Path) -> None:
    """Write the backup of a data dir, without its key, and the counts of its restored tables."""
    file = BACKUPS_FOLDER / f"leadhub-{__version__}.tar"
    launcher = str(PROJECT_ROOT / "leadhub")
    subprocess.run([launcher, "backup", str(file), "--without-key", "--force", "--data-dir", str(data_dir)], check=True)
    with TemporaryDirectory() as folder:
        restored = Path(folder) / "data"
        subprocess.run([launcher, "restore", str(file), "--data-dir", str(restored)], check=True)
        settings = Settings(data_dir=restored, database_url="", broker_url="", redis_url="", spool_url="")
        with ensure_servers(settings) as found, psycopg.connect(found.database_url) as connection:
            counts = {name: count for name, count in count_rows(connection).items() if count}
    file.chmod(0o644)
    file.with_suffix(".json").write_text(json.dumps(counts, indent=2) + "\n")


def _count(connection: psycopg.Connection[Any], name: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
    return int(cast("tuple[int]", row)[0])


if __name__ == "__main__":
    write_backup(Path(sys.argv[1]))
