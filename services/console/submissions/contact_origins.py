"""Where a lead's emails and phones came from, and what the person agreed to, from its submissions. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.leads.phone_normalization import normalise_phone
from shared.leads.submission import FORM_KEY, SOURCE_KEY

OriginWay = Literal["submission", "typed", "merge", "gone", ""]
MAX_CONSENTS = 30


@dataclass(frozen=True)
class LeadIntake:
    """A submission that made the lead or joined it, with its payload as it is stored if that was read."""

    submission_id: str
    at: datetime
    channel: str
    source: str | None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class IdentityOrigin:
    """An email or phone, and what brought it: a submission, somebody who typed it, or a merge.

    It is `gone` where a submission is not kept any more that may have brought it, and empty where none of them did.
    """

    kind: str
    value: str
    way: OriginWay = ""
    at: datetime | None = None
    submission_id: str = ""


@dataclass(frozen=True)
class GivenConsent:
    """The last answer to a question for consent, with the wording that it had."""

    text: str
    is_given: bool
    at: datetime
    submission_id: str
    version: int | None = None


def identity_origins(
    identities: Sequence[tuple[str, str]],
    intakes: Iterable[LeadIntake],
    contact_changes: Iterable[Mapping[str, Any]],
    *,
    country: str | None,
    fold_gmail: bool,
) -> list[IdentityOrigin]:
    """Return the identities, each with the first that brought it."""
    origins: dict[tuple[str, str], IdentityOrigin] = {}

    def note(kind: str, sent: Any, way: OriginWay, at: datetime, submission_id: str = "") -> None:
        for value in _spellings(kind, sent, country, fold_gmail):
            known = origins.get((kind, value))
            if known is None or (known.at and at < known.at):
                origins[kind, value] = IdentityOrigin(kind, value, way, at, submission_id)

    came = list(intakes)
    for intake in came:
        for kind in ("email", "phone"):
            note(kind, intake.body.get(kind), "submission", intake.at, intake.submission_id)
    for change in contact_changes:
        way: OriginWay = "merge" if change["type"] == "lead.merged" else "typed"
        for kind in ("email", "phone"):
            changed = (change["data"].get("changes") or {}).get(kind) or {}
            note(kind, changed.get("to"), way, change["created_at"])
    return [origins.get(identity) or _unnamed_origin(identity, came) for identity in identities]


def _unnamed_origin(identity: tuple[str, str], intakes: Sequence[LeadIntake]) -> IdentityOrigin:
    """Return the origin of what no payload spells: a provider's id of a person, or a phone in another country's way.

    Of a lead that came in once there is no doubt.
    """
    if len(intakes) == 1:
        return IdentityOrigin(*identity, "submission", intakes[0].at, intakes[0].submission_id)
    return IdentityOrigin(*identity, "" if all(intake.body for intake in intakes) else "gone")


def given_consents(intakes: Iterable[LeadIntake]) -> list[GivenConsent]:
    """Return the last answer to each question for consent, the newest first."""
    answers: dict[str, GivenConsent] = {}
    for intake in intakes:
        form, part = _part(intake.body, FORM_KEY), _part(intake.body, SOURCE_KEY)
        for agreement in form.get("consents") or ():
            text = str(agreement.get("text") or agreement.get("key") or "")
            answers[text] = GivenConsent(
                text, bool(agreement.get("accepted")), intake.at, intake.submission_id, agreement.get("version")
            )
        for text, is_given in _pairs(_part(part, "attribution").get("consent")):
            answers[str(text)] = GivenConsent(str(text), bool(is_given), intake.at, intake.submission_id)
    return sorted(answers.values(), key=lambda consent: consent.at, reverse=True)[:MAX_CONSENTS]


def _spellings(kind: str, value: Any, country: str | None, fold_gmail: bool) -> set[str]:
    if not isinstance(value, str) or not value:
        return set()
    spell: dict[str, Callable[[], str]] = {
        "email": lambda: normalise_email(value, fold_gmail=fold_gmail),
        "phone": lambda: normalise_phone(value, country).identity,
    }
    try:
        return {spell[kind]()}
    except InvalidContact:
        return {value}


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else []
