"""A workspace whose leads are scored: three leads, no rule yet, and an account of two roles."""

import secrets
from dataclasses import dataclass
from typing import Any

from shared import workspaces
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, make_account
from tests.support.stack import Stack

MAKE_LEADS = """
INSERT INTO leads (workspace_id, id, first_name, country)
SELECT w.id, nextval('lead_ids'), 'Ada', code
FROM workspaces w, unnest(ARRAY['NO', 'NO', 'SE']) code WHERE w.slug = %s
"""
SCORES = """
SELECT array_agg(lead_score ORDER BY l.id) FROM leads l JOIN workspaces w ON w.id = l.workspace_id WHERE w.slug = %s
"""
RULES = """
SELECT r.id, field, operator, value, points, is_active FROM scoring_rules r
JOIN workspaces w ON w.id = r.workspace_id WHERE w.slug = %s ORDER BY position
"""


@dataclass
class Scored:
    """A workspace of the test's own."""

    stack: Stack
    slug: str

    @property
    def page(self) -> str:
        return f"/console/{self.slug}/settings/scoring"

    def rules(self) -> list[tuple[Any, ...]]:
        with self.stack.database() as database:
            return database.execute(RULES, (self.slug,)).fetchall()

    def scores(self) -> list[int]:
        with self.stack.database() as database:
            [(scores,)] = database.execute(SCORES, (self.slug,)).fetchall()
            return list(scores)


async def make_scored(stack: Stack) -> Scored:
    """A new workspace with three leads. Its manager and its reader have their role and its slug in their e-mail."""
    slug = f"score-{secrets.token_hex(6)}"
    async with connect(stack.database_url, "tests") as connection:
        async with connection.transaction():
            await workspaces.create_workspace(connection, slug, "Scores")
            await connection.execute(MAKE_LEADS, (slug,))
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        roles: tuple[Role, ...] = ("manager", "read_only")
        for role in roles:
            email = f"{role}@{slug}.example.com"
            await make_account(connection, slug, email, role, name=role, password_hash=password_hash)
    return Scored(stack, slug)
