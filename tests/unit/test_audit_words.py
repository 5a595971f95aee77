"""Whatever the code writes into the audit log has words on its page."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.api.app import DOWNLOAD_ROUTES, ROUTES
from services.console.app import CONSOLE_ROUTES
from services.console.jobs.filters import JOB_KINDS
from services.console.settings.audit_words import ACTION_WORDS
from services.console.settings.users import AUDIT_ACTIONS
from shared.service_app.audit import ALWAYS_AUDITED, AUDITED_ACTION, SAFE_METHODS, STEERING_SCOPES, handler_action

pytestmark = pytest.mark.unit

PROJECT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z_]+\.[a-z_]+")
NAMERS = ("audit_details", "AuditEntry", "write_command")
# Codes that are put together where they are written.
COMPOSED = {
    *(f"bulk.{kind}" for kind in JOB_KINDS),
    *("bulk.edit_leads", "bulk.delete_leads"),
    *("view.change", "view.rename", "view.delete", "view.restore"),
    *("job.paused", "job.resumed", "job.cancelled", "job.rate_changed"),
    *("submission.tried", "submission.replayed", "import.created", "import.cancelled", "import.undone"),
    *AUDIT_ACTIONS.values(),
}


def codes_of_routes() -> Iterator[str]:
    for route in CONSOLE_ROUTES:
        if route.method not in SAFE_METHODS or getattr(route.handler, ALWAYS_AUDITED, False):
            yield handler_action(route.handler)
    for route in (*ROUTES, *DOWNLOAD_ROUTES):
        steers = route.method not in SAFE_METHODS and getattr(route.handler, "scope", None) in STEERING_SCOPES
        if steers or getattr(route.handler, ALWAYS_AUDITED, False):
            yield handler_action(route.handler)


def codes_in_source() -> Iterator[str]:
    """What a call names an entry by, as far as it stands there whole."""
    for folder in ("services", "shared", "cli"):
        for path in (PROJECT / folder).rglob("*.py"):
            for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
                name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                if name in NAMERS:
                    named = [keyword.value for keyword in call.keywords if keyword.arg == "action"]
                    yield from (
                        str(text.value)
                        for value in (*named, *call.args[:2])
                        for text in ast.walk(value)
                        if isinstance(text, ast.Constant) and CODE.fullmatch(str(text.value))
                    )


def test_audit_log_has_words_for_all_that_the_code_writes() -> None:
    written = {*codes_of_routes(), *codes_in_source(), *COMPOSED}
    assert len(written) > 80
    assert sorted(written - ACTION_WORDS.keys()) == []


def test_every_change_in_the_console_has_a_name_of_its_own_choice() -> None:
    changes = [route for route in CONSOLE_ROUTES if route.method not in SAFE_METHODS]
    assert [route.path for route in changes if not hasattr(route.handler, AUDITED_ACTION)] == []
