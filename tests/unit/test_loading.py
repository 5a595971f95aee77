"""What a process loads, it pays for with each start, and a command with each use."""

import subprocess
import sys

import pytest
from alembic.script import ScriptDirectory

from cli.schema import alembic_config, head_version
from shared.platform.installation import PROJECT_ROOT

DATABASE = ("sqlalchemy", "alembic")
# What few requests need is loaded with the first of them.
RARE = ("boto3", "charset_normalizer", "disposable_email_domains", "jwt", "python_calamine", "zxcvbn")
# Commands that ask a LeadHub elsewhere need nothing of one.
REMOTE_STRANGERS = (*DATABASE, "services", "embedded", "shared.platform", "celery", "aiohttp", "psycopg", "pydantic")
WEB = ("services.api", "services.gateway", "aiohttp.web")


@pytest.mark.parametrize(
    ("loaded", "strangers"),
    [
        ("cli.up", (*DATABASE, "services", "celery", "aiohttp")),
        ("cli.workspaces_and_keys", (*DATABASE, "services", "celery", "aiohttp")),
        ("cli.users", (*DATABASE, "services", "celery", "aiohttp")),
        ("cli.status", (*DATABASE, "services", "celery", "aiohttp")),
        ("cli.services", (*DATABASE, "services")),
        ("cli.listen", REMOTE_STRANGERS),
        ("cli.api_calls", REMOTE_STRANGERS),
        ("cli.completion", REMOTE_STRANGERS),
        ("cli.serve_sweeper", (*DATABASE, *WEB)),
        ("services.workers.app", (*DATABASE, *WEB)),
        ("services.gateway.app", DATABASE),
    ],
)
def test_entry_points_import_only_what_they_use(loaded: str, strangers: tuple[str, ...]) -> None:
    script = f"import sys, {loaded}; print(*[name for name in {strangers + RARE} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_expected_revision_is_alembics_head() -> None:
    assert ScriptDirectory.from_config(alembic_config("postgresql://")).get_current_head() == head_version()
