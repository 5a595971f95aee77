"""Entry point of Alembic: migrate the database of LEADHUB_DATABASE_URL, one migrator at a time."""

from collections.abc import Callable
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine

from migrations.runner import kind_of, migration_turn, note_runs_from, retry_while_locked
from shared.models import Base
from shared.platform.db.connections import sqlalchemy_url
from shared.platform.settings import Settings


def is_compared(name: str | None, kind: str, *_: object) -> bool:
    """Return whether Alembic compares an object. Partitions of `submissions` come and go and are not in the models."""
    return not (kind == "table" and name is not None and name.startswith("submissions_"))


def run_migrations(connection: Connection) -> None:
    """Run what is missing, each migration in a transaction of its own. A `watch` sees the statements."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        include_object=lambda _obj, name, kind, *_rest: is_compared(name, kind),
        include_name=lambda name, kind, _parents: is_compared(name, kind),
        transaction_per_migration=True,
        on_version_apply=version_listeners(),
    )
    if watch := context.config.attributes.get("watch"):
        watch(connection)
    with migration_turn(connection):
        retry_while_locked(connection, run_missing, connection.rollback)


def version_listeners() -> tuple[Callable[..., None], ...]:
    """Return what is called in the transaction of each migration once it has run."""
    watch: Callable[[str, str, str], None] | None = context.config.attributes.get("on_migration")

    def tell(*, step: Any, **_: Any) -> None:
        script = step.up_revision
        name = str(script.doc).partition(":")[0]
        if watch:
            watch(script.revision, name, kind_of(script))

    return note_runs_from, tell


def run_missing() -> None:
    with context.begin_transaction():
        context.run_migrations()


url = context.config.get_main_option("sqlalchemy.url") or Settings().database_url
engine = create_engine(sqlalchemy_url(url), connect_args={"connect_timeout": 3})  # seconds
with engine.connect() as connection:
    run_migrations(connection)
engine.dispose()
