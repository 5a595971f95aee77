"""WPForms: forms are signed as WordPress encodes them, and details are told from answers."""

import hmac
from urllib.parse import urlencode

import pytest

from shared.integrations.providers import wpforms
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE
from tests.support.provider_requests import read_one, request_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("fields", "signed"),
    [
        ({"name": "Zoë/☃", "note": 'a "b"\n'}, rb'{"name":"Zo\u00eb\/\u2603","note":"a \"b\"\n"}'),
        (
            {"date[value]": "02/21/2026", "date[unix]": "1771632000", "n": "5"},
            rb'{"date":{"value":"02\/21\/2026","unix":1771632000},"n":"5"}',
        ),
        ({"files[0]": "a", "files[1]": "b"}, b'{"files":["a","b"]}'),
        ({"date[value]": "", "date[unix]": ""}, b'{"date":{"value":"","unix":""}}'),
    ],
)
def test_a_form_of_wpforms_is_signed_as_wordpress_encodes_it(fields: dict[str, str], signed: bytes) -> None:
    digest = hmac.new(b"key", b"1760000000." + signed, "sha256").hexdigest()
    headers = {"X-WPForms-Webhook-Signature": f"t=1760000000,v={digest}"}
    request = request_of(urlencode(fields).encode(), headers, FORM_MEDIA_TYPE, now=1_760_000_005)
    wpforms.PROVIDER.verify(request, {"secret": "key"})


def test_wpforms_entry_id_and_page_are_details_and_not_answers() -> None:
    body = {
        "Entry ID": 77,
        "form_id": "5",
        "page_url": "https://www.example.com/?utm_source=ads",
        "Full Name": "Ada Example",
        "Address": "1 Road||Berlin, BE 10115||DE",
        "message": "a||b",
        "files": ["https://files.example.com/a.pdf"],
        "gdpr": "Yes",
        "total": "$ 10.00",
    }
    event = read_one(wpforms.PROVIDER, body)
    assert event.event_id == "77"
    assert event.lead == {
        "first_name": "Ada",
        "last_name": "Example",
        "notes": "a, b",
        "custom_fields": {
            "address": "1 Road, Berlin, BE 10115, DE",
            "files": ["https://files.example.com/a.pdf"],
            "total": "$ 10.00",
        },
    }
    assert event.attribution == {
        "provider_lead_id": "77",
        "form_id": "5",
        "page_url": "https://www.example.com/?utm_source=ads",
        "utm_source": "ads",
        "consent": {"gdpr": True},
    }
    assert wpforms.PROVIDER.methods == ("POST", "PUT", "PATCH")
