"""What it takes to fetch leads from a provider whose webhooks hold only ids: requests, answers, problems, pages. Pure.

The provider's side stands in `providers/<type>_fetching.py`, as a `FETCHER`; `lead_fetchers.py` lists them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

from shared.integrations.reading.untrusted_json import list_at
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import CaseInsensitive, UnreadableBody, parse_json_leniently
from shared.outbound.retry_after import parse_retry_after

FetchProblemKind = Literal["token", "rate_limited", "gone", "temporary", "version"]
ListCursor = dict[str, Any]  # JSON: where a listing goes on

RATE_LIMIT_PAUSE_SECONDS = 60.0  # seconds of rest after a rate limit of which the provider does not say how long it is
RENEWAL_ADVICE = "Enter a new access token in the settings of the integration."


@dataclass(frozen=True, slots=True)
class ProviderApi:
    """How an integration reaches its provider's API.

    `accounts` are the pages or owners that it is for. `mapped_paths` are the JSON paths of its own mapping.
    """

    base_url: str
    version: str
    credentials: Mapping[str, str]
    accounts: Sequence[str] = ()
    mapped_paths: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A request to a provider's API: a GET, or with a JSON body a POST. Its URL is encoded."""

    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class FetchAnswer:
    """What the API answered."""

    status: int
    headers: CaseInsensitive
    body: bytes

    @cached_property
    def document(self) -> Any:
        """The JSON value of the body, None for anything else."""
        try:
            return parse_json_leniently(self.body)
        except UnreadableBody:
            return None

    def retry_after(self) -> float | None:
        """Return the seconds that the header `Retry-After` asks for."""
        return parse_retry_after(self.headers.get("Retry-After"), self.headers.get("Date"), datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class FetchProblem:
    """Why nothing was fetched. `sentence` is for the admin and quotes nothing that the provider sent.

    `kind`:
    - `token`: the access token is not accepted, or may not read leads.
    - `rate_limited`: too many requests; `retry_after` is the rest in seconds.
    - `gone`: there is no such lead, or none that the token may see.
    - `temporary`: the provider has trouble. `retry_after` may say for how long.
    - `version`: the version of the API that is set here has ended.
    """

    kind: FetchProblemKind
    sentence: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class ListWindow:
    """The time in which the wanted leads were sent, in seconds since the epoch."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """Leads of a list, each with the key that its webhook has. `cursor` is None at the end of the list.

    `remaining` is how many follow, where the provider says so.
    """

    events: Sequence[SourceEvent] = ()
    cursor: ListCursor | None = None
    remaining: int | None = None


def needs_no_form(_api: ProviderApi, _lead: Any) -> tuple[str, FetchRequest] | None:
    """Return no request: the lead says all."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFetcher:
    """How to fetch leads of one provider.

    `token_field` is the credential without which nothing can be fetched.
    `lead_request` asks for one lead. `lead_event` reads it, with its form and the notice by which it was announced.
    `form_request` asks for the form of a lead, where its questions are needed: the form's id and the request.
    `problem_of` judges an answer that is no success.
    `first_cursor` starts a list; None where nothing can be listed, for the reason that `cannot_list` says.
    `list_request` asks for a page, and `read_page` reads it.
    `listed_id` makes the event id of a listed lead from the id of the lead, where it is not that of its webhook.
    """

    name: str
    token_field: str
    lead_request: Callable[[ProviderApi, str], FetchRequest]
    lead_event: Callable[[Any, Any, Any], SourceEvent]
    problem_of: Callable[[FetchAnswer], FetchProblem]
    first_cursor: Callable[[ProviderApi, ListWindow], ListCursor | None]
    list_request: Callable[[ProviderApi, ListWindow, ListCursor], FetchRequest]
    read_page: Callable[[ListCursor, Any], FetchedPage]
    form_request: Callable[[ProviderApi, Any], tuple[str, FetchRequest] | None] = needs_no_form
    cannot_list: str = ""
    listed_id: Callable[[str], str] | None = None


def is_success(answer: FetchAnswer) -> bool:
    """Return whether the answer is the wanted document, a JSON object."""
    return 200 <= answer.status < 300 and isinstance(answer.document, dict)


def problem_by_status(name: str, answer: FetchAnswer) -> FetchProblem:
    """Return the problem that a status means at most APIs. `name` is the provider's."""
    status, pause = answer.status, answer.retry_after()
    if status == 401:
        return FetchProblem("token", f"{name} does not accept the access token. {RENEWAL_ADVICE}")
    if status == 403:
        return FetchProblem("token", f"{name} does not let this access token read leads. {RENEWAL_ADVICE}")
    if status in (404, 410):
        return FetchProblem("gone", f"{name} has no such lead, or does not let this access token see it.")
    if status == 426:
        return FetchProblem("version", f"{name} does not answer to the version of its API that is set here any more.")
    if status == 429:
        return rate_limited(name, pause)
    if 200 <= status < 300:
        return FetchProblem("temporary", f"{name} answered {status} with something that is no lead.")
    return FetchProblem("temporary", f"{name} answered {status}.", pause)


def rate_limited(name: str, seconds: float | None) -> FetchProblem:
    """Return the problem of too many requests, with the rest that was asked for."""
    return FetchProblem(
        "rate_limited",
        f"{name} takes no more requests for a while.",
        RATE_LIMIT_PAUSE_SECONDS if seconds is None else seconds,
    )


def bearer_headers(token: str, **more: str) -> dict[str, str]:
    """Return the headers of a request for JSON with a bearer token."""
    return {"Authorization": f"Bearer {token}", "Accept": "application/json", **more}


def json_body(value: Any) -> bytes:
    """Return a JSON body."""
    return json.dumps(value, separators=(",", ":")).encode()


def objects_at(document: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of an array."""
    return [one for one in list_at(document, name) if isinstance(one, dict)]


def api_address(api: ProviderApi, path: str) -> str:
    """Return the address of a path of the API."""
    return f"{api.base_url.rstrip('/')}/{path}"
