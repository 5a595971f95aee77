"""Stand-ins for the APIs of Meta, LinkedIn and HubSpot, on a socket of their own, with the troubles that they have."""

import asyncio
import hashlib
import hmac
import json
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

TOKEN = "token-of-the-page"
SECRET = "secret-of-the-app"
PAGE_SIZE = 2  # of lists, so that even few leads take several pages
ACCOUNT = "urn:li:sponsoredAccount:5000001"
META_ERRORS = {"token": (400, {"code": 190, "error_subcode": 463}), "gone": (400, {"code": 100, "error_subcode": 33})}


@dataclass
class LeadApis:
    """All three APIs at one address. `troubles` are answered first, one after the other.

    `token` is the one that is accepted. `held` requests wait until the event is set.
    """

    url: str = ""
    token: str = TOKEN
    leads: dict[str, dict[str, Any]] = field(default_factory=dict)  # Meta's, by id
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)  # LinkedIn's
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)  # LinkedIn's
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)  # HubSpot's
    troubles: deque[web.Response] = field(default_factory=deque)
    asked: list[str] = field(default_factory=list)  # path and query of each request
    most_at_once: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    _at_once: int = 0

    def count_asked(self, part: str) -> int:
        return sum(part in path for path in self.asked)

    def add_trouble(self, *statuses: int, headers: dict[str, str] | None = None, body: Any = None) -> None:
        """Answer the next requests with these statuses."""
        self.troubles.extend(web.json_response(body or {}, status=status, headers=headers) for status in statuses)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp's handler."""
        self.asked.append(request.raw_path)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self.open.wait()
        finally:
            self._at_once -= 1
        if self.troubles:
            return self.troubles.popleft()
        parts = request.path.strip("/").split("/")
        is_known = request.headers.get("Authorization") == f"Bearer {self.token}"
        if parts[0] == "rest":
            return self._linkedin(request, parts[1:]) if is_known else web.json_response({}, status=401)
        if parts[0] == "crm":
            return await self._hubspot(request, parts[3:]) if is_known else web.json_response({}, status=401)
        return self._meta(request, parts) if is_known else _meta_error("token")

    def _meta(self, request: web.Request, parts: list[str]) -> web.Response:
        proof = hmac.new(SECRET.encode(), self.token.encode(), hashlib.sha256).hexdigest()
        assert request.query["appsecret_proof"] == proof
        assert parts[0] == "v26.0"
        if parts[-1] == "leadgen_forms":
            forms = sorted({lead["form_id"] for lead in self.leads.values()})
            return _meta_list([{"id": id_} for id_ in forms], request)
        if parts[-1] == "leads":
            bounds = {one["operator"]: one["value"] for one in json.loads(request.query["filtering"])}
            found = [
                lead
                for lead in self.leads.values()
                if lead["form_id"] == parts[1]
                and bounds["GREATER_THAN"] < _timestamp(lead["created_time"]) < bounds["LESS_THAN"]
            ]
            return _meta_list(found, request)
        return web.json_response(self.leads[parts[1]]) if parts[1] in self.leads else _meta_error("gone")

    def _linkedin(self, request: web.Request, parts: list[str]) -> web.Response:
        assert request.headers["X-Restli-Protocol-Version"] == "2.0.0"
        if request.headers["LinkedIn-Version"] != "202610":
            return web.json_response({}, status=426)
        if len(parts) == 2:
            found = (self.responses if parts[0] == "leadFormResponses" else self.forms).get(parts[1])
            return web.json_response(found) if found else web.json_response({}, status=404)
        # Rest.li reads the parentheses as they are, and what stands in them encoded.
        assert "owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A5000001)" in request.raw_path
        start = int(request.query["start"])
        first, last = request.query["submittedAtTimeRange"].strip("()").split(",")
        low, high = int(first.removeprefix("start:")), int(last.removeprefix("end:"))
        wanted = [one for one in self.responses.values() if low <= one["submittedAt"] <= high]
        paging = {"start": start, "count": PAGE_SIZE, "total": len(wanted)}
        return web.json_response({"elements": wanted[start : start + PAGE_SIZE], "paging": paging})

    async def _hubspot(self, request: web.Request, parts: list[str]) -> web.Response:
        if parts == ["contacts", "search"]:
            search = await request.json()
            bounds = {one["operator"]: int(one["value"]) for one in search["filterGroups"][0]["filters"]}
            found = [
                contact
                for contact in self.contacts.values()
                if bounds["GTE"] <= _timestamp(contact["properties"]["createdate"]) * 1000 <= bounds["LTE"]
            ]
            start = int(search.get("after") or 0)
            more = {"paging": {"next": {"after": str(start + PAGE_SIZE)}}} if start + PAGE_SIZE < len(found) else {}
            return web.json_response({"total": len(found), "results": found[start : start + PAGE_SIZE], **more})
        assert "email" in request.query["properties"].split(",")
        found_one = self.contacts.get(parts[1])
        return web.json_response(found_one) if found_one else web.json_response({}, status=404)


