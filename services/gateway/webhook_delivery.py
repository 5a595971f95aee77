"""A provider's request on its way to become submissions: verified, read, and cut into items."""

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.gateway.context import Gateway
from services.gateway.integration_counts import (
    HANDSHAKE_OUTCOME,
    HANDSHAKE_REFUSED,
    IGNORED_OUTCOME,
    RECEIVED_OUTCOME,
    REJECTED_PREFIX,
    UNREADABLE_OUTCOME,
)
from shared import ids
from shared.errors import Forbidden, MethodNotAllowed, ServiceUnavailable, Unauthorized
from shared.intake.journal import JournalItem
from shared.integrations.account_claims import app_digest
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.provider import Provider
from shared.integrations.source_event import SourceEvent
from shared.integrations.source_items import event_key, source_item
from shared.integrations.submission_body import event_id_by_path, raw_request, submission_body
from shared.integrations.webhook_exchange import (
    Credentials,
    SignatureRefused,
    UnreadableBody,
    WebhookAnswer,
    WebhookRequest,
)
from shared.leads.submission import SOURCE_KEY
from shared.observability import logging

log = logging.get_logger()

MAX_BYTES_ON_LOOP = 64 << 10  # bytes of a body that are read on the event loop: a few milliseconds
UNVERIFIED_MESSAGE = "The signature of this request is missing, wrong or too old."
HANDSHAKE_REFUSED_MESSAGE = "The verify token of this handshake is not that of the integration."


@dataclass(frozen=True)
class WebhookDelivery:
    """A request to an integration's address, on its way to become submissions."""

    gateway: Gateway
    integration: ReceivingIntegration
    provider: Provider
    credentials: Credentials
    sent: WebhookRequest

    def answer_handshake(self) -> WebhookAnswer:
        """Return the answer to a handshake. Raises Forbidden."""
        if self.provider.answer_handshake is None:
            raise MethodNotAllowed
        try:
            answer = self.provider.answer_handshake(self.sent, self.credentials)
        except SignatureRefused:
            self._count(HANDSHAKE_REFUSED)
            raise Forbidden(HANDSHAKE_REFUSED_MESSAGE) from None
        self._count(HANDSHAKE_OUTCOME)
        return answer

    async def verify(self) -> None:
        """Check that the request is the provider's. Raises Unauthorized."""
        try:
            self.provider.verify(self.sent, self.credentials)
            token = self.provider.one_time_token(self.sent) if self.provider.one_time_token else None
            if token and await self.gateway.repeats.is_token_reused(self.integration.id, token, self._body_digest):
                raise SignatureRefused("replayed")
        except SignatureRefused as refusal:
            self._count(f"{REJECTED_PREFIX}{refusal.reason}")
            log.info("webhook.rejected", integration_id=self.integration.id, reason=refusal.reason)
            raise Unauthorized(UNVERIFIED_MESSAGE) from None

    async def read_items(self) -> list[JournalItem]:
        """Return the submissions of a verified request. A body that cannot be read is kept, to become a dead one."""
        if not self.sent.body.strip():  # somebody tried the address
            self._count(IGNORED_OUTCOME)
            return []
        try:
            events = await self._read_events()
        except UnreadableBody as error:
            return [await self._unreadable_item(str(error))]
        except Exception:  # a fault of the provider's module must not lose what is signed
            log.exception("webhook.unread", integration_id=self.integration.id, type=self.integration.type)
            return [await self._unreadable_item("The body could not be read.")]
        kept = [event for event in events if event.kind != "ignored"]
        # A body that holds no item at all, such as an empty list of entries, is counted as one.
        self._count(IGNORED_OUTCOME, len(events) - len(kept) if events else 1)
        return await self._event_items(kept)

    async def _read_events(self) -> Sequence[SourceEvent]:
        if len(self.sent.body) < MAX_BYTES_ON_LOOP:
            return self.provider.read(self.sent, self.credentials)
        return await asyncio.to_thread(self.provider.read, self.sent, self.credentials)

    async def _event_items(self, events: Sequence[SourceEvent]) -> list[JournalItem]:
        """Return the submissions of events, each for the integration that its account belongs to."""
        owners = [await self._owner_of(event) for event in events]
        items: dict[tuple[int, str], JournalItem] = {}
        # The request is kept with one submission, unless it holds people of several workspaces.
        raw: dict[str, Any] = {"raw": raw_request(self.sent)} if len({one.workspace_id for one in owners}) == 1 else {}
        for place, (event, owner) in enumerate(zip(events, owners, strict=True)):
            self.gateway.integration_counts.count(owner, RECEIVED_OUTCOME)
            event_id = event_id_by_path(owner.settings["event_id"], event.document) or event.event_id
            key = event_key(event_id) if event_id else await self._body_key(place)
            if (owner.id, key) in items:
                continue  # the request holds the same event twice
            item = source_item(owner, key, submission_body(owner.type, owner.settings, event, raw))
            items[owner.id, key] = item
            raw = {"raw_in": item.id} if "raw" in raw else raw
        return list(items.values())

    async def _owner_of(self, event: SourceEvent) -> ReceivingIntegration:
        """Return the integration that an event's account belongs to, otherwise the one that received it."""
        digest = app_digest(self.integration.type, self.credentials) if event.account_id else None
        if digest is None or not event.account_id or event.account_id in self.integration.settings["accounts"]:
            return self.integration
        with contextlib.suppress(ServiceUnavailable):  # it is unknown, and the database is away: nothing may wait
            owner = await self.gateway.accounts.get((self.integration.type, digest, event.account_id))
            if owner is not None and owner.takes_from(self.integration):
                return owner.integration
        return self.integration

    async def _unreadable_item(self, reason: str) -> JournalItem:
        self._count(UNREADABLE_OUTCOME)
        part = {"type": self.integration.type, "unreadable": reason, "raw": raw_request(self.sent)}
        return source_item(self.integration, await self._body_key(0), {SOURCE_KEY: part})

    async def _body_key(self, place: int) -> str:
        """Return the key of an item without an event id: a repeat of the body within ten minutes has the same one."""
        first_seen = await self.gateway.repeats.first_seen(self.integration.id, self._body_digest, ids.now_ms())
        return f"body:{self._body_digest}:{first_seen}:{place}"

    @property
    def _body_digest(self) -> str:
        return _digest(self.sent.body)

    def _count(self, outcome: str, n: int = 1) -> None:
        self.gateway.integration_counts.count(self.integration, outcome, n)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
