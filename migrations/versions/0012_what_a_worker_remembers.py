"""what a worker remembers"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'

# What a batch of leads must know of its workspace, which workers keep in memory: settings, the default pipeline with its
# first stage, and tags by name. No writer can forget the number, since triggers keep it.
CHANGED = """
CREATE FUNCTION facts_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE workspaces SET version = version + 1 WHERE id = coalesce(NEW.workspace_id, OLD.workspace_id);
    RETURN NULL;
END $$
"""
SETTINGS_CHANGED = """
CREATE FUNCTION settings_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$
"""
ON_SETTINGS = """
CREATE TRIGGER settings_changed BEFORE UPDATE OF country, merge_policy, fold_gmail ON workspaces
FOR EACH ROW EXECUTE FUNCTION settings_changed()
"""
TRIGGER = "CREATE TRIGGER facts_changed AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION facts_changed()"
# Whether anybody waits for events belongs to it as well, and has a number of its own. Neither ever falls, so that the sum is
# the same as long as both are. To raise the one with the other would have who saves a rule wait for who deletes a stage.
VERSION = """
CREATE FUNCTION workspace_version(workspace bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT w.version + coalesce((SELECT r.version FROM rule_versions r WHERE r.workspace_id = w.id), 0)
    FROM workspaces w WHERE w.id = workspace
$$
"""
# Of a batch that goes by a version: locks out who deletes what leads may refer to (shared/leads/references.py), and makes
# sure of the version. Volatile, so that what it reads is of after its wait for the lock.
HOLD = """
CREATE FUNCTION hold_workspace(locks int, workspace bigint, assumed bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(locks, workspace::int);
    IF assumed IS DISTINCT FROM workspace_version(workspace) THEN
        RAISE EXCEPTION 'the workspace has changed' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN true;
END $$
"""
FACTS = {
    'pipelines': 'INSERT OR DELETE OR UPDATE OF is_default',
    'pipeline_stages': 'INSERT OR DELETE OR UPDATE OF pipeline_id, position',
    'tags': 'DELETE OR UPDATE OF name',  # a new one is found by whoever does not know the name yet
}


def upgrade() -> None:
    op.add_column('workspaces', sa.Column('version', sa.BigInteger(), server_default='0', nullable=False))
    op.execute(CHANGED)
    op.execute(SETTINGS_CHANGED)
    op.execute(ON_SETTINGS)
    op.execute(VERSION)
    op.execute(HOLD)
    for table, events in FACTS.items():
        op.execute(TRIGGER.format(events=events, table=table))


def downgrade() -> None:
    for table in FACTS:
        op.execute(f"DROP TRIGGER facts_changed ON {table}")
    op.execute('DROP FUNCTION hold_workspace')
    op.execute('DROP FUNCTION workspace_version')
    op.execute('DROP TRIGGER settings_changed ON workspaces')
    op.execute('DROP FUNCTION settings_changed')
    op.execute('DROP FUNCTION facts_changed')
    op.drop_column('workspaces', 'version')
