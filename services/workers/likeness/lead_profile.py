"""Make the profile of a lead: what likeness compares, normalised once. Pure."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from services.workers.likeness.parsed_names import NameParts, parse_name
from services.workers.likeness.plain_text import digits_of, fold_text
from shared.integrations.attribution import CLICK_ID_NAMES, UTM_FIELDS

PROFILE_VERSION = 2  # rises with each change of what a profile, its keys or its counted values hold
MAX_CUSTOM_VALUES = 12
MAX_VALUE_LENGTH = 80  # characters; a longer value is prose, which says nothing about who wrote it

FREE_MAIL_DOMAINS = frozenset(
    "gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de ymail.com hotmail.com hotmail.co.uk hotmail.fr "
    "outlook.com outlook.de live.com msn.com icloud.com me.com mac.com aol.com mail.com mail.ru yandex.ru yandex.com "
    "gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de orange.fr wanadoo.fr free.fr laposte.net libero.it "
    "virgilio.it qq.com 163.com 126.com naver.com daum.net proton.me protonmail.com zoho.com comcast.net verizon.net "
    "att.net sbcglobal.net bellsouth.net cox.net btinternet.com sky.com rediffmail.com uol.com.br bol.com.br "
    "example.com example.org example.net".split()
)
_LEGAL_FORMS = frozenset(
    "inc incorporated corp corporation co company llc lc ltd limited plc llp lp pllc pc gmbh mbh ag kg kgaa ug ohg gbr "
    "ev sa sas sarl sasu eurl snc srl spa sl slu sau bv nv vof ab as asa aps oy oyj oü sro kft zrt doo dooel ooo zao "
    "oao pao ao tov pte pty bhd sdn kk pvt cv ltda me eireli sab de se sca sc holding holdings group".split()
)
# Custom fields that say where a lead came from, not who it is; without case and marks.
_ORIGIN_FIELDS = frozenset(
    name.lower().replace("_", "")
    for name in (
        *UTM_FIELDS,
        *CLICK_ID_NAMES,
        *"gcl_id gad_source referrer referer referrer_url http_referer page url page_url page_title site_url".split(),
        *"source_url landing_page landing_url landing_page_url user_agent form_id form_name keyword".split(),
        *"campaign campaign_id campaign_name ad_id ad_name adset_id adset_name ad_group_id ad_group_name".split(),
    )
)
_EXTENSION = re.compile(r"(?:;ext=|\bext\.?|[x#])\s*(\d{1,7})\s*$", re.IGNORECASE)
_ISO_DATE = re.compile(r"((?:18|19|20)\d\d)[-/.]?(0?[1-9]|1[0-2])[-/.]?(0?[1-9]|[12]\d|3[01])(?:[T ].*)?").fullmatch
_DAY_FIRST_DATE = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.]((?:18|19|20)\d\d)").fullmatch
_REFERENCE = re.compile(r"(?=\S*\d)\S{5,}").fullmatch


class CustomValue(NamedTuple):
    """A custom field's value, typed by what it looks like: date, number, reference or text."""

    kind: str
    value: str


class LeadProfile(NamedTuple):
    """What is compared. Empty texts are missing values. `local` and `domain` are the parts of the email."""

    name: NameParts
    local: str = ""
    domain: str = ""
    phone: str = ""
    extension: str = ""
    company: str = ""
    custom: Mapping[str, CustomValue] = {}

    @property
    def own_domain(self) -> str:
        """The domain, if it is not one that anybody may have an address at."""
        return "" if self.domain in FREE_MAIL_DOMAINS else self.domain

    @property
    def phone_digits(self) -> str:
        return self.phone + self.extension


def make_profile(lead: Mapping[str, Any]) -> LeadProfile:
    """Make the profile of a lead's record."""
    email = (lead.get("email") or "").strip().lower()
    local, at, domain = email.rpartition("@")
    if not at:
        local, domain = domain, ""
    phone, extension = split_phone(lead.get("phone") or "")
    return LeadProfile(
        parse_name(lead.get("first_name") or "", lead.get("last_name") or ""),
        local.partition("+")[0] or local,
        domain,
        phone,
        extension,
        company_words(lead.get("company") or ""),
        _custom_values(lead.get("custom_fields") or {}),
    )


def split_phone(text: str) -> tuple[str, str]:
    """Return the digits of a phone, without leading zeros, and those of its extension."""
    found = _EXTENSION.search(text)
    number, extension = (text[: found.start()], found[1]) if found else (text, "")
    return digits_of(number).lstrip("0")[:20], extension


def company_words(text: str) -> str:
    """Return the words of a company without those of its legal form, unless it has no others."""
    words = fold_text(text.replace(".", "")).split()
    return " ".join([word for word in words if word not in _LEGAL_FORMS] or words)[:MAX_VALUE_LENGTH]


def _custom_values(fields: Mapping[str, Any]) -> dict[str, CustomValue]:
    typed = ((key, _typed_value(value)) for key, value in sorted(fields.items()) if not _is_origin(key))
    return dict([(key, value) for key, value in typed if value][:MAX_CUSTOM_VALUES])


def _is_origin(key: str) -> bool:
    bare = re.sub(r"[\W_]", "", key.lower())
    return bare.startswith("utm") or bare in _ORIGIN_FIELDS


def _typed_value(value: Any) -> CustomValue | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if not text or len(text) > MAX_VALUE_LENGTH:
        return None
    if match := _ISO_DATE(text):
        return CustomValue("date", f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}")
    if (match := _DAY_FIRST_DATE(text)) and int(match[2]) <= 12:
        return CustomValue("date", f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}")
    if text.isdecimal():
        return CustomValue("number" if len(text) < 6 else "reference", text.lstrip("0") or "0")
    if _REFERENCE(text):
        return CustomValue("reference", text.lower())
    folded = fold_text(text)
    return CustomValue("text", folded) if folded else None


def encode_profile(profile: LeadProfile) -> str:
    """Return the profile as JSON."""
    return orjson.dumps(profile, default=tuple).decode()


def decode_profile(text: str) -> LeadProfile:
    """Return the profile that was encoded."""
    (given, surname, generation), local, domain, phone, extension, company, custom = orjson.loads(text)
    name = NameParts(tuple(given), tuple(surname), generation)
    values = {key: CustomValue(*value) for key, value in custom.items()}
    return LeadProfile(name, local, domain, phone, extension, company, values)
