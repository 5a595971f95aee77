"""What a gateway process keeps for public forms: tokens, counts over many posts, and hits of rules."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT
from services.gateway.public_forms.form_counts import FormCounts
from services.gateway.public_forms.rule_hits import RuleHits
from services.gateway.public_forms.spam_observations import PostObservations
from services.gateway.public_forms.touch_tokens import TouchTokens
from shared.forms.definition import FormDefinition
from shared.platform.crypto.encryption import Cipher, key_source, split_keys
from shared.platform.settings import Settings
from shared.platform.supervised_loop import run_forever

MAX_OBSERVING_CONNECTIONS = 32


@dataclass(frozen=True)
class PublicForms:
    """The parts that handlers of public forms need beside the gateway."""

    cipher: Cipher
    tokens: TouchTokens
    observations: PostObservations
    rule_hits: RuleHits
    counts: FormCounts


@dataclass(frozen=True, slots=True)
class IssuedTouch:
    """What a form's script gets at the first touch. `challenge` is None unless the form asks for a proof of work."""

    token: str
    challenge: dict[str, Any] | None


PUBLIC_FORMS = web.AppKey("public_forms_context", PublicForms)


async def issue_touch(app: web.Application, form: FormDefinition) -> IssuedTouch:
    """Return a token for a form that is touched first now, and a challenge if the form asks for proofs at present."""
    parts, asked = app[PUBLIC_FORMS], form.settings["spam"]["proof_of_work"]
    asks_proof = asked == "always" or (asked == "auto" and await parts.observations.is_form_busy(form.id))
    challenge = parts.tokens.make_challenge(form.public_id) if asks_proof else None
    return IssuedTouch(parts.tokens.make_token(form.public_id, asks_proof=asks_proof), challenge)


def public_forms_lifetime(settings: Settings) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a cleanup context that follows the gateway's: it makes these parts and writes what they counted."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        read_keys = await asyncio.to_thread(key_source, settings)
        cipher = await asyncio.to_thread(Cipher.from_settings, settings)  # reading a key takes 50 ms
        client = redis.from_url(
            settings.redis_url,
            socket_timeout=1,
            socket_connect_timeout=1,
            max_connections=MAX_OBSERVING_CONNECTIONS,
        )
        hits, counts = RuleHits(app[GATEWAY_CONTEXT].pool), FormCounts(app[GATEWAY_CONTEXT].pool)
        tokens = TouchTokens(lambda: split_keys(read_keys())[0])
        app[PUBLIC_FORMS] = PublicForms(cipher, tokens, PostObservations(client), hits, counts)
        watchers = [asyncio.create_task(run_forever(loop)) for loop in (hits.run, counts.run)]
        yield
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        with contextlib.suppress(Exception):  # a database that is away must not block the stop
            await asyncio.wait_for(asyncio.gather(hits.flush(), counts.flush()), 2)
        await client.aclose()

    return context
