"""The cost of PostgreSQL alone, on the server of the stack: a durable commit and a bulk insert."""

import statistics
import time

import orjson
import psycopg

from bench.leads import TEMPLATE_COUNT, lead_template

SEQUENTIAL_COMMITS = 400
PACED_RATE = 500.0  # commits a second; leads come at this rate where latency is measured
PACED_COMMITS = 1000
BATCH_COUNT, BATCH_SIZE = 10, 500
# No workspace has this id, so nothing else sees the rows that are inserted here, and they can be removed again.
UNUSED_WORKSPACE_ID = -1

CREATE_TABLE_SQL = (
    "CREATE TABLE IF NOT EXISTS bench_commits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)"
)
INSERT_LEADS_SQL = """
INSERT INTO leads (workspace_id, id, first_name, last_name, email, phone, company, source, notes, custom_fields)
SELECT %(workspace)s, id, first_name, last_name, email, phone, company, source, notes, custom_fields
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (id bigint, first_name text, last_name text, email text, phone text,
                                               company text, source text, notes text, custom_fields jsonb)
"""
INSERT_IDENTITIES_SQL = """
INSERT INTO identities (workspace_id, kind, value, lead_id)
SELECT %(workspace)s, kind, value, id
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (id bigint, email text, phone text),
     LATERAL (VALUES ('email', email), ('phone', phone)) AS i (kind, value)
"""
REMOVE_INSERTED_SQL = ("DELETE FROM leads WHERE workspace_id = %s", "DELETE FROM identities WHERE workspace_id = %s")


def durable_commit_ms(database_url: str) -> tuple[float, float]:
    """Return the milliseconds of a single-row insert with its commit, flushed to disk, as two figures.

    The first is the median of commits one after the other. The second is the 99th percentile of commits at even times,
    counted from the time each is due. It is the machine's own tail: how late it wakes a waiting process. A lead has
    several such waits.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        connection.execute(CREATE_TABLE_SQL)
        in_a_row = [timed_insert(connection, time.perf_counter()) for _ in range(SEQUENTIAL_COMMITS)]
        start = time.perf_counter()
        paced = [timed_insert(connection, start + number / PACED_RATE) for number in range(PACED_COMMITS)]
        connection.execute("DROP TABLE bench_commits")
    return statistics.median(in_a_row) * 1e3, statistics.quantiles(paced, n=100)[-1] * 1e3


def timed_insert(connection: psycopg.Connection, due: float) -> float:
    """Insert a row when it is due and return the seconds since then."""
    if (early := due - time.perf_counter()) > 0:
        time.sleep(early)
    connection.execute("INSERT INTO bench_commits (note) VALUES ('one small row')")
    return time.perf_counter() - due


def bulk_insert_rate(database_url: str) -> float:
    """Return the leads a second by multi-row insert into LeadHub's own tables, each lead with two identities."""
    batches = [
        [numbered_lead(number) for number in range(start, start + BATCH_SIZE)]
        for start in range(0, BATCH_COUNT * BATCH_SIZE, BATCH_SIZE)
    ]
    documents = [orjson.dumps(batch).decode() for batch in batches]
    with psycopg.connect(database_url, autocommit=True) as connection:
        started = time.perf_counter()
        for document in documents:
            insert_batch(connection, document)
        seconds = time.perf_counter() - started
        for statement in REMOVE_INSERTED_SQL:
            connection.execute(statement, (UNUSED_WORKSPACE_ID,))
    return BATCH_COUNT * BATCH_SIZE / seconds


def insert_batch(connection: psycopg.Connection, document: str) -> None:
    parameters = {"workspace": UNUSED_WORKSPACE_ID, "rows": document}
    with connection.transaction():
        connection.execute(INSERT_LEADS_SQL, parameters)
        connection.execute(INSERT_IDENTITIES_SQL, parameters)


def numbered_lead(number: int) -> dict[str, object]:
    row = lead_template(number % TEMPLATE_COUNT, again=False)
    return {**row, "id": number, "email": f"lead.{number}@example.com", "phone": f"+1212{number:07d}"}
