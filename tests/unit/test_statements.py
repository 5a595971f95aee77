"""SQL statements: no text of a caller can get into one."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("shared", "services", "cli", "embedded", "demo")
# Modules that put statements together from parts, each of which is a constant or a condition without values. Everywhere
# else a statement holds constants alone, so that no text of a caller can get into one.
STATEMENT_BUILDERS = (
    "embedded.postgres",
    "services.console.jobs.rows",
    "services.console.leads.neighbours",
    "services.console.leads.reads",
    "services.console.pipeline.reads",
    "services.workers.automations.inactivity_timers",
    "services.workers.outbox.event_claims",
    "services.workers.automations.runs",
    "services.workers.deliveries.claim",
    "services.workers.due_work",
    "services.workers.imports.import_engine",
    "services.workers.ingest.row_encoding",
    "services.workers.partitions",
    "services.workers.read_models",
    "shared.jobs.lead_targets",
    "shared.lead_list.counts",
    "shared.lead_list.filters",
    "shared.lead_list.read_page",
    "shared.leads.identities",
    "shared.merging.lead_unmerge",
    "shared.people.erase_person",
    "shared.people.erasure_preview",
    "shared.people.person_report",
)
OPENS_STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE \w+|DELETE FROM|WITH \w+|CREATE|ALTER|DROP|LOCK) ")


def is_statement(text: ast.JoinedStr) -> bool:
    first = text.values[0]
    return isinstance(first, ast.Constant) and OPENS_STATEMENT.match(str(first.value)) is not None


def parts_of(text: ast.JoinedStr) -> set[str]:
    """The names of what stands between the braces of an f-string."""
    parts = [part.value for part in text.values if isinstance(part, ast.FormattedValue)]
    return {name.id for part in parts for name in ast.walk(part) if isinstance(name, ast.Name)}


def test_statements_hold_constants_alone() -> None:
    builders = set()
    for path in sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr) and is_statement(node) and not all(map(str.isupper, parts_of(node))):
                builders.add(str(path.relative_to(ROOT)).removesuffix(".py").replace("/", "."))
    assert builders == set(STATEMENT_BUILDERS)
