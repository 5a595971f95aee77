"""Ask providers' APIs for leads, one integration at a time. Never raises for anything that a provider does."""

import asyncio
from typing import Any

from services.workers.deliveries.http_client import HttpClient, SafeResolver
from services.workers.deliveries.types import RequestFailure
from services.workers.deliveries.webhook_request import USER_AGENT
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.lead_fetchers import LEAD_FETCHERS, URL_SETTINGS, VERSION_SETTINGS
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
    is_success,
)
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import CaseInsensitive
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

MAX_ANSWER_BYTES = 1 << 20
REQUEST_SECONDS = 20.0  # seconds for one answer
MAX_CACHED_FORMS = 500
FORM_CACHE_SECONDS = 600.0

UNREADABLE_CREDENTIALS_MESSAGE = (
    "The credentials of the integration cannot be decrypted. Enter them again, or give the service the key that it had."
)
NO_TOKEN_MESSAGE = f"The integration has no access token. {RENEWAL_ADVICE}"
UNREADABLE_LEAD_MESSAGE = "What the provider answered could not be read as a lead."


class ProviderClient:
    """Asks the APIs of all providers. One per process: it keeps connections, and forms for some minutes."""

    def __init__(self, settings: Settings, resolver: SafeResolver) -> None:
        self._settings = settings
        self._http = HttpClient(resolver, timeout_seconds=REQUEST_SECONDS, document_bytes=MAX_ANSWER_BYTES)
        self._forms: dict[tuple[int, str], tuple[float, Any]] = {}  # by integration and form, with the time of expiry

    async def close(self) -> None:
        await self._http.close()

    async def fetch_lead(
        self, integration: ReceivingIntegration, object_id: str, notice: Any
    ) -> SourceEvent | FetchProblem:
        """Return the lead with that id, which was announced by `notice`."""
        fetcher, api = LEAD_FETCHERS[integration.type], self._api_of(integration)
        if isinstance(api, FetchProblem):
            return api
        lead = await self._request(integration, fetcher, fetcher.lead_request(api, object_id))
        if isinstance(lead, FetchProblem):
            return lead
        form = await self._form_of(integration, fetcher, api, lead)
        if isinstance(form, FetchProblem):
            return form
        try:
            return fetcher.lead_event(lead, form, notice)
        except Exception:  # a fault of the provider's module must lose no lead
            log.exception("source.unread", integration_id=integration.id)
            return FetchProblem("temporary", UNREADABLE_LEAD_MESSAGE)

    async def fetch_page(
        self, integration: ReceivingIntegration, window: ListWindow, cursor: ListCursor | None
    ) -> FetchedPage | FetchProblem:
        """Return a page of the leads of that time, the first one without a cursor."""
        fetcher, api = LEAD_FETCHERS[integration.type], self._api_of(integration)
        if isinstance(api, FetchProblem):
            return api
        cursor = cursor or fetcher.first_cursor(api, window)
        if cursor is None:
            return FetchProblem("gone", fetcher.cannot_list)
        document = await self._request(integration, fetcher, fetcher.list_request(api, window, cursor))
        if isinstance(document, FetchProblem):
            return document
        try:
            return fetcher.read_page(cursor, document)
        except Exception:
            log.exception("source.unread", integration_id=integration.id)
            return FetchProblem("temporary", UNREADABLE_LEAD_MESSAGE)

    def _api_of(self, integration: ReceivingIntegration) -> ProviderApi | FetchProblem:
        if integration.credentials is None:
            return FetchProblem("token", UNREADABLE_CREDENTIALS_MESSAGE)
        if not integration.credentials.get(LEAD_FETCHERS[integration.type].token_field):
            return FetchProblem("token", NO_TOKEN_MESSAGE)
        version = VERSION_SETTINGS.get(integration.type)
        return ProviderApi(
            getattr(self._settings, URL_SETTINGS[integration.type]),
            getattr(self._settings, version) if version else "",
            integration.credentials,
            integration.settings["accounts"],
            list(integration.settings["mapping"].values()),
        )

    async def _form_of(
        self, integration: ReceivingIntegration, fetcher: LeadFetcher, api: ProviderApi, lead: Any
    ) -> Any:
        """Return the form of a lead; None if none is needed, or if it is gone: the answers count without it."""
        wanted = fetcher.form_request(api, lead)
        if wanted is None:
            return None
        form_id, request = wanted
        key, now = (integration.id, form_id), asyncio.get_running_loop().time()
        if key in self._forms and self._forms[key][0] > now:
            return self._forms[key][1]
        form = await self._request(integration, fetcher, request)
        if isinstance(form, FetchProblem):
            return None if form.kind == "gone" else form
        if len(self._forms) >= MAX_CACHED_FORMS:
            self._forms.clear()
        self._forms[key] = now + FORM_CACHE_SECONDS, form
        return form

    async def _request(
        self, integration: ReceivingIntegration, fetcher: LeadFetcher, request: FetchRequest
    ) -> dict[str, Any] | FetchProblem:
        headers = {**request.headers, "User-Agent": USER_AGENT}
        is_trusted = self._is_set_by_operator(URL_SETTINGS[integration.type])
        response = await self._http.request_document(request.url, headers, request.body, is_trusted=is_trusted)
        if isinstance(response, RequestFailure):
            return FetchProblem("temporary", f"{fetcher.name} could not be asked: {response.error}")
        answer = FetchAnswer(response.status, CaseInsensitive(response.headers), response.body)
        log.info("source.asked", integration_id=integration.id, type=integration.type, status=response.status)
        if is_success(answer):
            document: dict[str, Any] = answer.document
            return document
        return fetcher.problem_of(answer)

    def _is_set_by_operator(self, name: str) -> bool:
        """Return whether an address is not the built-in one. Such an address may be private."""
        return bool(getattr(self._settings, name) != Settings.model_fields[name].default)
