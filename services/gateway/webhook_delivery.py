"""A provider's request on its way to become submissions: verified, read, and cut into items."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from services.gateway.context import Gateway
from services.gateway.integration_counts import (
    HANDSHAKE_OUTCOME,
    HANDSHAKE_REFUSED,
    IGNORED_OUTCOME,
    RECEIVED_OUTCOME,
    REJECTED_PREFIX,
    TOO_MANY_ITEMS,
    UNREADABLE_OUTCOME,
)
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
    TooManyItems,
    UnreadableBody,
    WebhookAnswer,
    WebhookRequest,
)
from shared.leads.submission import SOURCE_KEY
from shared.platform import ids
from shared.platform.errors import (
    ApiError,
    Forbidden,
    MethodNotAllowed,
    PayloadTooLarge,
    ServiceUnavailable,
    Unauthorized,
)
from shared.platform.observability import logging

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
    has_client_left: Callable[[], bool]

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
            await self._run(partial(self.provider.verify, self.sent, self.credentials))
            token = self.provider.one_time_token(self.sent) if self.provider.one_time_token else None
            if token and await self.gateway.repeats.is_token_reused(self.integration.id, token, self.sent.body_digest):
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
        except TooManyItems as error:
            self._count(TOO_MANY_ITEMS)
            raise PayloadTooLarge(str(error)) from None
        except ApiError:
            raise
        except Exception:  # a fault of the provider's module must not lose what is signed
            log.exception("webhook.unread", integration_id=self.integration.id, type=self.integration.type)
            return [await self._unreadable_item("The body could not be read.")]
        kept_events = [event for event in events if event.kind != "ignored"]
        # A body that holds no item at all, such as an empty list of entries, is counted as one.
        self._count(IGNORED_OUTCOME, len(events) - len(kept_events) if events else 1)
        return await self._event_items(kept_events)

    async def _read_events(self) -> list[SourceEvent]:
        events: list[SourceEvent] = []
        await self._run_steps(map(events.append, self.provider.read_items(self.sent, self.credentials)))
        return events

    async def _event_items(self, events: Sequence[SourceEvent]) -> list[JournalItem]:
        """Return the submissions of events, each for the integration that its account belongs to."""
        owners = [await self._owner_of(event) for event in events]
        keys: list[str | None] = []
        await self._run_steps(map(keys.append, map(_sent_key, owners, events)))
        body_key = await self._body_key() if None in keys else ""
        keyed = [key or f"{body_key}:{place}" for place, key in enumerate(keys)]
        items: dict[tuple[int, str], JournalItem] = {}
        await self._run_steps(self._add_items(items, owners, keyed, events))
        for owner in owners:
            self.gateway.integration_counts.count(owner, RECEIVED_OUTCOME)
        return list(items.values())

    def _add_items(
        self,
        items: dict[tuple[int, str], JournalItem],
        owners: Sequence[ReceivingIntegration],
        keys: Sequence[str],
        events: Sequence[SourceEvent],
    ) -> Iterator[None]:
        """Add the submission of one event at each step."""
        # The request is kept with one submission, unless it holds people of several workspaces.
        raw: dict[str, Any] = {"raw": raw_request(self.sent)} if len({one.workspace_id for one in owners}) == 1 else {}
        for owner, key, event in zip(owners, keys, events, strict=True):
            if (owner.id, key) not in items:  # otherwise the request holds the same event twice
                item = source_item(owner, key, submission_body(owner.type, owner.settings, event, raw))
                items[owner.id, key] = item
                raw = {"raw_in": item.id} if "raw" in raw else raw
            yield

    async def _run(self, work: Callable[[], object]) -> None:
        if self._is_small:
            work()
        else:
            await self.gateway.webhook_slices.run_off_loop(self.integration.workspace_id, work)

    async def _run_steps(self, steps: Iterator[object]) -> None:
        await self.gateway.webhook_slices.run_steps(
            self.integration.workspace_id, steps, self.has_client_left, starts_on_loop=self._is_small
        )

    @property
    def _is_small(self) -> bool:
        return len(self.sent.body) < MAX_BYTES_ON_LOOP

    async def _owner_of(self, event: SourceEvent) -> ReceivingIntegration:
        """Return the integration that an event's account belongs to, otherwise the one that received it."""
        digest = self._app_digest if event.account_id else None
        if digest is None or not event.account_id or event.account_id in self.integration.settings["accounts"]:
            return self.integration
        with contextlib.suppress(ServiceUnavailable):  # it is unknown, and the database is away: nothing may wait
            owner = await self.gateway.accounts.get((self.integration.type, digest, event.account_id))
            if owner is not None and owner.takes_from(self.integration):
                return owner.integration
        return self.integration

    @cached_property
    def _app_digest(self) -> bytes | None:
        return app_digest(self.integration.type, self.credentials)

    async def _unreadable_item(self, reason: str) -> JournalItem:
        self._count(UNREADABLE_OUTCOME)
        part = {"type": self.integration.type, "unreadable": reason, "raw": raw_request(self.sent)}
        return source_item(self.integration, f"{await self._body_key()}:0", {SOURCE_KEY: part})

    async def _body_key(self) -> str:
        """Return what the keys of items without event ids begin with: the same for a repeat within ten minutes."""
        digest = self.sent.body_digest
        first_seen = await self.gateway.repeats.first_seen(self.integration.id, digest, ids.now_ms())
        return f"body:{digest}:{first_seen}"

    def _count(self, outcome: str, n: int = 1) -> None:
        self.gateway.integration_counts.count(self.integration, outcome, n)


def _sent_key(owner: ReceivingIntegration, event: SourceEvent) -> str | None:
    event_id = event_id_by_path(owner.settings["event_id"], event.document) or event.event_id
    return event_key(event_id) if event_id else None
