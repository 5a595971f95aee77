"""The rows that say from where visitors sent forms, apart from the submissions and kept for 30 days only."""

from collections.abc import Sequence

from shared.leads.submission import VISITOR_KEY, AcceptedSubmission
from shared.platform.db.connections import StatementExecutor, as_json

ADD_VISITORS_SQL = """
INSERT INTO submission_visitors (workspace_id, submission_id, address, user_agent)
SELECT w, submission, address, user_agent
FROM json_to_recordset(%s::json) AS v(w bigint, submission uuid, address inet, user_agent text)
ON CONFLICT DO NOTHING
"""


async def add_visitors(connection: StatementExecutor, submissions: Sequence[AcceptedSubmission]) -> None:
    """Write from where the submissions were sent, as far as they say it."""
    rows = [
        {"w": one.workspace_id, "submission": one.id, **visitor}
        for one in submissions
        if (form := one.form) and (visitor := form.get(VISITOR_KEY))
    ]
    if rows:
        await connection.execute(ADD_VISITORS_SQL, (as_json(rows),))
