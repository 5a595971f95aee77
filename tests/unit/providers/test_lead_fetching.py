"""How leads are asked for at Meta, LinkedIn and HubSpot, and what their answers mean."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.source_fetches.fetch_outcomes import (
    MAX_FETCH_AGE_SECONDS,
    MAX_RETRY_SECONDS,
    FailedFetch,
    PostponedFetch,
    decide_problem,
    retry_pause,
)
from shared.integrations.lead_fetchers import LEAD_FETCHERS
from shared.integrations.lead_fetching import (
    FetchAnswer,
    FetchProblem,
    FetchProblemKind,
    ListWindow,
    ProviderApi,
    is_success,
)
from shared.integrations.providers import hubspot_fetching, linkedin_fetching, meta_lead_ads_fetching
from shared.integrations.providers.hubspot import lead_event_of
from shared.integrations.webhook_exchange import CaseInsensitive

pytestmark = pytest.mark.unit

CREDENTIALS = {"app_secret": "s", "page_access_token": "tok", "client_secret": "s", "access_token": "tok"}
WINDOW = ListWindow(1774688400.0, 1774692000.0)
KINDS = ("token", "rate_limited", "gone", "temporary", "version")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


def api(*accounts: str, paths: tuple[str, ...] = ()) -> ProviderApi:
    return ProviderApi("https://api.example/", "v1", CREDENTIALS, accounts, paths)


def answer(status: int, body: Any = None, **headers: str) -> FetchAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return FetchAnswer(status, CaseInsensitive(named), json.dumps(body).encode())


def problem(type_: str, status: int, body: Any = None, **headers: str) -> FetchProblem:
    return LEAD_FETCHERS[type_].problem_of(answer(status, body, **headers))


@pytest.mark.parametrize(
    ("code", "subcode", "kind"),
    [
        (190, 463, "token"),
        (102, None, "token"),
        (10, None, "token"),
        (200, None, "token"),
        (4, None, "rate_limited"),
        (17, None, "rate_limited"),
        (32, None, "rate_limited"),
        (613, None, "rate_limited"),
        (80001, None, "rate_limited"),
        (80005, None, "rate_limited"),
        (100, 33, "gone"),
        (100, None, "temporary"),
        (1, None, "temporary"),
        (2, None, "temporary"),
        (2635, None, "version"),
    ],
)
def test_error_of_meta_means_by_its_code(code: int, subcode: int | None, kind: FetchProblemKind) -> None:
    error = {"code": code, "message": "Malformed access token tok"} | ({"error_subcode": subcode} if subcode else {})
    found = problem("meta_lead_ads", 400, {"error": error})
    assert found.kind == kind
    assert "tok." not in found.sentence
    assert "Malformed" not in found.sentence


@pytest.mark.parametrize("type_", list(LEAD_FETCHERS))
@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "token"), (403, "token"), (404, "gone"), (410, "gone"), (426, "version"), (429, "rate_limited")]
    + [(status, "temporary") for status in (200, 302, 400, 408, 500, 502, 503, 504)],
)
def test_status_means_the_same_at_all_providers(type_: str, status: int, kind: FetchProblemKind) -> None:
    assert problem(type_, status).kind == kind


def test_rest_after_a_rate_limit_is_what_the_provider_asks_for() -> None:
    usage = json.dumps({"1": [{"estimated_time_to_regain_access": 3}, {"estimated_time_to_regain_access": 7}]})
    assert problem("meta_lead_ads", 400, {"error": {"code": 80005}}, X_Business_Use_Case_Usage=usage).retry_after == 420
    assert problem("meta_lead_ads", 429, Retry_After="9").retry_after == 9
    assert problem("meta_lead_ads", 429).retry_after == 60
    assert problem("linkedin", 429).retry_after == 900
    assert problem("hubspot", 429, {"policyName": "TEN_SECONDLY_ROLLING"}).retry_after == 10
    assert problem("hubspot", 429, {"policyName": "DAILY"}, Retry_After="3").retry_after == 3
    assert problem("hubspot", 477, Retry_After="3600").kind == "rate_limited"
    assert problem("hubspot", 503, Retry_After="30") == FetchProblem("temporary", "HubSpot answered 503.", 30)


@given(st.sampled_from(list(LEAD_FETCHERS)), st.integers(100, 599), json_values, st.text(max_size=20))
def test_no_answer_is_beyond_judgement(type_: str, status: int, body: Any, header: str) -> None:
    fetcher = LEAD_FETCHERS[type_]
    sent = {"Retry-After": header, "X-Business-Use-Case-Usage": header}
    for document in (body, {"error": body, "policyName": body}):
        found = fetcher.problem_of(FetchAnswer(status, CaseInsensitive(sent), json.dumps(document).encode()))
        assert found.kind in KINDS
        assert found.sentence.endswith(".")


@given(st.sampled_from(list(LEAD_FETCHERS)), json_values)
def test_no_list_is_beyond_reading(type_: str, body: Any) -> None:
    fetcher = LEAD_FETCHERS[type_]
    cursor = fetcher.first_cursor(api("1"), WINDOW)
    assert cursor is not None
    for document in (body, dict.fromkeys(("data", "paging", "elements", "results", "total"), body)):
        page = fetcher.read_page(cursor, document)
        assert all(event.lead is not None for event in page.events)
        if page.cursor:
            assert json.loads(json.dumps(page.cursor)) == page.cursor
            assert fetcher.list_request(api("1"), WINDOW, page.cursor).url.startswith("https://api.example/")


def test_token_stands_in_no_address() -> None:
    for type_, fetcher in LEAD_FETCHERS.items():
        cursor = fetcher.first_cursor(api("1"), WINDOW)
        assert cursor is not None
        for request in (fetcher.lead_request(api(), "a/b c?d"), fetcher.list_request(api("1"), WINDOW, cursor)):
            assert request.headers["Authorization"] == "Bearer tok", type_
            assert "tok" not in request.url
            assert "a/b" not in request.url


def test_meta_lists_the_leads_of_all_forms() -> None:
    fetcher = meta_lead_ads_fetching.FETCHER
    pages = [
        {"data": [{"id": "f1"}, {"id": "f2"}], "paging": {"cursors": {"after": "F"}, "next": "https://x"}},
        {"data": [{"id": "1"}], "paging": {"cursors": {"after": "L"}, "next": "https://x"}},
        {"data": [{"id": "2"}], "paging": {"cursors": {"after": "M"}}},
        {"data": []},
        {"data": [{"id": "f3"}]},
        {"data": [{"id": "3"}]},
        {"data": []},
    ]
    asked, found, cursor = [], [], fetcher.first_cursor(api("p1", "p2"), WINDOW)
    for page in pages:
        assert cursor is not None
        address = urlsplit(fetcher.list_request(api("p1", "p2"), WINDOW, cursor).url)
        asked.append((address.path.removeprefix("/v1/"), parse_qs(address.query).get("after")))
        read = fetcher.read_page(cursor, page)
        found += [(event.event_id, event.account_id) for event in read.events]
        cursor = read.cursor
    assert cursor is None
    assert asked == [
        ("p1/leadgen_forms", None),
        ("f1/leads", None),
        ("f1/leads", ["L"]),
        ("f2/leads", None),
        ("p1/leadgen_forms", ["F"]),
        ("f3/leads", None),
        ("p2/leadgen_forms", None),
    ]
    assert found == [("1", "p1"), ("2", "p1"), ("3", "p1")]


def test_linkedin_lists_by_owner_in_the_notation_of_restli() -> None:
    fetcher, accounts = linkedin_fetching.FETCHER, ("5", "urn:li:organization:6", "nobody")
    cursor = fetcher.first_cursor(api(*accounts), WINDOW)
    assert cursor is not None
    assert [kind for _, kind in cursor["lists"]] == ["SPONSORED", "COMPANY", "EVENT", "ORGANIZATION_PRODUCT"]
    request = fetcher.list_request(api(*accounts), WINDOW, cursor)
    assert "&owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A5)&leadType=(leadType:SPONSORED)" in request.url
    assert "&submittedAtTimeRange=(start:1774688400000,end:1774692000000)&" in request.url
    assert request.headers["LinkedIn-Version"] == "v1"
    page = fetcher.read_page(cursor, {"elements": [{"id": "r1"}] * 100, "paging": {"total": 130}})
    assert page.cursor is not None
    assert (page.cursor["start"], page.remaining) == (100, 30)
    assert page.events[0].event_id == "r1:CREATED"
    assert fetcher.first_cursor(api(), WINDOW) is None


def test_hubspot_begins_a_new_search_after_ten_thousand() -> None:
    fetcher, contact = hubspot_fetching.FETCHER, {"id": "7", "properties": {"createdate": "2026-03-28T10:00:00Z"}}
    cursor = {"since": 1774688400000, "after": "9800"}
    page = fetcher.read_page(cursor, {"results": [contact], "paging": {"next": {"after": "9900"}}, "total": 10_500})
    assert (page.cursor, page.remaining) == ({"since": 1774688400000, "after": "9900"}, 600)
    page = fetcher.read_page(cursor, {"results": [contact], "paging": {"next": {"after": "9901"}}, "total": 10_500})
    assert page.cursor == {"since": 1774692000000, "after": None}
    assert [event.event_id for event in page.events] == ["contact:7"]
    assert lead_event_of(contact).external_id == "7"


def test_hubspot_is_asked_for_the_properties_of_a_mapping() -> None:
    paths = ("$.properties.level", "$.properties['region']", '$["properties"]["x y"]', "$.id")
    request = hubspot_fetching.FETCHER.lead_request(api(paths=paths), "7")
    assert {"email", "level", "region"} <= set(parse_qs(urlsplit(request.url).query)["properties"][0].split(","))


def test_success_is_an_object() -> None:
    assert is_success(answer(200, {"id": "1"}))
    assert not is_success(answer(200, []))
    assert not is_success(answer(404, {"id": "1"}))
    assert not is_success(FetchAnswer(200, CaseInsensitive({}), b"<html>"))


@given(st.integers(1, 1000), st.floats(0, 1))
def test_pauses_grow_from_seconds_to_half_an_hour(attempts: int, draw: float) -> None:
    assert 0 < retry_pause(1, draw) < 5
    assert retry_pause(attempts, draw) <= MAX_RETRY_SECONDS
    assert retry_pause(attempts + 1, draw) >= retry_pause(attempts, draw)


@given(st.sampled_from(KINDS), st.integers(1, 1000), st.floats(0, 10 * MAX_FETCH_AGE_SECONDS), st.floats(0, 1e5))
def test_every_problem_ends_within_36_hours(kind: FetchProblemKind, attempts: int, age: float, rest: float) -> None:
    found = decide_problem(FetchProblem(kind, "Why.", rest), attempts, age)
    if age >= MAX_FETCH_AGE_SECONDS or (kind == "gone" and attempts > 1):
        assert isinstance(found, FailedFetch)
        assert found.reason.startswith("Why.")
    else:
        assert isinstance(found, PostponedFetch)
        assert found.seconds > 0
        assert found.shown == (kind in ("token", "version"))
