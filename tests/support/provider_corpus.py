"""The bodies of `tests/corpora/webhooks`, and what must come of each."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.integrations.mapping_settings import complete_integration_settings
from shared.integrations.source_event import SourceEvent
from shared.integrations.submission_body import submission_body
from shared.integrations.webhook_exchange import FORM_MEDIA_TYPE, JSON_MEDIA_TYPE
from shared.leads.submission import SOURCE_KEY, AcceptedSubmission, normalise_submission

WEBHOOK_CORPUS = Path(__file__).parents[1] / "corpora" / "webhooks"
EXPECTED_FILE = "expected.json"
COUNTRY = "US"  # of the workspace that the bodies come to


@dataclass(frozen=True)
class CorpusBody:
    """A body that a provider posts. `events` are what must come of it. `headers` are those that the reader needs."""

    type: str
    name: str
    events: tuple[Mapping[str, Any], ...]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The bytes of the file."""
        return (WEBHOOK_CORPUS / self.type / self.name).read_bytes()

    @property
    def media_type(self) -> str:
        """The type that the ending of the file names. The first line of a multipart form holds its boundary."""
        suffix = self.name.rpartition(".")[2]
        boundary = self.body.partition(b"\r\n")[0].removeprefix(b"--").decode()
        forms = {"form": FORM_MEDIA_TYPE, "multipart": f"multipart/form-data; boundary={boundary}"}
        return forms.get(suffix, JSON_MEDIA_TYPE)

    def __str__(self) -> str:
        return f"{self.type}-{self.name}"


@dataclass(frozen=True)
class FetchedLead:
    """What a provider's API answers for the id of a lead, and the lead that must come of it."""

    type: str
    name: str
    event: Mapping[str, Any]
    document: Mapping[str, Any]
    form: Mapping[str, Any] | None = None  # LinkedIn's: the questions of the answers

    def __str__(self) -> str:
        return f"{self.type}-{self.name}"


def corpus_types() -> list[str]:
    """Return the types that have a folder."""
    return sorted(path.name for path in WEBHOOK_CORPUS.iterdir())


def corpus_bodies() -> Iterator[CorpusBody]:
    """Yield the bodies of all providers."""
    for type_ in corpus_types():
        for name, case in expected_of(type_)["bodies"].items():
            yield CorpusBody(type_, name, tuple(case["events"]), case.get("headers", {}))


def fetched_leads() -> Iterator[FetchedLead]:
    """Yield the leads of those providers who post ids only."""
    for type_ in corpus_types():
        for name, case in expected_of(type_).get("fetched", {}).items():
            form = corpus_json(type_, case["form"]) if "form" in case else None
            yield FetchedLead(type_, name, case["event"], corpus_json(type_, name), form)


def expected_of(type_: str) -> dict[str, Any]:
    """Return what must come of the files of a type."""
    found: dict[str, Any] = corpus_json(type_, EXPECTED_FILE)
    return found


def corpus_json(type_: str, name: str) -> Any:
    """Return the JSON of a file."""
    return json.loads((WEBHOOK_CORPUS / type_ / name).read_bytes())


def described_event(type_: str, event: SourceEvent) -> dict[str, Any]:
    """Return an event in the form of the expected ones: without blank members, its lead as it is stored."""
    body = submission_body(type_, complete_integration_settings({}), event)
    part = body[SOURCE_KEY]
    submission = AcceptedSubmission("", 0, 1, "", None, None, body, None, "", 0, 0)
    normalise_submission(submission, country=COUNTRY, fold_gmail=False)
    lead = {**submission.fields, **({"tags": submission.tags} if submission.tags else {})}
    described = {
        "kind": event.kind,
        "event_id": event.event_id,
        "external_id": part.get("external_id"),
        "former_external_id": part.get("former_external_id"),
        "former_phone": part.get("former_phone"),
        "account_id": event.account_id,
        "object_id": event.object_id,
        "is_test": event.is_test,
        "note": event.note,
        "lead": lead if event.kind == "lead" else {},
        "warnings": submission.warnings,
        "attribution": part.get("attribution", {}) if event.kind != "ignored" else {},
    }
    return {name: value for name, value in described.items() if value}
