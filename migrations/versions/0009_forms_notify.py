"""forms notify"""

from alembic import op

revision = '0009'
down_revision = '0008'

# Events of a workspace are waited for as well where a form names addresses that get a mail of what it was filled in
# with.
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
        OR EXISTS (SELECT 1 FROM lead_points WHERE workspace_id = workspace AND points <> 0)
        {more}
    WHERE workspace_id = workspace;
    RETURN NULL;
END $$
"""
NOTIFYING = "OR EXISTS (SELECT 1 FROM forms WHERE workspace_id = workspace AND settings->'notify_emails' <> '[]')"
TRIGGER = """
CREATE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF settings ON forms
FOR EACH ROW EXECUTE FUNCTION rules_changed()
"""
# Of the forms that are there: the trigger notes them.
NOTE = "UPDATE forms SET settings = settings WHERE settings->'notify_emails' <> '[]'"


def upgrade() -> None:
    op.execute(CHANGED.format(more=NOTIFYING))
    op.execute(TRIGGER)
    op.execute(NOTE)


def downgrade() -> None:
    op.execute('DROP TRIGGER rules_changed ON forms')
    op.execute(CHANGED.format(more=''))
