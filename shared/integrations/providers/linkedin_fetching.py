"""Fetch responses to LinkedIn lead forms from the Lead Sync API. Pure.

Sources: https://learn.microsoft.com/linkedin/marketing/lead-sync/leadsync (responses, forms, find by owner),
https://learn.microsoft.com/linkedin/marketing/versioning (LinkedIn-Version, 426),
https://learn.microsoft.com/linkedin/shared/api-guide/concepts/rate-limits (daily, until midnight UTC).
Values in parentheses are Rest.li's notation: their parentheses, commas and colons stand as they are, those within a
URN are encoded.
"""

from typing import Any
from urllib.parse import quote

from shared.integrations.lead_fetching import (
    RENEWAL_ADVICE,
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
    objects_at,
    problem_by_status,
    rate_limited,
)
from shared.integrations.reading.linkedin_responses import form_id_of, lead_event_of
from shared.integrations.reading.untrusted_json import dict_at, text_at, value_at
from shared.integrations.source_event import SourceEvent

NAME = "LinkedIn"
FIELDS = (
    "ownerInfo,associatedEntityInfo,leadMetadataInfo,owner,associatedEntity,leadMetadata,submitter,leadType,"
    "versionedLeadGenFormUrn,id,submittedAt,testLead,formResponse,form:(hiddenFields,creationLocale,name,id,content)"
)
ACCOUNT_URN, ORGANIZATION_URN = "urn:li:sponsoredAccount:", "urn:li:organization:"
ORGANIC_LEAD_TYPES = ("COMPANY", "EVENT", "ORGANIZATION_PRODUCT")
PAGE_SIZE = 100
RATE_LIMIT_PAUSE_SECONDS = 15 * 60.0  # seconds: its limits are by the day, and it does not say when they end
CANNOT_LIST_MESSAGE = (
    "LinkedIn lists leads by their owner: name the advertising account (urn:li:sponsoredAccount:…) or the page "
    "(urn:li:organization:…) among the accounts in the settings of the integration."
)


def lead_request(api: ProviderApi, object_id: str) -> FetchRequest:
    """Ask for a response, together with the questions of its form."""
    return _request(api, f"leadFormResponses/{quote(object_id, safe='')}?fields={FIELDS}")


def form_request(api: ProviderApi, lead: Any) -> tuple[str, FetchRequest] | None:
    """Ask for the form of a response that came without its questions."""
    form_id = form_id_of(text_at(lead, "versionedLeadGenFormUrn") or text_at(lead, "leadGenForm"))
    if dict_at(lead, "form", "content") or not form_id.isdecimal():
        return None
    return form_id, _request(api, f"leadForms/{form_id}")


def lead_event(lead: Any, form: Any, _notice: Any) -> SourceEvent:
    """Read a response, with its form if that came separately."""
    return lead_event_of(lead, form)


def problem_of(answer: FetchAnswer) -> FetchProblem:
    """Judge an answer."""
    if answer.status == 429:
        asked = answer.retry_after()
        return rate_limited(NAME, RATE_LIMIT_PAUSE_SECONDS if asked is None else asked)
    if answer.status == 403:
        sentence = (
            f"{NAME} does not let this access token read leads. It needs the permission "
            "r_marketing_leadgen_automation, "
            f"and its owner a role in the advertising account and the page. {RENEWAL_ADVICE}"
        )
        return FetchProblem("token", sentence)
    return problem_by_status(NAME, answer)


def first_cursor(api: ProviderApi, _window: ListWindow) -> ListCursor | None:
    """Start with the first owner. Without a named owner nothing can be listed."""
    lists = [[owner, kind] for account in api.accounts for owner, kind in _lists_of(account)]
    return {"lists": lists, "start": 0} if lists else None


def _lists_of(account: str) -> list[tuple[str, str]]:
    """Return the lists of an account: pairs of owner and type of leads. A number alone is an advertising account."""
    if account.startswith(ORGANIZATION_URN):
        return [(account, kind) for kind in ORGANIC_LEAD_TYPES]
    urn = f"{ACCOUNT_URN}{account}" if account.isdecimal() else account
    return [(urn, "SPONSORED")] if urn.startswith(ACCOUNT_URN) else []


def list_request(api: ProviderApi, window: ListWindow, cursor: ListCursor) -> FetchRequest:
    """Ask for responses of an owner."""
    owner, kind = cursor["lists"][0]
    name = "organization" if owner.startswith(ORGANIZATION_URN) else "sponsoredAccount"
    return _request(
        api,
        f"leadFormResponses?q=owner&owner=({name}:{quote(owner, safe='')})&leadType=(leadType:{kind})"
        f"&limitedToTestLeads=false&submittedAtTimeRange=(start:{_milliseconds(window.since)},"
        f"end:{_milliseconds(window.until)})&fields={FIELDS}&count={PAGE_SIZE}&start={int(cursor['start'])}",
    )


def read_page(cursor: ListCursor, document: Any) -> FetchedPage:
    """Read responses. A list ends at its total or, where it has none, with a page that is not full."""
    elements = objects_at(document, "elements")
    end, total = int(cursor["start"]) + len(elements), value_at(document, "paging", "total")
    has_total = isinstance(total, int) and not isinstance(total, bool) and total > 0
    goes_on = bool(elements) and (end < total if has_total else len(elements) >= PAGE_SIZE)
    events = [lead_event_of(element) for element in elements]
    if goes_on:
        return FetchedPage(events, {**cursor, "start": end}, total - end if has_total else None)
    rest = cursor["lists"][1:]
    return FetchedPage(events, {"lists": rest, "start": 0} if rest else None)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _request(api: ProviderApi, path: str) -> FetchRequest:
    headers = {"LinkedIn-Version": api.version, "X-Restli-Protocol-Version": "2.0.0"}
    return FetchRequest(api_address(api, f"rest/{path}"), bearer_headers(api.credentials["access_token"], **headers))


FETCHER = LeadFetcher(
    name=NAME,
    token_field="access_token",  # noqa: S106  # the name of a credential
    lead_request=lead_request,
    lead_event=lead_event,
    problem_of=problem_of,
    first_cursor=first_cursor,
    list_request=list_request,
    read_page=read_page,
    form_request=form_request,
    cannot_list=CANNOT_LIST_MESSAGE,
)
