"""Stand-ins for the APIs that take conversions: Meta's, which takes all of a batch or nothing, and Google's."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web

from services.workers.conversions.service_accounts import read_service_account
from tests.support.conversions import META_CREDENTIALS, service_account_key

GOOGLE_TOKEN = "ya29.token-of-the-account"
MAX_META_EVENTS, MAX_META_AGE_SECONDS = 1_000, 7 * 86_400


@dataclass
class AdPlatforms:
    """Both platforms at one address. `troubles` are answered first, one after the other.

    A batch with an event whose name is in `refused` is refused as a whole. `taken` are the events of all batches that
    were taken, by their id: a repeat counts once more in `repeats`.
    """

    url: str = ""
    refused: set[str] = field(default_factory=set)
    troubles: deque[web.Response] = field(default_factory=deque)
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: int = 0
    tests: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)  # the path of each request
    bodies: list[bytes] = field(default_factory=list)
    google_token: str = GOOGLE_TOKEN
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def add_trouble(self, *statuses: int, headers: dict[str, str] | None = None, body: Any = None) -> None:
        """Answer the next requests with these statuses."""
        self.troubles.extend(web.json_response(body or {}, status=status, headers=headers) for status in statuses)

    def count_asked(self, part: str) -> int:
        return sum(part in path for path in self.asked)

    def names_taken(self) -> list[str]:
        return sorted(event.get("event_name", "") for event in self.taken.values())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp's handler."""
        self.asked.append(request.path)
        raw = await request.read()
        if request.path == "/token":
            return self._give_token(dict(await request.post()))
        self.bodies.append(raw)
        await self.open.wait()
        if self.troubles:
            return self.troubles.popleft()
        if request.path == "/v1/events:ingest":
            return self._google(request, json.loads(raw))
        assert request.path == f"/v26.0/{META_CREDENTIALS['dataset_id']}/events", request.path
        return self._meta(request, json.loads(raw))

    def _meta(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {META_CREDENTIALS['access_token']}":
            return meta_error(190)
        events = body["data"]
        if len(events) > MAX_META_EVENTS or not all(self._is_good(event) for event in events):
            return meta_error(100, error_subcode=2804003, message="Invalid parameter")
        if "test_event_code" in body:
            self.tests.append(body)
        else:
            self._take({event["event_id"]: event for event in events})
        return web.json_response({"events_received": len(events), "messages": [], "fbtrace_id": "A1"})

    def _is_good(self, event: dict[str, Any]) -> bool:
        age = time.time() - event["event_time"]
        person = event["user_data"]
        return (
            event["event_name"] not in self.refused
            and event["action_source"] == "system_generated"
            and event["custom_data"]["event_source"] == "crm"
            and -60 < age < MAX_META_AGE_SECONDS
            and bool(person)
            and all(len(one) == 64 for name in ("em", "ph", "fn", "ln", "country") for one in person.get(name, []))
        )

    def _google(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.google_token}":
            return web.json_response({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, status=401)
        assert body["destinations"][0]["operatingAccount"] == {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}
        if bad := [place for place, event in enumerate(body["events"]) if not event.get("userData")]:
            violations = [{"field": f"events.events[{place}]", "reason": "NO_IDENTIFIERS_PROVIDED"} for place in bad]
            details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
            return web.json_response({"error": {"code": 400, "details": details}}, status=400)
        if body["validateOnly"]:
            self.tests.append(body)
        else:
            self._take({event["transactionId"]: event for event in body["events"]})
        return web.json_response({"requestId": "r1"})

    def _take(self, events: dict[str, dict[str, Any]]) -> None:
        self.repeats += len(self.taken.keys() & events.keys())
        self.taken |= events

    def _give_token(self, form: dict[str, Any]) -> web.Response:
        """Give a token for an assertion that the service account signed."""
        account = read_service_account(service_account_key())
        jwt.decode(form["assertion"], account.private_key.public_key(), ["RS256"], audience=f"{self.url}/token")
        return web.json_response({"access_token": self.google_token, "expires_in": 3599, "token_type": "Bearer"})


def meta_error(code: int, **more: Any) -> web.Response:
    return web.json_response({"error": {"code": code, "type": "OAuthException", **more}}, status=400)


@asynccontextmanager
async def serving_ad_platforms() -> AsyncIterator[AdPlatforms]:
    """Both platforms on a free port of 127.0.0.1."""
    platforms = AdPlatforms()
    platforms.open.set()
    app = web.Application(client_max_size=32 << 20)
    app.router.add_route("*", "/{path:.*}", platforms.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    platforms.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield platforms
    finally:
        platforms.open.set()
        await runner.cleanup()
