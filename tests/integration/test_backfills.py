"""Leads that no webhook announced: asked for by a job, and by polls. What is known already is left out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.workers.source_fetches import polls
from services.workers.source_fetches.backfills import claim_backfill, record_backfill
from services.workers.source_fetches.polls import ClaimedPoll, claim_poll, has_due_poll
from shared.intake.change_author import COMMAND_AUTHOR
from shared.integrations import integration_management
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.lead_backfills import create_backfill
from shared.integrations.lead_fetching import FetchedPage
from shared.integrations.providers.hubspot import lead_event_of
from shared.jobs.job_control import cancel_job, pause_job, read_job, resume_job
from shared.platform.errors import Conflict, NotFound
from tests.support.fetching import Fetching, numbered
from tests.support.lead_apis import (
    ACCOUNT,
    LINKEDIN_FORM,
    LeadApis,
    emails_of,
    hubspot_contact,
    linkedin_response,
    meta_lead,
)
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
AGE_SQL = "UPDATE integrations SET created_at = now() - interval '2 days'"


async def integrate(fetching: Fetching, type_: str, n: int, created: datetime) -> ReceivingIntegration:
    """An integration whose provider has so many leads of that time."""
    text, apis = created.isoformat(timespec="milliseconds"), fetching.apis
    apis.leads = numbered([meta_lead(number, text, form_id=str(7001 + number % 2)) for number in range(n)])
    milliseconds = int(created.timestamp() * 1000)
    apis.responses = numbered([linkedin_response(number, milliseconds) for number in range(n)])
    for response in apis.responses.values():
        response["form"] = LINKEDIN_FORM
    apis.forms = {"7002": LINKEDIN_FORM}
    apis.contacts = numbered([hubspot_contact(number, text) for number in range(n)])
    return await fetching.integrate(type_, **({"accounts": [ACCOUNT]} if type_ == "linkedin" else {}))


async def backfill(fetching: Fetching, integration: ReceivingIntegration) -> int:
    async with fetching.connection.transaction():
        return await create_backfill(
            fetching.connection, integration.workspace_id, integration.id, SINCE, COMMAND_AUTHOR
        )


async def job(fetching: Fetching, integration: ReceivingIntegration, job_id: int) -> dict[str, Any]:
    found = await read_job(fetching.connection, integration.workspace_id, job_id)
    return {name: found[name] for name in ("state", "total", "done", "skipped", "failed", "error")}


def ids_at(type_: str, apis: LeadApis) -> list[str]:
    return list({"meta_lead_ads": apis.leads, "linkedin": apis.responses, "hubspot": apis.contacts}[type_])


@pytest.mark.parametrize("type_", ["meta_lead_ads", "linkedin", "hubspot"])
async def test_backfill_adds_only_what_is_missing(fetching: Fetching, apis: LeadApis, type_: str) -> None:
    integration = await integrate(fetching, type_, 7, datetime(2026, 3, 28, tzinfo=UTC))
    await fetching.notify(integration, *ids_at(type_, apis)[:3])
    await fetching.ingest()
    await fetching.fetch()
    assert await fetching.emails() == emails_of(3)
    job_id = await backfill(fetching, integration)
    await fetching.fetch()
    assert await job(fetching, integration, job_id) == {
        **{"state": "done", "total": 7, "done": 4, "skipped": 3, "failed": 0, "error": None}
    }
    assert await fetching.emails() == emails_of(7)
    assert await fetching.ledger() == {"accepted": 7, "pending": 0, "done": 7, "dead": 0}
    again = await backfill(fetching, integration)
    await fetching.fetch()
    assert (await job(fetching, integration, again))["skipped"] == 7
    # A webhook that comes late is a repeat of the same lead.
    await fetching.notify(integration, ids_at(type_, apis)[6])
    await fetching.ingest()
    await fetching.fetch()
    assert await fetching.emails() == emails_of(7)
    await fetching.ledger()


async def test_backfill_goes_on_after_trouble(fetching: Fetching, apis: LeadApis) -> None:
    integration = await integrate(fetching, "meta_lead_ads", 9, datetime(2026, 3, 28, tzinfo=UTC))
    job_id = await backfill(fetching, integration)
    apis.add_trouble(500, 429, headers={"Retry-After": "1"})
    await fetching.fetch()
    assert (await job(fetching, integration, job_id))["error"] == "Meta answered 500."
    for _ in range(2):
        await fetching.make_due()
        await fetching.fetch()
    assert (await job(fetching, integration, job_id))["state"] == "done"
    assert await fetching.emails() == emails_of(9)


async def test_backfill_with_a_revoked_token_fails_and_says_so(fetching: Fetching, apis: LeadApis) -> None:
    integration = await integrate(fetching, "meta_lead_ads", 2, datetime(2026, 3, 28, tzinfo=UTC))
    job_id = await backfill(fetching, integration)
    apis.token = "another"
    await fetching.fetch()
    found = await job(fetching, integration, job_id)
    assert found["state"] == "failed"
    assert "page access token" in found["error"]
    assert await fetching.last_error(integration) == found["error"]


async def test_backfill_pauses_resumes_and_is_cancelled(fetching: Fetching, apis: LeadApis) -> None:
    integration = await integrate(fetching, "hubspot", 9, datetime(2026, 3, 28, tzinfo=UTC))
    job_id, place = await backfill(fetching, integration), (fetching.connection, integration.workspace_id)
    apis.open.clear()
    async with fetching.fetching():
        await until_async(lambda: len(apis.asked) == 1, what="a page asked for")
        await pause_job(*place, job_id)
        apis.open.set()
    assert await job(fetching, integration, job_id) == {
        **{"state": "paused", "total": 0, "done": 0, "skipped": 0, "failed": 0, "error": None}
    }
    await resume_job(*place, job_id)
    claimed = await claim_backfill(fetching.connection)
    assert claimed is not None
    await record_backfill(fetching.connection, claimed, integration, FetchedPage((), {"since": 0, "after": None}))
    await cancel_job(*place, job_id)
    await fetching.fetch()
    assert (await job(fetching, integration, job_id))["state"] == "cancelled"
    assert await fetching.emails() == []


async def test_page_whose_worker_died_is_asked_for_again_and_stored_once(fetching: Fetching, apis: LeadApis) -> None:
    integration = await integrate(fetching, "hubspot", 5, datetime(2026, 3, 28, tzinfo=UTC))
    job_id = await backfill(fetching, integration)
    claimed = await claim_backfill(fetching.connection)
    assert claimed is not None
    assert await claim_backfill(fetching.connection) is None
    await fetching.make_due()
    await fetching.fetch()
    stale = FetchedPage([lead_event_of(contact) for contact in list(apis.contacts.values())[:2]])
    assert not await record_backfill(fetching.connection, claimed, integration, stale)
    assert (await job(fetching, integration, job_id))["done"] == 5
    assert await fetching.ledger() == {"accepted": 5, "pending": 0, "done": 5, "dead": 0}


async def test_backfill_is_refused_where_nothing_can_be_listed(fetching: Fetching) -> None:
    linkedin = await fetching.integrate("linkedin")
    with pytest.raises(Conflict, match="advertising account"):
        await backfill(fetching, linkedin)
    with pytest.raises(NotFound):
        await create_backfill(fetching.connection, linkedin.workspace_id + 1, linkedin.id, SINCE, COMMAND_AUTHOR)


async def poll(fetching: Fetching) -> None:
    """All polls that are due, to their ends."""
    async with fetching.fetching() as engine:

        async def are_over() -> bool:
            if await has_due_poll(fetching.connection):
                engine.wake()
                return False
            return engine.is_idle

        await until_async(are_over, what="the end of the polls")
    await fetching.ingest()


@pytest.mark.parametrize("type_", ["meta_lead_ads", "linkedin", "hubspot"])
async def test_poll_finds_what_no_webhook_announced(fetching: Fetching, apis: LeadApis, type_: str) -> None:
    integration = await integrate(fetching, type_, 5, datetime.now(UTC) - timedelta(hours=1))
    assert await claim_poll(fetching.connection) is None  # it was made just now
    await fetching.connection.execute(AGE_SQL)
    await fetching.notify(integration, *ids_at(type_, apis)[:2])
    await fetching.ingest()
    await fetching.fetch()
    await poll(fetching)
    assert await fetching.emails() == emails_of(5)
    assert await fetching.ledger() == {"accepted": 5, "pending": 0, "done": 5, "dead": 0}
    await fetching.connection.execute("UPDATE source_polls SET due_at = now(), since = now() - interval '2 h'")
    await poll(fetching)
    assert await fetching.ledger() == {"accepted": 5, "pending": 0, "done": 5, "dead": 0}
    [row] = await fetching.rows("SELECT now() - since AS covered, due_at - now() AS rest, cursor FROM source_polls")
    assert row["covered"].total_seconds() < polls.POLL_OVERLAP_SECONDS + polls.POLL_DELAY_SECONDS + 60
    assert 0 < row["rest"].total_seconds() <= polls.POLL_INTERVAL_SECONDS
    assert row["cursor"] is None


async def test_trouble_of_a_poll_is_noted_on_the_integration_alone(fetching: Fetching, apis: LeadApis) -> None:
    integration = await integrate(fetching, "hubspot", 3, datetime.now(UTC) - timedelta(hours=1))
    await fetching.connection.execute(AGE_SQL)
    apis.token = "another"
    await poll(fetching)
    assert "access token" in str(await fetching.last_error(integration))
    assert await fetching.ledger() == {"accepted": 0, "pending": 0, "done": 0, "dead": 0}
    apis.token = "token-of-the-page"
    await fetching.connection.execute("UPDATE source_polls SET due_at = now()")
    await poll(fetching)
    assert await fetching.last_error(integration) is None
    assert await fetching.emails() == emails_of(3)


async def test_poll_of_a_dead_worker_goes_on_where_it_was(fetching: Fetching, apis: LeadApis) -> None:
    await integrate(fetching, "hubspot", 5, datetime.now(UTC) - timedelta(hours=1))
    await fetching.connection.execute(AGE_SQL)
    claimed = await claim_poll(fetching.connection)
    assert isinstance(claimed, ClaimedPoll)
    assert await claim_poll(fetching.connection) is None
    await fetching.connection.execute("UPDATE source_polls SET due_at = now()")
    await poll(fetching)
    assert await fetching.emails() == emails_of(5)


async def test_deleted_or_inactive_integration_is_not_polled(fetching: Fetching, apis: LeadApis) -> None:
    integration = await integrate(fetching, "hubspot", 1, datetime.now(UTC) - timedelta(hours=1))
    await fetching.connection.execute(AGE_SQL)
    await fetching.connection.execute("UPDATE integrations SET is_active = false")
    assert await claim_poll(fetching.connection) is None
    await fetching.connection.execute("UPDATE integrations SET is_active = true")
    await poll(fetching)
    async with fetching.connection.transaction():
        await integration_management.delete_integration(fetching.connection, integration.workspace_id, integration.id)
    assert await fetching.count("SELECT count(*) FROM source_polls") == 0
