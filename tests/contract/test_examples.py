"""What the README and the API's reference print runs as printed, and other languages' own clients are understood."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.service import INBOUND, Service, new_email
from tests.support.processes import is_alive
from tests.support.tiers import first_in_tier
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PRINTED = "http://127.0.0.1:8000"
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
MARKS = {"worker": "# a worker", "postgres": "# the database"}
STRICT = 'set -euo pipefail; curl() { command curl --fail-with-body "$@"; }\n'
REFERENCE = ROOT.parent / "shared" / "reference" / "000_e58ba015e68a807a.txt"
HEADINGS = {"bash": "cURL", "php": "PHP", "node": "JavaScript (fetch)"}
SHOW = {  # what an example leaves in its variables
    "bash": "",
    "php": "echo json_encode([$leads, $result]);",
    "node": "console.log(JSON.stringify([{ data, meta }, newLead]));",
}
START = {"bash": ["-c"], "php": ["-r"], "node": ["--input-type=module", "--eval"]}

PHP = """
$ch = curl_init(getenv('URL'));
curl_setopt($ch, CURLOPT_POST, true);
curl_setopt($ch, CURLOPT_HTTPHEADER, [
    'Authorization: Bearer ' . getenv('KEY'),
    'Content-Type: application/json',
    'Accept: application/json',
]);
curl_setopt($ch, CURLOPT_POSTFIELDS, json_encode([
    'first_name' => 'Sarah',
    'email' => getenv('EMAIL'),
    'source' => 'api',
]));
curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
echo curl_exec($ch);
"""
PHP_STREAM = """
echo file_get_contents(getenv('URL'), false, stream_context_create(['http' => [
    'method' => 'POST',
    'header' => ['Authorization: Bearer ' . getenv('KEY'), 'Content-Type: application/x-www-form-urlencoded'],
    'content' => http_build_query(['email' => getenv('EMAIL'), 'tags' => ['a', 'b'], 'custom_fields' => ['x' => 1]]),
]]));
"""
NODE = """
const { URL: url, KEY, EMAIL } = process.env;
const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Authorization': `Bearer ${KEY}`, 'Content-Type': 'application/json', 'Accept': 'application/json' },
    body: JSON.stringify({ first_name: 'Sarah', email: EMAIL, source: 'website' }),
});
process.stdout.write(JSON.stringify(await answer.json()));
"""
NODE_FORM = """
const { URL: url, KEY, EMAIL } = process.env;
const body = new URLSearchParams({ email: EMAIL, 'custom_fields[budget]': '10' });
const answer = await fetch(url, { method: 'POST', headers: { Authorization: `Bearer ${KEY}` }, body });
process.stdout.write(JSON.stringify(await answer.json()));
"""
PROGRAMS = {
    "curl": ["bash", "-c", 'curl -s "$URL" -H "Authorization: Bearer $KEY" --json "{\\"email\\":\\"$EMAIL\\"}"'],
    "curl-form": ["bash", "-c", 'curl -s "$URL" -H "Authorization: Bearer $KEY" --data-urlencode "email=$EMAIL"'],
    "php": ["php", "-r", PHP],
    "php-stream": ["php", "-r", PHP_STREAM],
    "node": ["node", "--input-type=module", "--eval", NODE],
    "node-form": ["node", "--input-type=module", "--eval", NODE_FORM],
}


def run(service: Service, command: list[str]) -> str:
    """A program's output; it finds URL, KEY and EMAIL in its environment."""
    path = shutil.which(command[0]) or pytest.skip(f"there is no {command[0]} here")
    given = {"URL": service.url + INBOUND, "KEY": service.stack.key, "EMAIL": new_email(), "PATH": os.environ["PATH"]}
    done = subprocess.run([path, *command[1:]], env=given, capture_output=True, text=True, timeout=60, check=False)
    if "curl_init()" in done.stderr + done.stdout:
        pytest.skip("this PHP has no curl")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_readme_runs_as_printed(service: Service) -> None:
    script = STRICT + "".join(BLOCKS).replace(PRINTED, service.url)
    output = run(service, ["bash", "-c", script])
    assert '"is_duplicate":true' in output
    assert '"matched_on":["email"]' in output
    assert '"last_name":"Hopper"' in output
    assert '"type":"lead.duplicate"' in output
    assert '"type":"lead.created"' in output
    assert '"status":"invalid"' in output
    assert "Idempotent-Replayed: true" in output
    assert '"channel":"inbound"' in output


@pytest.mark.parametrize("role", ["worker", "postgres"])
def test_the_readme_kills_a_process_of_its_own_installation(service: Service, role: str) -> None:
    (line,) = [line.strip() for line in README.splitlines() if line.strip().startswith("kill") and MARKS[role] in line]
    before = until(lambda: service.stack.pids(role), what=f"a process {role}")
    subprocess.run(["bash", "-c", line.replace(".leadhub/", f"{service.stack.folder}/")], check=True, timeout=60)
    until(lambda: not any(map(is_alive, before)), what="its end")
    service.stack.until_settled()
    assert service.stack.pids(role) != before


@pytest.mark.parametrize("program", first_in_tier(*PROGRAMS))
def test_a_program_posts_a_lead(service: Service, program: str) -> None:
    answer: dict[str, Any] = json.loads(run(service, PROGRAMS[program]))
    assert (answer["status"], answer["is_duplicate"], answer["lead_id"] > 0) == ("created", False, True)


def example(language: str, service: Service) -> str:
    """The reference's own words, but for the host, the key, and the address that its page hides."""
    after = REFERENCE.read_text(encoding="utf-8").partition(f"\n{HEADINGS[language]}\n")[2]
    ends = [after.find(f"\n{heading}\n") for heading in HEADINGS.values()]
    code = after[: min((end for end in ends if end >= 0), default=None)]
    code = code.replace("https://yourdomain.com", service.url).replace("lh_your_api_key_here", service.stack.key)
    return code.replace("[email\xa0protected]", new_email()).replace("[email protected]", new_email())


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference page is not here")
@pytest.mark.parametrize("language", first_in_tier(*HEADINGS))
def test_the_reference_runs_word_for_word(service: Service, language: str) -> None:
    prefix = STRICT if language == "bash" else ""
    code = f"{prefix}{example(language, service)}\n{SHOW[language]}"
    output = run(service, [language, *START[language], code])
    listed, made = json.loads(output) if language != "bash" else map(json.loads, re.split(r"(?<=})(?={)", output))
    assert listed["meta"]["current_page"] == 1
    assert {"id", "email", "tags"} <= listed["data"][0].keys()
    assert made["data"]["first_name"] == "Sarah"
    assert made["data"]["email"].startswith("lead-")
