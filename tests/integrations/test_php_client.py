"""The PHP client: one file, run by PHP against a running LeadHub, with the extension curl and without it."""

import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import PROGRAMS, run_program, run_program_through
from tests.integrations.conftest import WALKED_LEADS, Site
from tests.integrations.signed_messages import MESSAGES, NOW
from tests.integrations.strange_answers import OUTCOMES, strange_answers
from tests.support.tiers import first_in_tier
from tests.support.waiting import until

PHP = shutil.which("php")
FOLDER = PROJECT_ROOT / "integrations" / "php"
CLIENT = FOLDER / "LeadHub.php"
STRICT = ("-d", "error_reporting=-1", "-d", "display_errors=stderr", "-d", "zend.assertions=1")
WITHOUT_CURL = ("-d", "disable_functions=curl_init")

pytestmark = pytest.mark.skipif(PHP is None, reason="there is no php here")


@pytest.fixture(params=first_in_tier((), WITHOUT_CURL, ids=("curl", "streams")))
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How the program of the scenarios is run."""
    monkeypatch.setenv("CLIENT_FILE", str(CLIENT))
    return [str(PHP), *STRICT, *request.param, str(PROGRAMS / "client.php")]


def settings_of(site: Site, **more: Any) -> dict[str, Any]:
    return {"url": site.url, "key": site.key, "source": site.thousand, **more}


def test_messages_are_known_or_refused(program: list[str]) -> None:
    answers = run_program(program, "verify", {"messages": [asdict(message) for message in MESSAGES], "now": NOW})
    for message, answer in zip(MESSAGES, answers, strict=True):
        if message.refusal is None:
            assert answer == "lead.created", message.name
        else:
            assert answer.startswith("refused: "), message.name
            assert message.refusal.replace("webhook-", "") in answer


def test_no_answer_is_an_error_of_its_own(program: list[str]) -> None:
    assert run_program(program, "away", {"away": f"http://127.0.0.1:{free_port('127.0.0.1')}"}) == "no answer"


def test_strange_answers_are_refused(program: list[str]) -> None:
    with strange_answers() as addresses:
        found = run_program(program, "strange", {"strange": addresses})
    assert found == {name: outcomes[:-1] for name, outcomes in OUTCOMES.items()}  # it has no downloads


def test_leads_are_created_and_read(program: list[str], site: Site) -> None:
    found = run_program(program, "create", settings_of(site))
    lead_id = found["created"]["lead_id"]
    assert (found["created"]["status"], found["created"]["is_duplicate"]) == ("created", False)
    assert (found["again"]["lead_id"], found["again"]["is_duplicate"]) == (lead_id, True)
    assert (found["batch"], found["filled"]) == (["created", "invalid"], "created")
    assert (found["found"], found["none"], found["deleted"]) == ([lead_id], [], [])
    assert (found["lead"]["first_name"], found["lead"]["tags"]) == ("Zoë", ["elephant"])
    assert found["wrong"] == {"status": 422, "code": "VALIDATION_FAILED", "fields": ["email"], "id": True}
    assert (found["gone"]["code"], found["stranger"]["code"]) == ("NOT_FOUND", "UNAUTHORIZED")


@pytest.mark.extended
def test_all_leads_are_walked_once(program: list[str], site: Site) -> None:
    found = run_program(program, "walk", settings_of(site))
    assert len(found) == len(set(found)) == WALKED_LEADS


@pytest.mark.extended
@pytest.mark.usefixtures("one_hour")
def test_a_used_up_key_is_waited_for(program: list[str], site: Site) -> None:
    limited, limited_id = site.make_key(rate_limit=2)
    found = run_program(program, "limit", settings_of(site, limited=limited, limited_id=limited_id))
    assert found["names"] == ["tests"] * 4
    assert found["waits"]
    assert all(0 < seconds <= 3600 for seconds in found["waits"])


@pytest.mark.extended
def test_no_lead_is_lost_or_doubled_by_a_restart(program: list[str], settled_site: Site) -> None:
    before = settled_site.count("php-restart")
    results = run_program_through(
        program, "restart", settings_of(settled_site), 5, lambda: settled_site.stack.kill("gateway")
    )
    settled_site.stack.until_settled()
    assert len({result["submission_id"] for result in results}) == 40
    assert before in (0, 40)  # with curl, then without it: the same people
    until(lambda: settled_site.count("php-restart") == 40, 60, "40 leads")


@pytest.mark.extended
def test_lines_of_the_page_run(site: Site, tmp_path: Path) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    (lines, _) = re.findall(r"^```php\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    lines = lines.replace("http://127.0.0.1:8000", site.url).replace("lh_your_api_key_here", site.key)
    (tmp_path / "lines.php").write_text(
        "<?php\n" + lines.replace("'leads', ['source' => 'website'", "'leads', ['source' => 'walked'"), encoding="utf-8"
    )
    shutil.copy(CLIENT, tmp_path)
    command = [str(PHP), *STRICT, "lines.php"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("walked-") == WALKED_LEADS
