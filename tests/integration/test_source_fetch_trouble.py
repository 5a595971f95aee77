"""Leads of which only ids came, while their providers' APIs have trouble: none is missed, none comes twice."""

import uuid
from typing import Any

import pytest
from aiohttp import web

from services.workers.source_fetches import provider_client
from services.workers.source_fetches.fetch_claims import MAX_PARALLEL_FETCHES
from services.workers.source_fetches.fetch_records import DELETED_INTEGRATION_REASON
from shared.intake.change_author import COMMAND_AUTHOR
from shared.intake.replay import ReplayOptions, find_reference, replay_submissions
from shared.integrations import integration_management
from shared.integrations.integration_cache import ReceivingIntegration
from tests.support.fetching import Fetching, numbered
from tests.support.lead_apis import LeadApis, emails_of, hubspot_contact
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration


@pytest.mark.extended
@pytest.mark.parametrize(
    ("trouble", "headers", "body"),
    [
        (429, {"Retry-After": "1"}, {}),
        (500, {}, {}),
        (503, {"Retry-After": "1"}, {}),
        (200, {}, "no object"),
        (302, {"Location": "/elsewhere"}, {}),
        (400, {}, {"error": {"code": 613}}),
        (
            400,
            {"X-Business-Use-Case-Usage": '{"1":[{"estimated_time_to_regain_access":1}]}'},
            {"error": {"code": 80005}},
        ),
        (400, {}, {"error": {"code": 2}}),
    ],
)
async def test_trouble_of_the_provider_loses_and_doubles_nothing(
    fetching: Fetching, apis: LeadApis, trouble: int, headers: dict[str, str], body: Any
) -> None:
    integration, _ = await fetching.notify_meta(5)
    apis.add_trouble(trouble, trouble, trouble, headers=headers, body=body)
    for _ in range(4):
        await fetching.fetch()
        await fetching.ledger()
        await fetching.make_due()
    assert await fetching.emails() == emails_of(5)
    assert await fetching.ledger() == {"accepted": 5, "pending": 0, "done": 5, "dead": 0}
    assert await fetching.last_error(integration) is None


async def test_slow_answer_is_given_up_and_asked_for_again(
    fetching: Fetching, apis: LeadApis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_client, "REQUEST_SECONDS", 0.5)
    await fetching.notify_meta(2)
    apis.open.clear()
    await fetching.fetch()
    [first, _] = await fetching.rows("SELECT attempts, last_error, due_at - now() AS pause FROM source_fetches")
    assert first["attempts"] == 1
    assert "could not be asked" in first["last_error"]
    assert first["pause"].total_seconds() < 5
    apis.open.set()
    await fetching.make_due()
    await fetching.fetch()
    assert await fetching.emails() == emails_of(2)


async def test_rate_limit_lets_the_whole_integration_rest(fetching: Fetching, apis: LeadApis) -> None:
    await fetching.notify_meta(20)
    usage = '{"1":[{"type":"leadgen","estimated_time_to_regain_access":5}]}'
    apis.add_trouble(*[400] * 4, headers={"X-Business-Use-Case-Usage": usage}, body={"error": {"code": 80005}})
    await fetching.fetch()
    assert len(apis.asked) == MAX_PARALLEL_FETCHES
    pauses = await fetching.rows("SELECT extract(epoch FROM due_at - now())::float AS s FROM source_fetches")
    assert len(pauses) == 20
    assert all(290 < pause["s"] <= 300 for pause in pauses)


async def test_one_slow_integration_leaves_others_alone(fetching: Fetching, apis: LeadApis) -> None:
    await fetching.notify_meta(30)
    apis.open.clear()
    apis.contacts = numbered([hubspot_contact(1)])
    await fetching.notify(await fetching.integrate("hubspot"), "101")
    await fetching.ingest()
    async with fetching.fetching():
        await until_async(lambda: apis.count_asked("/crm/") == 1, what="a request of the other integration")
        assert apis.most_at_once <= MAX_PARALLEL_FETCHES + 1
        apis.open.set()
    await fetching.fetch()
    assert len(await fetching.emails()) == 31 - 1  # one of Meta's leads is the same person


async def test_revoked_token_is_named_until_a_new_one_works(fetching: Fetching, apis: LeadApis) -> None:
    integration, _ = await fetching.notify_meta(6)
    before = await fetching.rows("SELECT updated_at FROM integrations")
    apis.token = "the-new-one"
    await fetching.fetch()
    error = await fetching.last_error(integration)
    assert error is not None
    assert "page access token" in error
    assert "token-of-the-page" not in error  # Meta quotes it
    assert len(apis.asked) == MAX_PARALLEL_FETCHES  # the others are not tried in vain
    assert await fetching.rows("SELECT updated_at FROM integrations") == before
    pauses = await fetching.rows("SELECT extract(epoch FROM due_at - now())::float AS s FROM source_fetches")
    assert all(590 < pause["s"] <= 600 for pause in pauses)
    sent = {"credentials": {"page_access_token": "the-new-one"}}
    async with fetching.connection.transaction():
        await integration_management.change_integration(
            fetching.connection, fetching.cipher, integration.workspace_id, integration.id, sent, {}
        )
    await fetching.fetch()  # at once, without waiting for the ten minutes
    assert await fetching.emails() == emails_of(6)
    assert await fetching.last_error(integration) is None


