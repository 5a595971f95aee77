"""Workspaces full of leads, made by the database itself: as varied as real ones, and the same each time."""

import sys
import time

import psycopg

from bench.leads import COMPANIES, FIRST_NAMES, LAST_NAMES, SOURCES, TAGS

CHUNK = 50_000
SETTLE_SECONDS = 600.0
RARE = "rare"  # the tag of one lead in a thousand
YEAR = 365 * 86_400
OURS = "Direct"  # the pipeline that questions are asked about
STAGES = ("New", "Talking", "Offer", "Won", "Lost")

WORKSPACE = """
INSERT INTO workspaces (slug, name) VALUES (%s, %s) ON CONFLICT (slug) DO UPDATE SET name = excluded.name RETURNING id
"""
PIPELINE = "INSERT INTO pipelines (workspace_id, name) VALUES (%s, %s) RETURNING id"
STAGE = "INSERT INTO pipeline_stages (workspace_id, pipeline_id, name, position) VALUES (%s, %s, %s, %s) RETURNING id"
USER = "INSERT INTO users (workspace_id, name, email) VALUES (%s, %s, %s) RETURNING id"
TAG = "INSERT INTO tags (workspace_id, name) VALUES (%s, %s) RETURNING id"

# `r` are numbers that look like chance and are the same each time; leads come in the order of their creation.
LEADS = """
INSERT INTO leads (workspace_id, id, first_name, last_name, email, phone, company, source, status, lead_score, starred,
                   pipeline_id, pipeline_stage_id, assigned_user_id, notes, custom_fields, tag_ids, created_at,
                   updated_at)
SELECT %(workspace)s, nextval('lead_ids'), (%(firsts)s::text[])[1 + r[1] %% cardinality(%(firsts)s::text[])],
       (%(lasts)s::text[])[1 + r[2] %% cardinality(%(lasts)s::text[])],
       'p' || to_hex(r[3]) || '.' || n || '@customer-' || r[4] %% 500 || '.example.com',
       '+1' || 200 + r[5] %% 700 || 2000000 + r[6] %% 8000000, (%(companies)s::text[])[1 + r[4] %% 5],
       (%(sources)s::text[])[1 + r[7] %% 8],
       CASE WHEN r[8] %% 10 < 5 THEN 'new'
            ELSE (ARRAY['contacted', 'qualified', 'converted', 'lost'])[1 + r[8] / 10 %% 4] END,
       r[9] %% 101, r[10] %% 20 = 0,
       (%(pipelines)s::bigint[])[1 + r[11] %% 10], (%(stages)s::bigint[])[1 + r[11] %% 10],
       CASE WHEN r[12] %% 2 = 0 THEN (%(users)s::bigint[])[1 + r[12] / 2 %% 10] END,
       CASE WHEN r[1] %% 3 = 0 THEN 'Came from newsletter signup, asked for a call back in the afternoon.' END,
       jsonb_build_object('utm_campaign', 'spring-promo', 'budget', (r[2] %% 64 * 1000)::text),
       CASE r[13] %% 3 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY[(%(tags)s::bigint[])[1 + r[14] %% 8]]
            ELSE ARRAY[(%(tags)s::bigint[])[1 + r[14] %% 4], (%(tags)s::bigint[])[5 + r[15] %% 4]] END
            || CASE WHEN r[16] %% 1000 = 0 THEN (%(tags)s::bigint[])[9:9] END,
       at, at + r[16] %% 2592000 * interval '1 s'
FROM generate_series(%(first)s::int, %(last)s::int) n, LATERAL (
    SELECT ARRAY(SELECT hashint4(n * 16 + k) & 2147483647 FROM generate_series(1, 16) k) AS r,
           now() - %(year)s * (1 - n::float8 / %(n)s) * interval '1 s' AS at) drawn
"""
WAITING = """
SELECT (SELECT count(*) FROM lead_search_queue) + (SELECT count(*) FROM lead_count_deltas)
       + (SELECT count(*) FROM lead_time_deltas)
"""


def fill(database: psycopg.Connection, slug: str, n: int) -> int:
    """A workspace with so many leads; its id."""
    workspace = _id(database, WORKSPACE, slug, slug)
    pipelines = [_id(database, PIPELINE, workspace, name) for name in (OURS, "Partners")]
    stages = [
        _id(database, STAGE, workspace, pipeline, name, position)
        for pipeline in pipelines
        for position, name in enumerate(STAGES, 1)
    ]
    values = {
        "workspace": workspace,
        "n": n,
        "year": YEAR,
        "pipelines": [pipeline for pipeline in pipelines for _ in STAGES],
        "stages": stages,
        "users": [_id(database, USER, workspace, f"User {k}", f"user{k}@example.com") for k in range(10)],
        "tags": [_id(database, TAG, workspace, name) for name in (*TAGS, RARE)],
        "firsts": [*FIRST_NAMES, *(f"{a}{b}" for a in ("Al", "Be", "Cla", "Do") for b in ("ra", "nis", "vin", "mira"))],
        "lasts": [f"{name}{end}" for name in LAST_NAMES for end in ("", "-Smith", "son", "ova", " Jr")],
        "sources": list(SOURCES),
        "companies": list(COMPANIES),
    }
    for first in range(1, n + 1, CHUNK):
        database.execute(LEADS, {**values, "first": first, "last": min(first + CHUNK - 1, n)})
        print(f"{slug}: {min(first + CHUNK - 1, n):,} leads", file=sys.stderr)
    return workspace


def settle(database: psycopg.Connection) -> None:
    """Until the running sweeper has folded all; then the tables are as autovacuum leaves them in time."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while database.execute(WAITING).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise TimeoutError("the sweeper does not come to an end")
        time.sleep(0.2)
    for table in (
        "leads",
        "lead_updates",
        "lead_search",
        "lead_counts",
        "lead_marginals",
        "lead_times",
        "lead_count_deltas",
    ):
        database.execute(f"VACUUM (ANALYZE) {table}")


def _id(database: psycopg.Connection, statement: str, *values: object) -> int:
    row = database.execute(statement, values).fetchone()
    assert row is not None
    return int(row[0])
