"""Fetch leads of Meta Lead Ads from the Graph API. Pure.

Sources: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving (fields, list, filter),
https://developers.facebook.com/docs/graph-api/guides/error-handling (codes),
https://developers.facebook.com/docs/graph-api/overview/rate-limiting (X-Business-Use-Case-Usage),
https://developers.facebook.com/docs/graph-api/guides/secure-requests (appsecret_proof).
"""

import json
from typing import Any
from urllib.parse import quote, urlencode

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
from shared.integrations.providers.meta_lead_ads import lead_event_of
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_hex
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import UnreadableBody, parse_json_leniently

NAME = "Meta"
LEAD_FIELDS = (
    *("id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "campaign_name", "form_id"),
    *("field_data", "custom_disclaimer_responses", "is_organic", "platform"),
)
PAGE_SIZE = 100
OWN_PAGE = "me"  # of a page's access token: that page

TOKEN_CODES = frozenset(("102", "190"))
PERMISSION_CODES = frozenset(("3", "10", *map(str, range(200, 300))))
RATE_LIMIT_CODES = frozenset(("4", "17", "32", "341", "613", *map(str, range(80000, 80015))))
VERSION_CODES = frozenset(("12", "2635"))
OBJECT_CODE, GONE_SUBCODE = "100", "33"


def lead_request(api: ProviderApi, object_id: str) -> FetchRequest:
    """Ask for a lead."""
    return _request(api, quote(object_id, safe=""), fields=",".join(LEAD_FIELDS))


def lead_event(lead: Any, _form: Any, notice: Any) -> SourceEvent:
    """Read a lead."""
    return lead_event_of(lead, text_at(notice, "page_id") or None)


def problem_of(answer: FetchAnswer) -> FetchProblem:
    """Judge an answer by Meta's code: nearly every error comes with the status 400."""
    error = dict_at(answer.document, "error")
    code, subcode = text_at(error, "code"), text_at(error, "error_subcode")
    named = f"error {code}, subcode {subcode}" if subcode else f"error {code}"
    if code in TOKEN_CODES:
        return FetchProblem("token", f"{NAME} does not accept the page access token ({named}). {RENEWAL_ADVICE}")
    if code in PERMISSION_CODES:
        return FetchProblem(
            "token",
            f"{NAME} does not let this page access token read leads ({named}). It needs the permission "
            "leads_retrieval, and access to leads of the page in Meta's Leads Access Manager.",
        )
    if code in RATE_LIMIT_CODES or answer.status == 429:
        return rate_limited(NAME, _longest_rest(answer))
    if (code, subcode) == (OBJECT_CODE, GONE_SUBCODE):
        return FetchProblem("gone", f"{NAME} has no such lead, or does not let this page access token see it.")
    if code in VERSION_CODES:
        return FetchProblem("version", f"{NAME} has ended the version of the Graph API that is set here ({named}).")
    if code:
        return FetchProblem("temporary", f"{NAME} answered {answer.status} ({named}).", answer.retry_after())
    return problem_by_status(NAME, answer)


def _longest_rest(answer: FetchAnswer) -> float | None:
    """Return the seconds until Meta takes requests again: it estimates them in minutes."""
    try:
        usage = parse_json_leniently(str(answer.headers.get("X-Business-Use-Case-Usage", "")).encode())
    except UnreadableBody:
        usage = None
    minutes = [
        value_at(entry, "estimated_time_to_regain_access")
        for object_id in dict_at(usage)
        for entry in list_at(usage, object_id)
    ]
    rests = [float(one) * 60 for one in minutes if isinstance(one, int | float) and one > 0]
    asked = answer.retry_after()
    return max([*rests, *([] if asked is None else [asked])], default=None)


def first_cursor(api: ProviderApi, _window: ListWindow) -> ListCursor | None:
    """Start with the forms of the first page."""
    return {"pages": list(api.accounts) or [OWN_PAGE], "forms": [], "after": None}


def list_request(api: ProviderApi, window: ListWindow, cursor: ListCursor) -> FetchRequest:
    """Ask for leads of the next form, or for forms of the next page where no form is left."""
    after = {"after": cursor["after"]} if cursor.get("after") else {}
    if cursor["forms"]:
        filters = [
            {"field": "time_created", "operator": "GREATER_THAN", "value": int(window.since) - 1},
            {"field": "time_created", "operator": "LESS_THAN", "value": int(window.until) + 1},
        ]
        wanted = {"fields": ",".join(LEAD_FIELDS), "limit": str(PAGE_SIZE)}
        path = f"{quote(cursor['forms'][0], safe='')}/leads"
        return _request(api, path, **wanted, filtering=json.dumps(filters, separators=(",", ":")), **after)
    path = f"{quote(cursor['pages'][0], safe='')}/leadgen_forms"
    return _request(api, path, fields="id", limit=str(PAGE_SIZE), **after)


def read_page(cursor: ListCursor, document: Any) -> FetchedPage:
    """Read leads, or forms. A page's forms come one list after the other, with their leads between them."""
    more = text_at(document, "paging", "cursors", "after") if text_at(document, "paging", "next") else ""
    pages, forms = list(cursor["pages"]), list(cursor["forms"])
    if not forms:
        found = [text_at(form, "id") for form in objects_at(document, "data")]
        return FetchedPage(cursor=_next_cursor(pages, [one for one in found if one], more))
    page = None if pages[0] == OWN_PAGE else pages[0]
    events = [lead_event_of(lead, page) for lead in objects_at(document, "data")]
    if more:
        return FetchedPage(events, {**cursor, "after": more})
    rest = forms[1:]
    if rest:
        return FetchedPage(events, {**cursor, "forms": rest, "after": None})
    return FetchedPage(events, _next_cursor(pages, [], cursor.get("more_forms") or ""))


def _next_cursor(pages: list[str], forms: list[str], more_forms: str) -> ListCursor | None:
    if forms:
        return {"pages": pages, "forms": forms, "after": None, "more_forms": more_forms}
    if more_forms:
        return {"pages": pages, "forms": [], "after": more_forms}
    return {"pages": pages[1:], "forms": [], "after": None} if pages[1:] else None


def _request(api: ProviderApi, path: str, **query: str) -> FetchRequest:
    """The proof shows that whoever has the token knows the app's secret too. The token itself is in no URL."""
    token, secret = api.credentials["page_access_token"], api.credentials.get("app_secret")
    proof = {"appsecret_proof": hmac_hex(secret, token.encode())} if secret else {}
    address = api_address(api, f"{quote(api.version, safe='')}/{path}")
    return FetchRequest(f"{address}?{urlencode({**query, **proof})}", bearer_headers(token))


FETCHER = LeadFetcher(
    name=NAME,
    token_field="page_access_token",  # noqa: S106  # the name of a credential
    lead_request=lead_request,
    lead_event=lead_event,
    problem_of=problem_of,
    first_cursor=first_cursor,
    list_request=list_request,
    read_page=read_page,
)
