"""The programs of docs/webhooks.md verify messages that were really sent."""

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from typing import Any

import pytest

from services.workers.deliveries import signatures
from shared.platform.installation import PROJECT_ROOT
from tests.support.receivers import Receiver
from tests.support.sending import SECRET, Outbox, tell

pytestmark = pytest.mark.integration

GUIDE = (PROJECT_ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
ZAPIER_GUIDE = (PROJECT_ROOT / "docs" / "zapier-make.md").read_text(encoding="utf-8")
NEW_SECRET = "whsec_bWFkZS11cC1vdXRib3VuZC1zZWNyZXQtMzItYnl0ZXM="
UNKNOWN_SECRET = "whsec_AAAA"

# Each reads cases from standard input and prints the verdicts of the function above it.
PYTHON_MAIN = """
import json, sys
cases = [(headers, base64.b64decode(body), secret) for headers, body, secret in json.load(sys.stdin)]
print(json.dumps([is_genuine(*case) for case in cases]))
"""
NODE_MAIN = """
import { readFileSync } from 'node:fs';
const cases = JSON.parse(readFileSync(0, 'utf-8'));
const judge = ([headers, body, secret]) => isGenuine(headers, Buffer.from(body, 'base64'), secret);
console.log(JSON.stringify(cases.map(judge)));
"""
PHP_MAIN = """
$cases = json_decode(file_get_contents('php://stdin'), true);
echo json_encode(array_map(fn ($case) => isGenuine($case[0], base64_decode($case[1]), $case[2]), $cases));
"""
PROGRAMS = {
    "python": ([sys.executable, "-c"], PYTHON_MAIN),
    "js": (["node", "--input-type=module", "--eval"], NODE_MAIN),
    "php": (["php", "-r"], PHP_MAIN),
}


def _printed(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return str(block)


def _verdicts(language: str, cases: list[Any]) -> list[bool]:
    """What the guide's function says of each case: headers, body and secret."""
    command, main = PROGRAMS[language]
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]} here")
    sent = json.dumps([(headers, base64.b64encode(body).decode(), secret) for headers, body, secret in cases])
    program = [*command, _printed(language) + main]
    done = subprocess.run(program, input=sent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[bool] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("language", PROGRAMS)
async def test_the_guides_program_knows_a_sent_message(outbox: Outbox, receiver: Receiver, language: str) -> None:
    subscription_id = await outbox.subscribe(receiver.url)
    rotate = "UPDATE webhook_subscriptions SET old_secret = secret, secret = %s, old_secret_until = now() + '1 day'"
    await outbox.connection.execute(rotate, (outbox.cipher.encrypt(NEW_SECRET),))
    await tell(outbox, subscription_id, await outbox.lead())
    await outbox.send()
    (request,) = receiver.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    aged = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 3600)}
    cases = [
        (headers, request.raw, NEW_SECRET),
        (headers, request.raw, SECRET),
        (headers, request.raw, UNKNOWN_SECRET),
        (headers, request.raw + b" ", NEW_SECRET),
        ({**headers, "webhook-id": "msg_other"}, request.raw, NEW_SECRET),
        (aged, request.raw, NEW_SECRET),
    ]
    assert _verdicts(language, cases) == [True, True, False, False, False, False]


@pytest.mark.parametrize("language", PROGRAMS)
def test_the_guides_program_refuses_an_old_message(language: str) -> None:
    """One that was signed an hour ago, and rightly."""
    body, now = b'{"test": true}', int(time.time())
    found = [
        (signatures.signature_headers("msg_1", moment, body, [SECRET]), body, SECRET) for moment in (now, now - 3600)
    ]
    assert _verdicts(language, found) == [True, False]


def test_the_program_for_zapier_knows_a_message() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", ZAPIER_GUIDE, re.MULTILINE | re.DOTALL)
    body = '{"name": "Zoë"}'
    headers = signatures.signature_headers("msg_1", int(time.time()), body.encode(), [SECRET])
    input_data = {"body": body, "signature": headers["X-LeadHub-Signature"], "secret": SECRET}
    names: dict[str, Any] = {}
    exec(program, {"input_data": input_data}, names)
    assert names["output"] == {"genuine": True}
    exec(program, {"input_data": {**input_data, "body": f"{body} "}}, names)
    assert names["output"] == {"genuine": False}


async def test_the_guides_message_has_the_members_of_a_sent_one(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.send()
    (message,) = [one for one in _json_blocks() if "event" in one]
    assert message.keys() == receiver.requests[0].body.keys()
    listed = re.findall(r"^\| `(webhook-[a-z]+|X-[A-Za-z-]+)`", GUIDE, re.MULTILINE)
    assert len(listed) == 4
    assert all(name in receiver.requests[0].headers for name in listed)


def _json_blocks() -> list[dict[str, Any]]:
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)]
