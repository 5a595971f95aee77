"""The TypeScript client: built as it is shipped, checked strictly, and run by Node against a running LeadHub."""

import re
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import (
    NO_NPM_REASON,
    PROGRAMS,
    TYPESCRIPT,
    built_typescript_client,
    run_program,
    run_program_through,
    typescript_tool,
)
from tests.integrations.conftest import WALKED_LEADS, Site
from tests.integrations.signed_messages import MESSAGES, NOW
from tests.integrations.strange_answers import OUTCOMES, strange_answers
from tests.support.waiting import until

RIGHT_LINES = """
import { LeadHub, type Lead, verifyWebhook } from "leadhub-client";
const client = new LeadHub("https://crm.example.com", "lh_key");
for await (const lead of client.leads.list({ tag: "vip" })) {
  const known: Lead = lead;
  await client.leads.update(known.id, { status: "qualified" });
}
await client.submitLead({ email: "grace@example.com" });
const event = await verifyWebhook(new Headers(), "", "whsec_");
if (event.event === "tag.added") console.log(event.data.tag);
"""
WRONG_LINES = (
    'await client.leads.create({ email: "grace@example.com" });  // a name is required',
    'client.leads.list({ status: "won" });  // no such status',
    "client.leads.list({ page: 2 });  // the client walks",
    "(await client.leads.get(1)).name;  // no such field",
)
CLIENT_LINES = 'import { LeadHub } from "leadhub-client";\nconst client = new LeadHub("https://a", "lh_key");\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the client is installed, and the program of the scenarios."""
    made = tmp_path_factory.mktemp("typescript")
    reason = built_typescript_client(made)
    if reason:
        pytest.skip(reason)
    (made / "client.mjs").write_bytes((PROGRAMS / "client.mjs").read_bytes())
    return made


@pytest.fixture(scope="module")
def program(folder: Path) -> list[str]:
    return ["node", str(folder / "client.mjs")]


def settings_of(site: Site, **more: Any) -> dict[str, Any]:
    return {"url": site.url, "key": site.key, "source": site.thousand, **more}


def compile_lines(folder: Path, lines: str) -> str:
    """What the compiler says of a module that uses the client; empty if it fits."""
    source = folder / "lines.mts"
    source.write_text(lines, encoding="utf-8")
    tsc = typescript_tool("tsc")
    assert tsc
    options = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext")
    command = [tsc, *options, "--lib", "es2022,dom,dom.iterable", str(source)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120).stdout


def test_types_are_up_to_date(tmp_path: Path) -> None:
    """If they are not: `npm run types` in integrations/typescript."""
    generator = typescript_tool("openapi-typescript")
    if generator is None:
        pytest.skip(NO_NPM_REASON)
    made = tmp_path / "schema.ts"
    options = ("--root-types", "--root-types-no-schema-prefix", "--output", str(made))
    command = [generator, str(PROJECT_ROOT / "docs" / "openapi.json"), *options]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert made.read_text() == (TYPESCRIPT / "src" / "schema.ts").read_text()


@pytest.mark.extended
def test_right_lines_compile(folder: Path) -> None:
    assert compile_lines(folder, RIGHT_LINES) == ""


@pytest.mark.extended
def test_wrong_lines_do_not_compile(folder: Path) -> None:
    refused = re.findall(r"^lines\.mts\((\d+),", compile_lines(folder, CLIENT_LINES + "\n".join(WRONG_LINES)), re.M)
    assert [int(line) for line in refused] == list(range(3, 3 + len(WRONG_LINES)))


@pytest.mark.extended
def test_package_can_be_required(folder: Path) -> None:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, version.strip("v\n").split(".")[:2])) < (20, 19):
        pytest.skip("needs Node 20.19")
    lines = 'console.log(typeof require("leadhub-client").LeadHub)'
    command = ["node", "--no-warnings", "--eval", lines]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == "function\n"


def test_messages_are_known_or_refused(program: list[str]) -> None:
    results = run_program(program, "verify", {"messages": [asdict(message) for message in MESSAGES], "now": NOW})
    for message, answers in zip(MESSAGES, results, strict=True):
        for answer in answers:
            if message.refusal is None:
                assert answer == "lead.created", message.name
            else:
                assert answer.startswith("refused: "), message.name
                assert message.refusal in answer


def test_no_answer_is_an_error_of_its_own(program: list[str]) -> None:
    assert run_program(program, "away", {"away": f"http://127.0.0.1:{free_port('127.0.0.1')}"}) is True


def test_strange_answers_are_refused(program: list[str]) -> None:
    with strange_answers() as addresses:
        found = run_program(program, "strange", {"strange": addresses})
    assert found == OUTCOMES


def test_leads_are_created_and_read(program: list[str], site: Site) -> None:
    found = run_program(program, "create", settings_of(site))
    lead_id = found["created"]["lead_id"]
    assert (found["created"]["status"], found["created"]["is_duplicate"]) == ("created", False)
    assert (found["again"]["lead_id"], found["again"]["is_duplicate"]) == (lead_id, True)
    assert (found["batch"], found["filled"], found["tried"]) == (["created", "invalid"], "created", "dry_run")
    assert (found["found"], found["first"], found["health"]) == ([lead_id], None, "ok")
    assert (found["lead"]["first_name"], found["lead"]["tags"]) == ("Type", ["typed"])
    assert (found["changed"], found["untagged"]) == ("qualified", [])
    assert found["dots"] == {"name": "RangeError"}  # the lead's own path would be another call
    assert '"ts@example.com"' in found["exported"]
    assert found["wrong"] == {"status": 422, "code": "VALIDATION_FAILED", "fields": ["email"], "id": True}
    assert (found["deleted"]["code"], found["stranger"]["code"]) == ("NOT_FOUND", "UNAUTHORIZED")


@pytest.mark.extended
def test_a_file_is_imported(program: list[str], site: Site) -> None:
    assert run_program(program, "import", settings_of(site)) == {"state": "done", "count": 1}


@pytest.mark.extended
def test_all_leads_are_walked_once(program: list[str], site: Site) -> None:
    found = run_program(program, "walk", settings_of(site))
    assert len(found["ids"]) == len(set(found["ids"])) == WALKED_LEADS
    assert found["sizes"] == [90] * 11 + [10]


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
    results = run_program_through(
        program, "restart", settings_of(settled_site), 5, lambda: settled_site.stack.kill("gateway")
    )
    settled_site.stack.until_settled()
    assert len({result["submission_id"] for result in results}) == 40
    until(lambda: settled_site.count("ts-restart") == 40, 60, "40 leads")


@pytest.mark.extended
def test_lines_of_the_page_run(folder: Path, site: Site) -> None:
    readme = (TYPESCRIPT / "README.md").read_text(encoding="utf-8")
    (lines, _) = re.findall(r"^```js\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    lines = lines.replace("http://127.0.0.1:8000", site.url).replace("lh_your_api_key_here", site.key)
    (folder / "lines.mjs").write_text(
        lines.replace('list({ source: "website"', 'list({ source: "walked"'), encoding="utf-8"
    )
    found = subprocess.run(["node", "lines.mjs"], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("walked-") == WALKED_LEADS
