"""The parts of a lead's page in words: where its contacts came from, its deliveries, and who may be the same person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from markupsafe import Markup

from services.console.leads.channel_words import channel_words
from services.console.leads.pair_words import pair_reasons
from services.console.leads.related_records import RelatedRecords, RowDict
from services.console.leads.timeline_reads import NameKey
from services.console.leads.words import lead_name, masked_text
from services.console.submissions.contact_origins import GivenConsent, IdentityOrigin, LeadIntake, identity_origins
from services.console.submissions.timeline import delivery_node
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

MAX_REASONS = 3
MAX_UNSETTLED = 20
WAY_WORDS = {
    "submission": _("came in"),
    "typed": _("typed by somebody"),
    "merge": _("by merging"),
    "gone": _("its origin is not kept any more"),
    "": _("its origin is not known"),
}


@dataclass(frozen=True)
class IdentityLine:
    """An email or phone as the page shows it, with where it came from and a link there."""

    kind: str
    value: str
    origin: Markup | str
    at: datetime | None
    submission_id: str


@dataclass(frozen=True)
class DeliveryLine:
    """A delivery as the page shows it. `cause_id` is that of its failure."""

    icon: str
    colour: str
    text: Markup | str
    detail: Markup | str
    at: datetime
    due_at: datetime | None
    error: str
    cause_id: int | None


@dataclass(frozen=True)
class PairLine:
    """A lead that may be the same person, with the evidence of most weight. `score` is from 0 to 1."""

    pair_id: int
    lead_id: int
    name: str
    score: float
    reasons: list[str]


def identity_lines(view: PageView, around: RelatedRecords, names: Mapping[NameKey, str]) -> list[IdentityLine]:
    """Return the identities with what brought each. Of a lead that never came in, somebody typed them."""
    channels = {intake.submission_id: intake.channel for intake in around.intakes}
    origins = identity_origins(
        around.identities,
        around.intakes,
        around.contact_changes,
        country=around.country,
        fold_gmail=around.fold_gmail,
    )
    if not around.times:
        origins = [each if each.way else replace(each, way="typed") for each in origins]
    return [
        IdentityLine(
            each.kind,
            masked_text(view, each.value),
            _origin_words(view, each, channels, names),
            each.at,
            each.submission_id,
        )
        for each in origins
    ]


def unsettled_deliveries(rows: Iterable[RowDict]) -> list[RowDict]:
    """Return the deliveries that wait or failed. The others are on the timeline, and nobody has to look at them."""
    return [row for row in rows if row["state"] in ("pending", "failed")][:MAX_UNSETTLED]


def delivery_lines(view: PageView, rows: Iterable[RowDict]) -> list[DeliveryLine]:
    """Return deliveries with their states in words."""
    nodes = [(delivery_node(view, row), row) for row in rows]
    return [
        DeliveryLine(
            node.icon,
            node.colour,
            node.text,
            node.detail,
            row["created_at"],
            row["due_at"] if row["state"] == "pending" else None,
            masked_text(view, node.code) if node.code else "",
            row["cause_id"],
        )
        for node, row in nodes
    ]


def pair_lines(view: PageView, lead_id: int, pairs: Iterable[RowDict]) -> list[PairLine]:
    """Return who may be the same person as the lead, likeliest first."""
    lines = []
    for pair in pairs:
        other = next(each for each in pair["leads"] if each["id"] != lead_id)
        reasons = [reason.text for reason in pair_reasons(view, pair["reasons"])[:MAX_REASONS]]
        lines.append(PairLine(pair["id"], other["id"], lead_name(view, other), pair["score"], reasons))
    return lines


def consent_version(view: PageView, consent: GivenConsent) -> str:
    """Return which text somebody agreed to."""
    return view.translate("text version %(n)s", n=consent.version) if consent.version else ""


def intake_channels(intakes: Iterable[LeadIntake]) -> set[str]:
    """Return the channels by which a lead came in."""
    return {intake.channel for intake in intakes if intake.channel}


def _origin_words(
    view: PageView, origin: IdentityOrigin, channels: Mapping[str, str], names: Mapping[NameKey, str]
) -> Markup | str:
    if channel := channels.get(origin.submission_id):
        return channel_words(view, channel, names)
    return view.translate(WAY_WORDS[origin.way])