async def replay(fetching: Fetching, integration: ReceivingIntegration, id_: str) -> None:
    found = await find_reference(fetching.connection, integration.workspace_id, uuid.UUID(id_))
    assert found is not None
    async with fetching.connection.transaction():
        options = ReplayOptions("dead", COMMAND_AUTHOR)
        outcome = await replay_submissions(fetching.connection, integration.workspace_id, [found.reference], options)
    assert outcome.taken
    await fetching.ingest()


async def test_lead_that_is_gone_is_dead_and_a_replay_fetches_it_again(fetching: Fetching, apis: LeadApis) -> None:
    integration, [id_] = await fetching.notify_meta(1)
    hidden, apis.leads = apis.leads, {}
    await fetching.fetch()
    assert await fetching.states() == []  # a notice may be faster than the provider's own servers
    await fetching.make_due()
    await fetching.fetch()
    [dead] = await fetching.rows("SELECT state, error, cause_id, attempts FROM submissions")
    assert (dead["state"], dead["attempts"]) == ("dead", 2)
    assert "no such lead" in dead["error"]
    assert await fetching.ledger() == {"accepted": 1, "pending": 0, "done": 0, "dead": 1}
    assert await fetching.count("SELECT count(*) FROM cause_deltas") == 1
    apis.leads = hidden
    await replay(fetching, integration, id_)
    assert await fetching.ledger() == {"accepted": 1, "pending": 1, "done": 0, "dead": 0}
    await fetching.fetch()
    assert await fetching.emails() == emails_of(1)
    assert await fetching.ledger() == {"accepted": 1, "pending": 0, "done": 1, "dead": 0}


async def test_lead_is_given_up_after_36_hours(fetching: Fetching, apis: LeadApis) -> None:
    await fetching.notify_meta(1)
    await fetching.connection.execute("UPDATE source_fetches SET created_at = now() - interval '36 h'")
    apis.add_trouble(500)
    await fetching.fetch()
    [dead] = await fetching.rows("SELECT state, error FROM submissions")
    assert dead["state"] == "dead"
    assert "36 hours" in dead["error"]


async def test_deleted_integration_leaves_dead_submissions(fetching: Fetching) -> None:
    integration, _ = await fetching.notify_meta(2)
    async with fetching.connection.transaction():
        await integration_management.delete_integration(fetching.connection, integration.workspace_id, integration.id)
    await fetching.fetch()
    dead = await fetching.rows("SELECT state, error FROM submissions")
    assert [one["state"] for one in dead] == ["dead", "dead"]
    assert all(DELETED_INTEGRATION_REASON in one["error"] for one in dead)
    assert fetching.apis.asked == []


async def test_version_that_has_ended_is_named(fetching: Fetching, apis: LeadApis) -> None:
    fetching.settings = fetching.settings.model_copy(update={"linkedin_version": "202501"})
    integration = await fetching.integrate("linkedin")
    await fetching.notify(integration, "response-1")
    await fetching.ingest()
    await fetching.fetch()
    error = await fetching.last_error(integration)
    assert error is not None
    assert "version" in error


async def test_address_that_nobody_set_is_guarded(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in address of a provider must not lead into the house, whatever a name server says."""
    await fetching.notify_meta(1)
    default = type(fetching.settings).model_fields["meta_url"]
    monkeypatch.setattr(default, "default", fetching.apis.url)
    await fetching.fetch()
    [row] = await fetching.rows("SELECT last_error FROM source_fetches")
    assert "not one that requests may go to" in row["last_error"]
    assert fetching.apis.asked == []


async def test_long_answer_is_refused(fetching: Fetching, apis: LeadApis) -> None:
    await fetching.notify_meta(1)
    apis.troubles.append(web.Response(body=b"x" * (provider_client.MAX_ANSWER_BYTES + 1)))
    await fetching.fetch()
    [row] = await fetching.rows("SELECT last_error FROM source_fetches")
    assert "longer than 1024 KB" in row["last_error"]
    long = next(iter(apis.leads.values()))
    long["field_data"].append({"name": "story", "values": ["x" * 500_000]})
    await fetching.make_due()
    await fetching.fetch()
    assert await fetching.emails() == emails_of(1)
