"""Signatures of outbound webhooks, against the vectors that Standard Webhooks publishes."""

import base64
import hashlib
import hmac
import json
import re
import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.workers.deliveries.signatures import sign_message, signature_headers
from shared.platform.installation import PROJECT_ROOT
from tests.support.wider_samples import SAMPLES, needs_samples, sample_json

pytestmark = pytest.mark.unit

SECRET, OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_bWFkZS11cC1vdXRib3VuZC1zZWNyZXQtMzItYnl0ZXM="
ID, TIME, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
PUBLISHED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector() -> None:
    assert sign_message(SECRET, ID, TIME, BODY) == PUBLISHED
    assert sign_message(SECRET.removeprefix("whsec_"), ID, TIME, BODY) == PUBLISHED


def test_the_check_that_the_apis_introduction_prints() -> None:
    """In node, as printed: it knows ours, under either secret, and no other."""
    if not shutil.which("node"):
        pytest.skip("there is no node here")
    text = (PROJECT_ROOT / "services" / "api" / "openapi" / "introduction.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r"^```js\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    body, now = '{"name": "Zoë"}', int(time.time())
    cases = [(moment, sent) for moment in (now, now - 3600) for sent in (body, body + " ")]
    calls = [[signature_headers(ID, moment, body.encode(), [SECRET, OLD]), sent] for moment, sent in cases]
    secrets = json.dumps([SECRET, OLD, "whsec_AAAA"])
    script = f"{printed}\nconst found = {json.dumps(calls)}.map(([headers, body]) =>"
    script += f" {secrets}.map((secret) => isGenuine(headers, Buffer.from(body), secret)));\n"
    script += "console.log(JSON.stringify(found));"
    done = subprocess.run(["node", "--input-type=module"], input=script, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[True, True, False], *[[False] * 3] * 3]


@needs_samples
def test_every_vector_of_the_samples() -> None:
    for vector in sample_json("webhooks/standard_webhooks/vectors.json")["vectors"]:
        sent = vector["headers"]
        body = (SAMPLES / "webhooks" / vector["body_file"]).read_bytes()
        ours = sign_message(vector["secret"], sent["webhook-id"], int(sent["webhook-timestamp"]), body)
        about_time = "5 min" in vector.get("reason", "")
        assert (ours in sent["webhook-signature"].split()) == (vector["expected"] == "valid" or about_time)


def test_old_and_new_secret_sign_during_rotation() -> None:
    found = signature_headers(ID, TIME, BODY, [SECRET, OLD])
    assert found["webhook-signature"] == f"{PUBLISHED} {sign_message(OLD, ID, TIME, BODY)}"
    assert found["webhook-id"] == ID
    assert found["webhook-timestamp"] == str(TIME)


def test_the_plain_signature_is_the_hmac_of_the_body_under_the_secret_as_it_was_shown() -> None:
    plain = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert signature_headers(ID, TIME, BODY, [SECRET, OLD])["X-LeadHub-Signature"] == f"sha256={plain}"


def test_without_a_secret_nothing_is_signed() -> None:
    assert signature_headers(ID, TIME, BODY, []) == {"webhook-id": ID, "webhook-timestamp": str(TIME)}


def test_the_library_verifies_a_message_under_either_secret() -> None:
    now = int(time.time())
    found = signature_headers(ID, now, BODY, [SECRET, OLD])
    assert [Webhook(secret).verify(BODY, found) for secret in (SECRET, OLD)] == [json.loads(BODY)] * 2
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" ", found)


@pytest.mark.parametrize(("secret", "key"), [("whsec_", b""), ("no base64!", b"no base64!"), ("YWJj", b"abc")])
def test_a_signature_is_the_hmac_under_the_bytes_of_the_secret(secret: str, key: bytes) -> None:
    signature = hmac.digest(key, f"{ID}.{TIME}.".encode() + BODY, "sha256")
    assert sign_message(secret, ID, TIME, BODY) == f"v1,{base64.b64encode(signature).decode()}"


@given(st.text(min_size=1, max_size=80), st.text(max_size=200))
def test_any_secret_makes_one_signature_in_ascii(secret: str, body: str) -> None:
    found = sign_message(secret, ID, TIME, body.encode())
    assert found.startswith("v1,")
    assert " " not in found
    assert found.isascii()
