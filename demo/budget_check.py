"""The made-up fault of the demo: a check in its database that refuses leads whose budget is text.

LeadHub itself takes any custom field. With this check submissions die while they are processed, so that dead letters,
their causes, and fixing and replaying them can be shown. Only the workers' sessions meet it: an edit by the API passes.
"""

from shared.platform.db.connections import Connection

BUDGET_CHECK_SQL = """
CREATE OR REPLACE FUNCTION demo_budget_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name') IN ('leadhub worker', 'leadhub sweeper')
       AND jsonb_typeof(NEW.custom_fields->'budget') = 'string'
       AND NEW.custom_fields->>'budget' !~ '^\\s*[0-9]+([.,][0-9]+)?\\s*$'
       AND (TG_OP = 'INSERT' OR NEW.custom_fields->'budget' IS DISTINCT FROM OLD.custom_fields->'budget') THEN
        RAISE EXCEPTION 'custom field "budget" is not a number' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER demo_budget_check BEFORE INSERT OR UPDATE ON leads
FOR EACH ROW EXECUTE FUNCTION demo_budget_check();
"""


async def install_budget_check(connection: Connection) -> None:
    """Install the check. Repeating it has no further effect."""
    await connection.execute(BUDGET_CHECK_SQL)
