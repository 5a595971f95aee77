"""The posts of a drill: made-up people in bodies of the sizes, and by the channels, of real traffic. Pure."""

import base64
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

from cli.drill.traffic_shape import ChannelShape, TrafficShape
from demo.made_up_people import make_person
from shared.platform import ids

REPEAT_WITHIN_PEOPLE = 500  # a known person is one of the latest
MAX_FILLER_CHARS = 9_000  # of the notes, which may have 10,000
FILLER_WORDS = "we would like to know more about your prices and the time of delivery for our new office ".split()
FORM_FIELDS = [
    {"key": "first_name", "type": "text", "maps_to": "first_name"},
    {"key": "last_name", "type": "text", "maps_to": "last_name"},
    {"key": "mail", "type": "email", "required": True, "maps_to": "email"},
    {"key": "wish", "type": "textarea", "maps_to": "notes"},
]
QUESTIONS = [
    {"id": "first", "title": "What is your first name?", "type": "short_text"},
    {"id": "mail", "title": "Your email", "type": "email"},
    {"id": "wish", "title": "Your wish", "type": "long_text"},
]
PROVIDER_TYPE = "typeform"  # it stands for all providers: each webhook ends in the same journal


@dataclass(frozen=True)
class PostTargets:
    """The copy's addresses and the secrets of its workspace."""

    workspace_id: int
    key: str
    form_id: int
    integration_id: int
    webhook_path: str
    webhook_secret: str


@dataclass(frozen=True)
class MadeUpPost:
    """A request, and the id that its submission has by its idempotency key, however often it is sent."""

    kind: str
    submission_id: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class PostMaker:
    """Makes the posts of one drill: the same ones for the same seed."""

    def __init__(self, shape: TrafficShape, targets: PostTargets, seed: int) -> None:
        self._shape, self._targets, self._seed = shape, targets, seed
        self._random = Random(seed)  # noqa: S311 - a seed makes the same posts again
        self._next_person = 0

    def make_posts(self) -> Iterator[MadeUpPost]:
        """Yield posts without an end, each with a key of its own."""
        makers = {"api": self._api_post, "form": self._form_post, "webhook": self._webhook_post}
        weights = [channel.share for channel in self._shape.channels]
        number = 0
        while True:
            [channel] = self._random.choices(self._shape.channels, weights)
            yield makers[channel.kind](f"drill-{self._seed}-{number}", channel)
            number += 1

    def _person(self) -> dict[str, Any]:
        known = self._next_person
        if known and self._random.random() < self._shape.repeat_share:
            return make_person(
                self._seed, self._random.randrange(max(0, known - REPEAT_WITHIN_PEOPLE), known)
            ).as_lead()
        self._next_person += 1
        return make_person(self._seed, known).as_lead()

    def _filler(self, channel: ChannelShape, taken: int) -> str:
        length = min(self._random.choice(channel.sizes) - taken, MAX_FILLER_CHARS)
        text = ""
        while len(text) < length:
            text += f"{self._random.choice(FILLER_WORDS)} "
        return text[: max(length, 0)].strip()

    def _api_post(self, key: str, channel: ChannelShape) -> MadeUpPost:
        lead = self._person()
        lead["notes"] = self._filler(channel, len(orjson.dumps(lead)) + 12)
        return self._json_post("api", "inbound", "/api/inbound/leads?tenant=main", key, lead)

    def _form_post(self, key: str, channel: ChannelShape) -> MadeUpPost:
        person, form_id = self._person(), self._targets.form_id
        values = {"first_name": person["first_name"], "last_name": person["last_name"], "mail": person["email"]}
        values["wish"] = self._filler(channel, len(orjson.dumps(values)) + 12)
        return self._json_post("form", f"form:{form_id}", f"/api/v1/forms/{form_id}/submissions", key, values)

    def _json_post(self, kind: str, channel: str, path: str, key: str, body: Mapping[str, Any]) -> MadeUpPost:
        headers = {
            "Authorization": f"Bearer {self._targets.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        submission_id = ids.idempotency_uuid(self._targets.workspace_id, channel, key)
        return MadeUpPost(kind, submission_id, path, headers, orjson.dumps(body))

    def _webhook_post(self, key: str, channel: ChannelShape) -> MadeUpPost:
        person, targets = self._person(), self._targets
        answers = [
            {"type": "text", "text": person["first_name"], "field": {"id": "first"}},
            {"type": "email", "email": person["email"], "field": {"id": "mail"}},
        ]
        response = {"form_id": "drill", "token": key, "definition": {"fields": QUESTIONS}, "answers": answers}
        event = {"event_id": key, "event_type": "form_response", "form_response": response}
        wish = self._filler(channel, len(orjson.dumps(event)) + 60)
        answers.append({"type": "text", "text": wish or "-", "field": {"id": "wish"}})
        body = orjson.dumps(event)
        signature = base64.b64encode(hmac.digest(targets.webhook_secret.encode(), body, "sha256")).decode()
        headers = {"Content-Type": "application/json", "Typeform-Signature": f"sha256={signature}"}
        submission_id = ids.idempotency_uuid(
            targets.workspace_id, f"integration:{targets.integration_id}", f"event:{key}"
        )
        return MadeUpPost("webhook", submission_id, targets.webhook_path, headers, body)
