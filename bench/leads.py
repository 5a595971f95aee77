"""Requests that post leads: rendered once as templates, then filled with a number at about a microsecond each."""

import random
from collections.abc import Iterator

import orjson

# The slots are as wide as the digits that fill them, so a template's Content-Length is right for every lead.
NUMBER_SLOT, NUMBER_DIGITS = "{numbers}", b"%09d"
PHONE_SLOT, PHONE_DIGITS = "{phone}", b"%07d"

# A lead's number alone decides its template, so a duplicate meets the email and phone of the first.
TEMPLATE_COUNT = 64
# Subscriber numbers of the North American plan do not begin with 0 or 1.
FIRST_SUBSCRIBER_NUMBER = 2_000_000

FIRST_NAMES = ("Sarah", "Omar", "Yuki", "Zoë", "Diego", "Amina", "Lars", "Priya")
LAST_NAMES = ("Johnson", "Haddad", "Tanaka", "Müller", "Fernández", "Diallo", "Lindqvist", "Sharma", "O'Brien")
COMPANY_NAMES = ("Tech Corp", "Northwind Traders", "Blue Harbour Logistics", "Acme Dental Group", "Solar & Sons")
SOURCE_NAMES = ("website", "facebook", "google_ads", "zapier", "typeform", "linkedin", "referral", "trade_fair")
CAMPAIGN_NAMES = ("spring-promo", "webinar-2026-03", "brand-search", "retargeting-eu", "newsletter-14")
TAG_NAMES = ("newsletter", "hot-lead", "enterprise", "smb", "demo-request", "pricing", "partner", "follow-up")
NOTE_TEXTS = (
    "Came from newsletter signup, asked for a call back in the afternoon.",
    "Interested in the enterprise plan; compares us with two others.",
    "Wants a demo for a team of twelve before the end of the quarter.",
)


def lead_template(kind: int, again: bool) -> dict[str, object]:
    """Return the body of template `kind` with open slots. `again` spells the same person as a second form might."""
    first, last = FIRST_NAMES[kind % len(FIRST_NAMES)], LAST_NAMES[kind % len(LAST_NAMES)]
    email = f"lead.{NUMBER_SLOT}@customer-{kind}.example.com"
    return {
        "email": email.replace("lead", "Lead").replace("example", "Example") if again else email,
        "first_name": first,
        "last_name": last,
        "phone": f"+1 ({212 + kind}) {PHONE_SLOT}" if again else f"+1{212 + kind}{PHONE_SLOT}",
        "company": COMPANY_NAMES[kind % len(COMPANY_NAMES)],
        "source": SOURCE_NAMES[kind % len(SOURCE_NAMES)],
        "notes": NOTE_TEXTS[kind % len(NOTE_TEXTS)],
        "tags": sorted({TAG_NAMES[kind % len(TAG_NAMES)], TAG_NAMES[kind // len(TAG_NAMES)]}),
        "custom_fields": {"utm_campaign": CAMPAIGN_NAMES[kind % len(CAMPAIGN_NAMES)], "budget": str(1000 * (kind + 1))},
    }


def request_template(target: str, headers: dict[str, str], kind: int, again: bool) -> bytes:
    """Return one HTTP request as a bytes format for (number, subscriber number)."""
    body = orjson.dumps(lead_template(kind, again))
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    request = "\r\n".join(lines).encode() + body
    request = request.replace(b"%", b"%%").replace(NUMBER_SLOT.encode(), NUMBER_DIGITS)
    return request.replace(PHONE_SLOT.encode(), PHONE_DIGITS)


def lead_requests(target: str, headers: dict[str, str], first: int, duplicates: float) -> Iterator[bytes]:
    """Yield endless requests for leads numbered from `first`. A share of `duplicates` repeats earlier leads of the run.

    Runs whose numbers overlap post the same people.
    """
    fresh = [request_template(target, headers, kind, again=False) for kind in range(TEMPLATE_COUNT)]
    repeated = [request_template(target, headers, kind, again=True) for kind in range(TEMPLATE_COUNT)]
    draw = random.Random(first).random
    following = first
    while True:
        if following > first and draw() < duplicates:
            number = first + int(draw() * (following - first))
            yield repeated[number % TEMPLATE_COUNT] % (number, FIRST_SUBSCRIBER_NUMBER + number // TEMPLATE_COUNT)
        else:
            number, following = following, following + 1
            yield fresh[number % TEMPLATE_COUNT] % (number, FIRST_SUBSCRIBER_NUMBER + number // TEMPLATE_COUNT)
