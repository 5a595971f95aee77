"""The rows of files that came with submissions, written in the transaction that decides on these.

Their contents are on disk already: the gateway stored them before it answered.
"""

from collections.abc import Sequence

from shared.leads.submission import AcceptedSubmission
from shared.platform.db.connections import StatementExecutor, as_json

# A submission that is replayed or released brings its files again, under the same ids.
ADD_FILES_SQL = """
INSERT INTO files (workspace_id, id, submission_id, form_id, field_key, digest, name, size, type)
SELECT w, id, submission, form, key, decode(digest, 'hex'), name, size, type
FROM json_to_recordset(%s::json) AS f(
    w bigint, id uuid, submission uuid, form bigint, key text, digest text, name text, size bigint, type text)
ON CONFLICT DO NOTHING
"""


async def add_files(connection: StatementExecutor, submissions: Sequence[AcceptedSubmission]) -> None:
    """Write the rows of all files of the submissions, also of those that are held or dead."""
    rows = [
        {"w": one.workspace_id, "submission": one.id, "form": form["id"], **file}
        for one in submissions
        if (form := one.form)
        for file in form.get("files", ())
    ]
    if rows:
        await connection.execute(ADD_FILES_SQL, (as_json(rows),))
