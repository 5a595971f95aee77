"""What PostgreSQL costs by itself, on the very server that the stack runs on: a durable commit, and a bulk insert."""

import statistics
import time

import orjson
import psycopg

from bench.leads import VARIETY, lead

COMMITS = 400
BATCHES, BATCH = 10, 500
# No workspace has this id, so what is inserted here is seen by nothing else and can be taken away again.
NOBODY = -1

TABLE = "CREATE TABLE IF NOT EXISTS bench_commits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)"
LEADS = """
INSERT INTO leads (workspace_id, id, first_name, last_name, email, phone, company, source, notes, custom_fields)
SELECT %(workspace)s, id, first_name, last_name, email, phone, company, source, notes, custom_fields
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (id bigint, first_name text, last_name text, email text, phone text,
                                               company text, source text, notes text, custom_fields jsonb)
"""
IDENTITIES = """
INSERT INTO identities (workspace_id, kind, value, lead_id)
SELECT %(workspace)s, kind, value, id
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (id bigint, email text, phone text),
     LATERAL (VALUES ('email', email), ('phone', phone)) AS i (kind, value)
"""
REMOVE = ("DELETE FROM leads WHERE workspace_id = %s", "DELETE FROM identities WHERE workspace_id = %s")


def durable_commit_ms(database_url: str) -> float:
    """Median milliseconds of one single-row insert and its commit, flushed to disk."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        connection.execute(TABLE)
        times = [timed_insert(connection) for _ in range(COMMITS)]
        connection.execute("DROP TABLE bench_commits")
    return statistics.median(times) * 1e3


def timed_insert(connection: psycopg.Connection) -> float:
    started = time.perf_counter()
    connection.execute("INSERT INTO bench_commits (note) VALUES ('one small row')")
    return time.perf_counter() - started


def bulk_insert_rate(database_url: str) -> float:
    """Leads a second by multi-row insert, each with its two identities, into LeadHub's own tables and nothing else."""
    batches = [
        [numbered(number) for number in range(start, start + BATCH)] for start in range(0, BATCHES * BATCH, BATCH)
    ]
    documents = [orjson.dumps(batch).decode() for batch in batches]
    with psycopg.connect(database_url, autocommit=True) as connection:
        started = time.perf_counter()
        for document in documents:
            insert(connection, document)
        seconds = time.perf_counter() - started
        for statement in REMOVE:
            connection.execute(statement, (NOBODY,))
    return BATCHES * BATCH / seconds


def insert(connection: psycopg.Connection, document: str) -> None:
    parameters = {"workspace": NOBODY, "rows": document}
    with connection.transaction():
        connection.execute(LEADS, parameters)
        connection.execute(IDENTITIES, parameters)


def numbered(number: int) -> dict[str, object]:
    row = lead(number % VARIETY, again=False)
    return {**row, "id": number, "email": f"lead.{number}@example.com", "phone": f"+1212{number:07d}"}
