"""Fetch contacts from HubSpot's CRM API. Pure.

Sources: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide (contact),
https://developers.hubspot.com/docs/api-reference/search/guide (search, its limits),
https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines (429 and its policies),
https://developers.hubspot.com/docs/api-reference/error-handling (423, 477).
"""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from shared.integrations.lead_fetching import (
    FetchAnswer,
    FetchedPage,
    FetchProblem,
    FetchRequest,
    LeadFetcher,
    ListCursor,
    ListWindow,
    ProviderApi,
    api_address,
    bearer_headers,
    json_body,
    objects_at,
    problem_by_status,
    rate_limited,
)
from shared.integrations.providers.hubspot import FETCHED_PROPERTIES, lead_event_of
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import text_at, value_at
from shared.integrations.source_event import SourceEvent

NAME = "HubSpot"
CONTACTS_PATH = "crm/v3/objects/contacts"
PAGE_SIZE = 100
MAX_SEARCH_RESULTS = 10_000  # of one search, over all its pages
PAUSES_BY_POLICY = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 15 * 60.0}  # seconds
MIGRATION_STATUS = 477  # the account moves to another place of HubSpot's

_MAPPED_PROPERTY = re.compile(r"properties(?:\.|\[['\"])([a-z0-9_]+)").search


def lead_request(api: ProviderApi, object_id: str) -> FetchRequest:
    """Ask for a contact."""
    query = urlencode({"properties": ",".join(_properties(api))})
    address = api_address(api, f"{CONTACTS_PATH}/{quote(object_id, safe='')}?{query}")
    return FetchRequest(address, bearer_headers(api.credentials["access_token"]))


def _properties(api: ProviderApi) -> list[str]:
    """Return the properties to ask for: HubSpot returns no others, so that those of a mapping are among them."""
    mapped = [found[1] for path in api.mapped_paths if (found := _MAPPED_PROPERTY(path))]
    return list(dict.fromkeys([*FETCHED_PROPERTIES, *mapped]))


def lead_event(lead: Any, _form: Any, notice: Any) -> SourceEvent:
    """Read a contact."""
    return replace(lead_event_of(lead), account_id=text_at(notice, "portalId") or None)


def problem_of(answer: FetchAnswer) -> FetchProblem:
    """Judge an answer."""
    pause = answer.retry_after()
    if answer.status == 429:
        policy = text_at(answer.document, "policyName").upper()
        return rate_limited(NAME, PAUSES_BY_POLICY.get(policy) if pause is None else pause)
    if answer.status == MIGRATION_STATUS:
        return rate_limited(NAME, pause)
    return problem_by_status(NAME, answer)


def first_cursor(_api: ProviderApi, window: ListWindow) -> ListCursor | None:
    """Start with the oldest contacts."""
    return {"since": int(window.since * 1000), "after": None}


def list_request(api: ProviderApi, window: ListWindow, cursor: ListCursor) -> FetchRequest:
    """Ask for contacts in the order of their creation."""
    created = [("GTE", cursor["since"]), ("LTE", int(window.until * 1000))]
    filters = [{"propertyName": "createdate", "operator": name, "value": str(value)} for name, value in created]
    search = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "createdate", "direction": "ASCENDING"}],
        "properties": _properties(api),
        "limit": PAGE_SIZE,
        **({"after": cursor["after"]} if cursor["after"] else {}),
    }
    headers = bearer_headers(api.credentials["access_token"], **{"Content-Type": "application/json"})
    return FetchRequest(api_address(api, f"{CONTACTS_PATH}/search"), headers, json_body(search))


def read_page(cursor: ListCursor, document: Any) -> FetchedPage:
    """Read contacts. A search ends after ten thousand; the next one begins with the last contact's time."""
    results = objects_at(document, "results")
    events = [_listed_event(contact) for contact in results]
    after, total = text_at(document, "paging", "next", "after"), value_at(document, "total")
    if not after or not results:
        return FetchedPage(events)
    remaining = max(total - int(after), 0) if isinstance(total, int) and after.isdecimal() else None
    if after.isdecimal() and int(after) + PAGE_SIZE <= MAX_SEARCH_RESULTS:
        return FetchedPage(events, {**cursor, "after": after}, remaining)
    return FetchedPage(events, {"since": max(_created_at(results[-1]), cursor["since"] + 1), "after": None}, remaining)


def listed_id(contact_id: str) -> str:
    """Return the event id of a listed contact. Webhooks have the ids of events, which a contact does not tell."""
    return f"contact:{contact_id}"


def _listed_event(contact: Any) -> SourceEvent:
    event = lead_event_of(contact)
    return replace(event, event_id=listed_id(event.object_id) if event.object_id else None)


def _created_at(contact: Any) -> int:
    """Return when a contact was created, in milliseconds since the epoch; 0 if it does not say so."""
    text = utc_time(text_at(contact, "properties", "createdate") or text_at(contact, "createdAt"))
    return int(datetime.fromisoformat(text).timestamp() * 1000) if text else 0


FETCHER = LeadFetcher(
    name=NAME,
    token_field="access_token",  # noqa: S106  # the name of a credential
    lead_request=lead_request,
    lead_event=lead_event,
    problem_of=problem_of,
    first_cursor=first_cursor,
    list_request=list_request,
    read_page=read_page,
    listed_id=listed_id,
)
