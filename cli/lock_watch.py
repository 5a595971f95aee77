"""What each statement of a migration does to the tables that are there: its locks, its rewrites, its scans."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

# From the weakest to the strongest. Readers' own locks are of no interest.
LOCK_MODES = (
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
# An index that is made without locks has given up its own by the time it can be looked at.
CONCURRENT_INDEX_LOCK = "ShareUpdateExclusiveLock"
LONGEST_SQL = 160  # characters of a statement that are shown

TABLES_SQL = """
SELECT c.oid, coalesce(parent.relname, c.relname)::text FROM pg_class c
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = to_regnamespace(current_schema())
    AND c.relname <> 'alembic_version'
"""
LOCKS_SQL = "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted"
FILES_SQL = "SELECT oid, pg_relation_filenode(oid) FROM pg_class WHERE oid = ANY (%s) AND relkind = 'r'"
SCANS_SQL = "SELECT relid, seq_scan FROM pg_stat_xact_user_tables WHERE relid = ANY (%s)"
INDEXES_SQL = "SELECT indexrelid, indrelid FROM pg_index WHERE indrelid = ANY (%s)"


@dataclass
class SeenStatement:
    """A statement. `locks` are by table those that it is the first of its transaction to take, each the strongest."""

    sql: str
    locks: dict[str, str] = field(default_factory=dict)
    rewrites: set[str] = field(default_factory=set)
    scans: set[str] = field(default_factory=set)
    indexed: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)


@dataclass
class SeenMigration:
    """A migration and its statements."""

    number: str
    name: str
    kind: str
    statements: list[SeenStatement]


class StatementWatch:
    """Watches the connection of Alembic. Tables that come with the watched migrations are no concern of anybody."""

    def __init__(self) -> None:
        self.migrations: list[SeenMigration] = []
        self._statements: list[SeenStatement] = []
        self._tables: dict[int, str] = {}
        self._held: dict[str, str] = {}
        self._files: dict[int, int] = {}
        self._scans: dict[int, int] = {}
        self._indexes: dict[int, int] = {}

    def begin(self, connection: Connection) -> None:
        """Note which tables are there, and watch from now on."""
        cursor = _cursor_of(connection)
        self._tables = dict(cursor.execute(TABLES_SQL).fetchall())
        self._note_state(cursor)
        _commit(connection)
        event.listen(connection, "after_cursor_execute", self._look)

    def end_migration(self, number: str, name: str, kind: str) -> None:
        """Note that the statements since the last one were those of this migration."""
        self.migrations.append(SeenMigration(number, name, kind, self._statements))
        self._statements, self._held, self._scans = [], {}, {}

    def _look(self, connection: Connection, _cursor: Any, statement: str, *_: object) -> None:
        if _is_bookkeeping(statement):
            return
        is_alone = bool(connection.connection.dbapi_connection.autocommit)  # type: ignore[union-attr]
        cursor = _cursor_of(connection)
        seen = SeenStatement(_shortened(statement), updated=self._updated_tables(statement))
        former_files, former_scans, former_indexes = self._files, self._scans, self._indexes
        self._note_state(cursor)
        seen.indexed = {self._tables[table] for index, table in self._indexes.items() if index not in former_indexes}
        seen.rewrites = {self._tables[table] for table, file in self._files.items() if former_files.get(table) != file}
        if is_alone:
            # Its locks are gone by now, and so are its counts of scans.
            seen.locks = dict.fromkeys(seen.indexed, CONCURRENT_INDEX_LOCK)
            seen.locks |= dict.fromkeys(seen.updated, "RowExclusiveLock")
        else:
            scanned = {self._tables[t] for t, count in self._scans.items() if count > former_scans.get(t, 0)}
            seen.scans = scanned - seen.indexed - seen.updated
            seen.locks = self._new_locks(cursor)
        self._statements.append(seen)

    def _note_state(self, cursor: Any) -> None:
        ids = list(self._tables)
        self._files = dict(cursor.execute(FILES_SQL, (ids,)).fetchall())
        self._scans = dict(cursor.execute(SCANS_SQL, (ids,)).fetchall())
        self._indexes = dict(cursor.execute(INDEXES_SQL, (ids,)).fetchall())

    def _new_locks(self, cursor: Any) -> dict[str, str]:
        new_locks: dict[str, str] = {}
        for relation, mode in cursor.execute(LOCKS_SQL).fetchall():
            table = self._tables.get(relation)
            if table and mode in LOCK_MODES and _strength(mode) > _strength(self._held.get(table)):
                new_locks[table] = max(mode, new_locks.get(table, mode), key=_strength)
        self._held |= new_locks
        return new_locks

    def _updated_tables(self, statement: str) -> set[str]:
        words = statement.replace('"', "").split()
        return {words[1]} & {*self._tables.values()} if words[0].upper() == "UPDATE" else set()


def _is_bookkeeping(statement: str) -> bool:
    """Return whether a statement is Alembic's or the runner's own, or only reads."""
    return "alembic_version" in statement or statement.lstrip().upper().startswith(("SELECT", "SHOW"))


def _shortened(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= LONGEST_SQL else f"{line[:LONGEST_SQL]} …"


def _strength(mode: str | None) -> int:
    return LOCK_MODES.index(mode) if mode else -1


def _cursor_of(connection: Connection) -> Any:
    """Return a cursor of psycopg in the same transaction: its statements are not watched."""
    return connection.connection.cursor()


def _commit(connection: Connection) -> None:
    connection.connection.commit()
