"""Many small workspaces, each as `workspace create` makes it, with a few leads, an automation and a webhook."""

import psycopg

WORKSPACES_PER_STATEMENT = 1_000
LEADS_EACH = 20

WORKSPACES_SQL = """
WITH made AS (
    INSERT INTO workspaces (slug, name)
    SELECT 'tenant-' || n, 'Tenant ' || n FROM generate_series(%(first)s::int, %(last)s::int) n RETURNING id
), piped AS (
    INSERT INTO pipelines (workspace_id, name, is_default) SELECT id, 'Sales', true FROM made RETURNING workspace_id, id
), staged AS (
    INSERT INTO pipeline_stages (workspace_id, pipeline_id, name, position)
    SELECT workspace_id, id, name, place
    FROM piped, unnest(ARRAY['New', 'Contacted', 'Qualified', 'Won', 'Lost']) WITH ORDINALITY stages(name, place)
    RETURNING workspace_id, pipeline_id, id, position
), peopled AS (
    INSERT INTO users (workspace_id, name, email)
    SELECT id, 'Somebody', 'somebody-' || id || '@example.com' FROM made RETURNING id
), hooked AS (
    INSERT INTO webhook_subscriptions (workspace_id, url, events, is_active, secret)
    SELECT id, 'https://hooks.example.com/' || id, ARRAY['lead.created'], false, '' FROM made RETURNING id
)
INSERT INTO leads (workspace_id, id, first_name, email, source, status, pipeline_id, pipeline_stage_id)
SELECT workspace_id, nextval('lead_ids'), 'Lead ' || n, 'lead' || n || '@tenant' || workspace_id || '.example.com',
       'website', 'new', pipeline_id, id
FROM staged, generate_series(1, %(leads)s::int) n WHERE position = 1
"""


def fill_small_workspaces(database: "psycopg.Connection", n: int) -> None:
    """Make `n` workspaces."""
    for first in range(1, n + 1, WORKSPACES_PER_STATEMENT):
        last = min(first + WORKSPACES_PER_STATEMENT - 1, n)
        database.execute(WORKSPACES_SQL, {"first": first, "last": last, "leads": LEADS_EACH})
    for table in ("workspaces", "pipelines", "pipeline_stages", "users", "webhook_subscriptions", "leads"):
        database.execute(f"VACUUM (ANALYZE) {table}".encode())