def _meta_list(found: list[dict[str, Any]], request: web.Request) -> web.Response:
    start = int(request.query.get("after") or 0)
    paging: dict[str, Any] = {"cursors": {"after": str(start + PAGE_SIZE)}}
    if start + PAGE_SIZE < len(found):
        paging["next"] = "https://example.com/with?access_token=that-nobody-follows"
    return web.json_response({"data": found[start : start + PAGE_SIZE], "paging": paging})


def _meta_error(kind: str) -> web.Response:
    status, error = META_ERRORS[kind]
    return web.json_response({"error": {"message": f"Malformed access token {TOKEN}", **error}}, status=status)


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@asynccontextmanager
async def serving_lead_apis(place: socket.socket | None = None) -> AsyncIterator[LeadApis]:
    """The APIs on a free port of 127.0.0.1, or on a socket that is bound to one."""
    apis = LeadApis()
    apis.open.set()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", apis.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await (web.SockSite(runner, place) if place else web.TCPSite(runner, "127.0.0.1", 0)).start()
    apis.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield apis
    finally:
        apis.open.set()
        await runner.cleanup()


def meta_lead(number: int, created: str = "2026-03-28T09:00:00+0000", form_id: str = "7001") -> dict[str, Any]:
    """A lead as the Graph API returns it."""
    fields = {"full_name": f"Ada {number}", "email": f"ada{number}@example.com", "your_budget": str(number)}
    return {
        "id": str(9000 + number),
        "created_time": created,
        "form_id": form_id,
        "campaign_name": "Spring",
        "platform": "ig",
        "field_data": [{"name": name, "values": [value]} for name, value in fields.items()],
    }


def linkedin_response(number: int, submitted_at: int = 1774688400000) -> dict[str, Any]:
    """A response to form 7002, without the form's questions."""
    answers = [f"Ada{number}", f"ada{number}@example.com"]
    return {
        "id": f"response-{number}",
        "owner": {"sponsoredAccount": ACCOUNT},
        "leadType": "SPONSORED",
        "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:7002,1)",
        "submittedAt": submitted_at,
        "testLead": False,
        "formResponse": {
            "answers": [
                {"questionId": place, "answerDetails": {"textQuestionAnswer": {"answer": answer}}}
                for place, answer in enumerate(answers, 1)
            ]
        },
    }


def emails_of(n: int) -> list[str]:
    """The emails of the people behind the first leads."""
    return sorted(f"ada{number}@example.com" for number in range(n))


LINKEDIN_FORM = {
    "id": 7002,
    "content": {
        "questions": [
            {"questionId": 1, "name": "firstName", "predefinedField": "FIRST_NAME"},
            {"questionId": 2, "name": "email", "predefinedField": "EMAIL"},
        ]
    },
}


def hubspot_contact(number: int, created: str = "2026-03-28T09:00:00.000Z") -> dict[str, Any]:
    """A contact as the CRM API returns it."""
    properties = {"email": f"ada{number}@example.com", "firstname": f"Ada {number}", "createdate": created}
    return {"id": str(100 + number), "properties": properties, "createdAt": created}
