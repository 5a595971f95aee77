"""The way of a lead from its first touch to its last: where they saw us, where they landed, and how they came in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from services.console.leads.channel_words import channel_words
from services.console.leads.related_records import RelatedRecords
from services.console.leads.timeline_entry import Names
from services.console.submissions.contact_origins import LeadIntake
from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK
from shared.auth.roles import Permission
from shared.leads.lead_records import LeadJson

MAX_TOUCH_TEXT = 80  # characters of a campaign or an address


@dataclass(frozen=True)
class TouchStep:
    """A place on the way. `is_end` marks the first and the last touch; `lines` are names as machines write them."""

    kind: str
    title: Markup | str
    at: datetime | None = None
    lines: tuple[str, ...] = ()
    submission_id: str = ""
    is_end: bool = False


@dataclass(frozen=True)
class TouchPath:
    """The way of a lead, and how long it took from the first to the last time that is known."""

    steps: list[TouchStep] = field(default_factory=list)
    note: str = ""


def touch_path(view: PageView, record: LeadJson, around: RelatedRecords, names: Names) -> TouchPath:
    """Return the way of a lead."""
    attribution = record["attribution"] or {}
    first, last = attribution.get("first") or {}, attribution.get("last") or {}
    steps = list(_first_steps(view, first))
    steps.append(_entry_step(view, record, around, names))
    if len(around.intakes) > 1:
        steps.append(_last_step(view, around.intakes[-1], last if last != first else {}, names))
    times = [step.at for step in steps if step.at]
    spans = (times[-1] - times[0]).total_seconds() if len(times) > 1 else 0
    length = view.formatting.duration(spans)
    note = view.translate("%(time)s from first to last", time=length) if spans >= 1 else ""
    return TouchPath(steps, note)


def _first_steps(view: PageView, touch: Mapping[str, Any]) -> Iterator[TouchStep]:
    seen_at = _moment(touch.get("at"))
    referrer = _split_address(touch.get("referrer"))[0]
    title = _text(touch.get("platform")) or _text(touch.get("utm_source")) or referrer
    campaign = _campaign_lines(touch)
    if title or campaign:
        lines = (*campaign, *([_shown_address(view, touch["referrer"])] if referrer else []))
        yield TouchStep(view.translate("first touch"), title or view.translate("A campaign"), seen_at, lines, "", True)
    page = _text(touch.get("landing_page")) or _text(touch.get("page_url"))
    if page:
        address = _shown_address(view, page)
        yield TouchStep(view.translate("landed on"), view.translate("Page"), None, (address,), "", not title)


def _entry_step(view: PageView, record: LeadJson, around: RelatedRecords, names: Names) -> TouchStep:
    kind = view.translate("became a lead")
    intake = around.intakes[0] if around.intakes else None
    if intake is None:
        source = (_text(record["source"]),) if record["source"] else ()
        title = view.translate("Its submissions are not kept") if around.times else view.translate("Added by hand")
        return TouchStep(kind, title, record["created_at"], source, "", True)
    source = (_text(intake.source),) if intake.source else ()
    return TouchStep(kind, channel_words(view, intake.channel, names), intake.at, source, intake.submission_id, True)


def _last_step(view: PageView, intake: LeadIntake, touch: Mapping[str, Any], names: Names) -> TouchStep:
    lines = (*_campaign_lines(touch), *([_text(intake.source)] if intake.source else []))
    title = channel_words(view, intake.channel, names)
    return TouchStep(view.translate("last touch"), title, intake.at, lines, intake.submission_id, True)


def _campaign_lines(touch: Mapping[str, Any]) -> tuple[str, ...]:
    named = (_text(touch.get("campaign_name")) or _text(touch.get("utm_campaign")), _text(touch.get("utm_content")))
    return (text,) if (text := " / ".join(filter(None, named))) else ()


def _shown_address(view: PageView, value: object) -> str:
    """Return an address without its query, masked where the reader may not see persons."""
    if not view.permits(Permission.SEE_PERSONS):
        return VALUE_MASK
    host, path, query = _split_address(value)
    return _text(f"{host}{path}{'?…' if query else ''}") or _text(value)


def _split_address(value: object) -> tuple[str, str, str]:
    """Return host, path and query of an address. All empty if it is none."""
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        return parts.hostname or "", parts.path, parts.query
    except ValueError:
        return "", "", ""


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return text if len(text) <= MAX_TOUCH_TEXT else f"{text[:MAX_TOUCH_TEXT]}…"
