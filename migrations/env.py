"""Entry point of Alembic: migrate the database of LEADHUB_DATABASE_URL, one migrator at a time."""

from alembic import context
from sqlalchemy import Connection, create_engine, text

from shared.models import Base
from shared.platform.db.advisory_locks import MIGRATION_LOCK
from shared.platform.db.connections import sqlalchemy_url
from shared.platform.settings import Settings


def is_compared(name: str | None, kind: str, *_: object) -> bool:
    """Return whether Alembic compares an object. Partitions of `submissions` come and go and are not in the models."""
    return not (kind == "table" and name is not None and name.startswith("submissions_"))


def run_migrations(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        include_object=lambda _obj, name, kind, *_rest: is_compared(name, kind),
        include_name=lambda name, kind, _parents: is_compared(name, kind),
    )
    with context.begin_transaction():
        context.run_migrations()


url = context.config.get_main_option("sqlalchemy.url") or Settings().database_url
engine = create_engine(sqlalchemy_url(url), connect_args={"connect_timeout": 3})  # seconds
with engine.connect() as connection:
    run_migrations(connection)
engine.dispose()
