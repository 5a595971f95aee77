"""Send events to ad platforms: with a token where the platform wants one, and with what the answer means."""

import asyncio
import hashlib
import time
from dataclasses import dataclass, replace

import orjson

from services.workers.conversions.conversion_platforms import CONVERSION_PLATFORMS
from services.workers.conversions.conversion_types import PlatformAnswer
from services.workers.conversions.service_accounts import (
    UnreadableAccountKey,
    read_service_account,
    token_request_body,
)
from services.workers.deliveries.conversion_requests import is_operators_address
from services.workers.deliveries.http_client import HttpClient
from services.workers.deliveries.providers import FORM_CONTENT_TYPE
from services.workers.deliveries.types import AttemptResult, ConversionRequest, RequestFailure
from services.workers.deliveries.webhook_request import USER_AGENT
from shared.platform.settings import Settings

MAX_TOKEN_BYTES = 16 << 10  # of an answer with a token
MAX_CACHED_TOKENS = 1_000
MIN_TOKEN_SECONDS = 120.0  # a token that ends sooner is renewed
# Errors of RFC 6749 and RFC 7523. Other texts of an answer are not quoted.
TOKEN_ERRORS = ("invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "invalid_request")
UNAUTHORIZED_STATUS = 401


@dataclass(frozen=True, slots=True)
class CachedToken:
    """An access token, and the time of the process's clock at which it is renewed."""

    token: str
    renewed_at: float


class ConversionClient:
    """Sends the events of a process's sender. Tokens are kept for as long as they are valid, and never stored."""

    def __init__(self, http: HttpClient, settings: Settings) -> None:
        self._http = http
        self._token_url = settings.google_accounts_url
        self._is_token_url_trusted = is_operators_address(settings, "google_accounts_url")
        self._tokens: dict[bytes, CachedToken] = {}  # by the digest of the account's key
        self._lock = asyncio.Lock()  # many deliveries of an account ask for one token

    async def send_events(self, outgoing: ConversionRequest) -> AttemptResult:
        """Make one attempt. Never raises for anything that the platform does."""
        request = outgoing.request
        if outgoing.account_key is not None:
            token = await self._get_token(outgoing.account_key)
            if isinstance(token, RequestFailure):
                return AttemptResult(error=token.error, hopeless=token.hopeless)
            request = replace(request, headers={**request.headers, "Authorization": f"Bearer {token}"})
        answer = await self._http.send_request(request)
        if answer.status == UNAUTHORIZED_STATUS and outgoing.account_key is not None:
            self._tokens.pop(_key_digest(outgoing.account_key), None)
        return _judge_answer(outgoing.platform, answer)

    async def _get_token(self, key: str) -> str | RequestFailure:
        async with self._lock:
            digest, now = _key_digest(key), time.monotonic()
            cached = self._tokens.get(digest)
            if cached and cached.renewed_at > now:
                return cached.token
            answer = await self._ask_for_token(key)
            if isinstance(answer, RequestFailure):
                return answer
            if len(self._tokens) >= MAX_CACHED_TOKENS:
                self._tokens.clear()
            self._tokens[digest] = answer
            return answer.token

    async def _ask_for_token(self, key: str) -> CachedToken | RequestFailure:
        try:
            account = read_service_account(key)
        except UnreadableAccountKey as error:
            return RequestFailure(str(error), hopeless=True)
        body = token_request_body(account, self._token_url, int(time.time()))
        headers = {"Content-Type": FORM_CONTENT_TYPE, "User-Agent": USER_AGENT}
        answer = await self._http.request_document(
            self._token_url, headers, body, is_trusted=self._is_token_url_trusted
        )
        if isinstance(answer, RequestFailure):
            return RequestFailure(f"Google could not be asked for a token: {answer.error}")
        return _read_token(answer.status, answer.body)


def _read_token(status: int, body: bytes) -> CachedToken | RequestFailure:
    try:
        document = orjson.loads(body)
    except ValueError:
        document = None
    answer = document if isinstance(document, dict) else {}
    token, seconds = answer.get("access_token"), answer.get("expires_in", 3600)
    if 200 <= status < 300 and isinstance(token, str) and token.isascii() and token.isprintable():
        lasts = float(seconds) if isinstance(seconds, int | float) else 0.0
        return CachedToken(token, time.monotonic() + lasts - MIN_TOKEN_SECONDS)
    error = answer.get("error")
    named = error if error in TOKEN_ERRORS else f"status {status}"
    return RequestFailure(f"Google gives the service account no token ({named}).")


def _judge_answer(platform: str, answer: AttemptResult) -> AttemptResult:
    if answer.status is None or answer.error is not None:
        return answer
    problem = CONVERSION_PLATFORMS[platform].judge_answer(PlatformAnswer(answer.status, answer.body or ""))
    if problem is None:
        return answer
    return replace(answer, error=problem.sentence, hopeless=problem.is_hopeless, is_divisible=problem.is_divisible)


def _key_digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
