"""The Python client and answers that are no LeadHub's: each is an error, none a lead that was taken."""

from collections.abc import Callable, Iterator

import pytest

from leadhub_client import LeadHub, LeadHubError, RetryPolicy
from tests.integrations.strange_answers import OUTCOMES, strange_answers


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    with strange_answers() as found:
        yield found


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except LeadHubError as error:
        return type(error).__name__
    return "taken"


@pytest.mark.parametrize("name", OUTCOMES)
def test_strange_answers_are_refused(name: str, addresses: dict[str, str]) -> None:
    with LeadHub(addresses[name], "lh_key", tenant="main", policy=RetryPolicy(retries=0)) as client:
        outcomes = [
            outcome(lambda: client.submit_lead({"email": "a@example.com"})),
            outcome(client.health),
            outcome(lambda: list(client.leads.list())),
            outcome(lambda: client.leads.delete(1)),
            outcome(client.leads.export),
        ]
    assert outcomes == OUTCOMES[name]


def test_no_content_is_a_success_and_any_request_takes_a_page(addresses: dict[str, str]) -> None:
    base = addresses["page"].removesuffix("/page")
    with LeadHub(f"{base}/nothing", "lh_key") as client:
        assert outcome(lambda: client.leads.delete(1)) == "taken"
    with LeadHub(f"{base}/page", "lh_key") as client:
        assert client.request("GET", "/").content == b"<p>Please sign in."
    with LeadHub(f"{base}/cut", "lh_key", policy=RetryPolicy(retries=0)) as client:
        assert outcome(lambda: client.request("GET", "/")) == "ConnectionFailed"
