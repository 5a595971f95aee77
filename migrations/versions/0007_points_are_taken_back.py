"""points are taken back"""

from alembic import op

revision = '0007'
down_revision = '0006'

# Leads that hold points of rules are waited for as well: else those of the last rule would stay with them for ever.
CHANGED = """
CREATE OR REPLACE FUNCTION rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    workspace bigint := coalesce(NEW.workspace_id, OLD.workspace_id);
BEGIN
    INSERT INTO rule_versions (workspace_id, version) VALUES (workspace, 1)
    ON CONFLICT (workspace_id) DO UPDATE SET version = rule_versions.version + 1;
    UPDATE rule_versions SET is_watched =
        EXISTS (SELECT 1 FROM automations WHERE workspace_id = workspace AND is_active)
        OR EXISTS (SELECT 1 FROM scoring_rules WHERE workspace_id = workspace AND is_active)
        OR EXISTS (SELECT 1 FROM webhook_subscriptions WHERE workspace_id = workspace AND is_active)
        {more}
    WHERE workspace_id = workspace;
    RETURN NULL;
END $$
"""
HELD = 'OR EXISTS (SELECT 1 FROM lead_points WHERE workspace_id = workspace AND points <> 0)'


def upgrade() -> None:
    op.execute(CHANGED.format(more=HELD))


def downgrade() -> None:
    op.execute(CHANGED.format(more=''))
