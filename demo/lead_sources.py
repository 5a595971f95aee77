"""The sources of the demo: what each one calls itself, how it posts and what its bodies look like. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal
from urllib.parse import urlencode

import orjson

from demo.made_up_people import MadeUpPerson, make_person, respell_email, respell_phone
from demo.sample_names import SAMPLE_MESSAGES, SEAT_CHOICES

JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"
BatchOrSingle = Literal["lead", "batch", "form"]
CAMPAIGNS = ("spring-fair", "brand-search", "retargeting-q4", "partner-newsletter")
WEBINARS = ("Shipping without surprises", "Stock in three countries", "Invoices on time")
UNREADABLE_BUDGETS = ("about 20k", "to be discussed", "20-30 thousand", "depends")


@dataclass(frozen=True, slots=True)
class PostedBody:
    """A body to post. `fails` says that the source sends what LeadHub refuses, on purpose."""

    content: bytes
    media_type: str = JSON_TYPE
    fails: bool = False


LeadMaker = Callable[[Random, MadeUpPerson], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class LeadSource:
    """A source and its habits.

    `share` is its part of the rate. A source with `burst_seconds` posts the leads of that time at once. One with
    `silent_after_seconds` stops then. `repeat_share` of its leads are people who came before, spelled differently.
    """

    name: str
    habit: str
    share: float
    make_lead: LeadMaker
    posts: BatchOrSingle = "lead"
    media_type: str = JSON_TYPE
    waits: bool = True  # for the verdict; otherwise it asks for a 202
    burst_seconds: float = 0.0
    silent_after_seconds: float = 0.0
    repeat_share: float = 0.06
    is_broken: bool = False
    past_factor: float = 1.0  # of `share`, among the leads of the last days

    def next_lead(self, random: Random, seed: int, take_number: Callable[[], int], used: int) -> dict[str, Any]:
        """Return the next lead: of a new person, or of one of the first `used` people."""
        if used and random.random() < self.repeat_share:
            return respelled(random, self.make_lead(random, make_person(seed, random.randrange(used))))
        return self.make_lead(random, make_person(seed, take_number()))

    def encode(self, random: Random, lead: Mapping[str, Any]) -> PostedBody:
        """Return the body that it posts for one lead."""
        if self.is_broken:
            return broken_body(random, lead)
        if self.media_type == FORM_TYPE:
            return PostedBody(urlencode(list(form_pairs(lead))).encode(), FORM_TYPE)
        return PostedBody(orjson.dumps(lead))


def respelled(random: Random, lead: dict[str, Any]) -> dict[str, Any]:
    """Return the lead with its email and phone in other spellings."""
    changed = {**lead, "email": respell_email(random, lead["email"])}
    return {**changed, "phone": respell_phone(random, lead["phone"])} if lead.get("phone") else changed


def form_pairs(lead: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a lead as the pairs of a web form, with brackets for nested names."""
    pairs: list[tuple[str, str]] = []
    for name, value in lead.items():
        if isinstance(value, dict):
            pairs += [(f"{name}[{key}]", str(inner)) for key, inner in value.items()]
        elif isinstance(value, list):
            pairs += [(f"{name}[]", str(inner)) for inner in value]
        else:
            pairs.append((name, str(value)))
    return pairs


def broken_body(random: Random, lead: Mapping[str, Any]) -> PostedBody:
    """Return a body that is refused, in one of the ways that are common."""
    whole = orjson.dumps(lead)
    ways = (
        orjson.dumps({**lead, "email": str(lead["email"]).replace("@", " at ")}),
        orjson.dumps({name: value for name, value in lead.items() if name != "email"}),
        orjson.dumps({**lead, "tags": "shop, 2019"}),
        whole[: len(whole) // 2],
    )
    return PostedBody(random.choice(ways), fails=True)


def _pricing_lead(random: Random, person: MadeUpPerson) -> dict[str, Any]:
    fields = {"full_name": f"{person.first_name} {person.last_name}", "email": person.email, "company": person.company}
    optional = {"phone": person.phone} if person.phone else {}
    wishes = {"seats": random.choice(SEAT_CHOICES), "message": random.choice(SAMPLE_MESSAGES), "consent": True}
    return {**fields, **optional, **wishes}


def _webinar_lead(random: Random, person: MadeUpPerson) -> dict[str, Any]:
    webinar = {"webinar": random.choice(WEBINARS), "attended": random.random() < 0.4}
    return {**person.as_lead(), "tags": ["webinar"], "custom_fields": webinar}


def _partner_lead(random: Random, person: MadeUpPerson) -> dict[str, Any]:
    budget = {"budget": random.randrange(2, 60) * 500, "partner_id": f"P-{random.randrange(100_000, 999_999)}"}
    return {**person.as_lead(), "tags": ["partner"], "custom_fields": budget, "notes": random.choice(SAMPLE_MESSAGES)}


def _campaign_lead(random: Random, person: MadeUpPerson) -> dict[str, Any]:
    campaign = {"utm_campaign": random.choice(CAMPAIGNS), "utm_medium": "cpc"}
    return {**person.as_lead(), "tags": ["campaign"], "custom_fields": campaign}


def _fair_lead(random: Random, person: MadeUpPerson) -> dict[str, Any]:
    return {**person.as_lead(), "tags": ["trade fair"], "custom_fields": {"hall": random.randrange(1, 9)}}


def _crm_lead(random: Random, person: MadeUpPerson) -> dict[str, Any]:
    tags = ["newsletter", "vip"] if random.random() < 0.1 else ["newsletter"]
    return {**person.as_lead(), "tags": tags}


def _plain_lead(_: Random, person: MadeUpPerson) -> dict[str, Any]:
    return person.as_lead()


def _scanned_lead(random: Random, person: MadeUpPerson) -> dict[str, Any]:
    return {**person.as_lead(), "custom_fields": {"budget": random.choice(UNREADABLE_BUDGETS)}}


PRICING_FORM = LeadSource(
    name="Website, pricing form", habit="a form, one at a time", share=0.24, make_lead=_pricing_lead, posts="form"
)
LEAD_SOURCES = (
    PRICING_FORM,
    LeadSource(
        name="Webinar tool",
        habit="silence, then a burst every 45 s",
        share=0.16,
        make_lead=_webinar_lead,
        burst_seconds=45,
    ),
    LeadSource(
        name="Partner upload",
        habit="a batch each minute",
        share=0.18,
        make_lead=_partner_lead,
        posts="batch",
        burst_seconds=60,
        waits=False,
    ),
    LeadSource(
        name="Zapier, ads",
        habit="urlencoded, does not wait for the verdict",
        share=0.14,
        make_lead=_campaign_lead,
        media_type=FORM_TYPE,
        waits=False,
    ),
    LeadSource(
        name="Trade fair tablet",
        habit="falls silent three minutes after the start",
        share=0.06,
        make_lead=_fair_lead,
        silent_after_seconds=180,
    ),
    LeadSource(
        name="CRM sync",
        habit="mostly people who are known, spelled differently",
        share=0.15,
        make_lead=_crm_lead,
        repeat_share=0.8,
    ),
    LeadSource(
        name="Old shop plugin",
        habit="bodies that LeadHub refuses (400 and 422)",
        share=0.04,
        make_lead=_plain_lead,
        is_broken=True,
    ),
    LeadSource(
        name="Badge scanner",
        habit='text in the custom field "budget": dies while it is processed',
        share=0.03,
        make_lead=_scanned_lead,
        waits=False,
        repeat_share=0.0,
        past_factor=0.3,  # each one takes five attempts
    ),
)
