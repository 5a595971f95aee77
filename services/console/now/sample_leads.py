"""Leads that a new workspace can be filled with: an import of made-up people, so that one click takes them back."""

import csv
import io

from shared.imports.import_quota import ImportLimits
from shared.imports.import_storage import store_import
from shared.imports.import_upload import UploadedTable, plan_import
from shared.imports.text_encoding import EncodingJudge
from shared.intake.change_author import ChangeAuthor
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

SAMPLE_FILE_NAME = "sample-leads.csv"
HELD_SAMPLES_SQL = """
SELECT max(id) FROM imports WHERE workspace_id = %s AND file_name = %s AND NOT is_dry_run AND undo_job_id IS NULL
  AND (NOT is_settled OR created + merged + unchanged > 0)
"""
SAMPLE_OPTIONS = '{"tags": ["sample"], "run_automations": false}'
COLUMNS = ("First name", "Last name", "E-mail", "Phone", "Company", "Country", "Source")
# Addresses end in example.com, .net or .org, which belong to nobody (RFC 2606). The numbers are kept for fiction
# by Ofcom and by the North American plan. Two people are here twice, in other spellings.
PEOPLE = (
    ("Grace", "Hopper", "grace.hopper@example.com", "+1 202 555 0143", "Harbour Systems", "US", "website"),
    ("Ada", "Byron", "ada@example.org", "+44 20 7946 0301", "Engine Works", "GB", "google"),
    ("Omar", "Haddad", "omar.haddad@example.net", "", "Cedar Trading", "AE", "meta"),
    ("Layla", "Nasser", "layla@example.com", "", "Desert Rose", "SA", "website"),
    ("Katherine", "Jones", "k.jones@example.org", "+1 202 555 0187", "", "US", "linkedin"),
    ("Søren", "Lund", "soren.lund@example.net", "", "Nordlys", "DK", "referral"),
    ("GRACE", "HOPPER", "Grace.Hopper@Example.com", "", "", "US", "google"),
    ("Mei", "Tanaka", "mei.tanaka@example.com", "", "Kita Design", "JP", "website"),
    ("Lucía", "Ortega", "lucia@example.org", "", "Ortega y Hijos", "ES", "meta"),
    ("Tom", "Baker", "tom.baker@example.net", "+44 20 7946 0555", "", "GB", "tiktok"),
    ("Layla", "Naser", "layla@example.com", "", "Desert Rose Ltd", "SA", "meta"),
    ("Ines", "Moreau", "ines@example.com", "", "Atelier Moreau", "FR", "website"),
)


async def find_sample_import(connection: Connection, workspace_id: int) -> int | None:
    """Return the id of the import whose samples the workspace has, or will have. None if it was taken back."""
    row = await (await connection.execute(HELD_SAMPLES_SQL, (workspace_id, SAMPLE_FILE_NAME))).fetchone()
    return row[0] if row else None


async def import_sample_leads(
    connection: Connection, workspace_id: int, author: ChangeAuthor, limits: ImportLimits
) -> int:
    """Store the import of the samples and return its id. A worker starts it within a second.

    Raises ImportQuotaReached.
    """
    content = _sample_csv()
    judge, errors = EncodingJudge(), FieldErrors()
    judge.feed(content)
    table = UploadedTable(io.BytesIO(content), SAMPLE_FILE_NAME, len(content), judge)
    new = await plan_import(table, SAMPLE_OPTIONS, errors, is_dry_run=False)
    if new is None:
        raise RuntimeError(f"the samples cannot be imported: {errors}")
    return await store_import(connection, workspace_id, new, table.file, author, limits)


def _sample_csv() -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows((COLUMNS, *PEOPLE))
    return text.getvalue().encode()
