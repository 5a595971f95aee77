"""Where a lead came from: platform, ad, page, campaign parameters and click ids. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import TypedDict

UTM_FIELDS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
# Parameters that ad platforms add to the address of a page. Sources: the platforms' help pages on auto-tagging.
CLICK_ID_NAMES = (
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "fbclid",
    "msclkid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "ScCid",
    "epik",
    "rdt_cid",
    "yclid",
    "mc_cid",
    "mc_eid",
)
MAX_URL_LENGTH = 2048  # characters
MAX_TEXT_LENGTH = 255  # characters
_URL_FIELDS = ("page_url", "landing_page", "referrer")
_CLICK_IDS_BY_LOWER_NAME = {name.lower(): name for name in CLICK_ID_NAMES} | {"gcl_id": "gclid"}
_PARAMETER_KEYS = frozenset((*UTM_FIELDS, *_CLICK_IDS_BY_LOWER_NAME))


class Attribution(TypedDict, total=False):
    """Where a lead came from, as far as it is known. Members that are not known are missing.

    `at` is in ISO 8601: when the person showed interest, by the provider's clock. `consent` holds the answers to
    consent questions by their wording or key, each true or false, `browser_ids` those that ad scripts of the page gave
    the browser, such as `_fbp`.
    """

    at: str
    platform: str
    provider_lead_id: str
    form_id: str
    ad_id: str
    adset_id: str
    campaign_id: str
    campaign_name: str
    page_url: str
    landing_page: str
    referrer: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    click_ids: dict[str, str]
    consent: dict[str, bool]
    browser_ids: dict[str, str]


def make_attribution(parameters: Mapping[str, Any] | None = None, **known: Any) -> Attribution:
    """Return an attribution of the known members, and of campaign parameters and click ids.

    These come from `parameters` (hidden fields, in any case), then from the queries of `page_url` and `landing_page`.
    Blank values are left out, ids become text, texts are cut at 255 characters and addresses at 2,048.
    """
    attribution: dict[str, Any] = {}
    click_ids: dict[str, str] = {}
    for name, value in _all_parameters(parameters, known):
        key = name.strip().lower()
        if key not in _PARAMETER_KEYS or not (text := _short_text(value)):
            continue
        if key in _CLICK_IDS_BY_LOWER_NAME:
            click_ids.setdefault(_CLICK_IDS_BY_LOWER_NAME[key], text)
        else:
            attribution.setdefault(key, text)
    for name, value in known.items():
        if isinstance(value, Mapping):
            if value:
                attribution[name] = dict(value)
        elif text := _short_text(value, MAX_URL_LENGTH if name in _URL_FIELDS else MAX_TEXT_LENGTH):
            attribution[name] = text
    if click_ids:
        attribution["click_ids"] = {**click_ids, **attribution.get("click_ids", {})}
    return attribution  # type: ignore[return-value]


def is_campaign_parameter(name: str) -> bool:
    """Return whether a field is a campaign parameter or a click id, which belongs to the attribution."""
    return name.strip().lower() in _PARAMETER_KEYS


def _all_parameters(parameters: Mapping[str, Any] | None, known: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    yield from (parameters or {}).items()
    for name in ("page_url", "landing_page"):
        address = known.get(name)
        if isinstance(address, str):
            yield from _query_pairs(address)


def _query_pairs(address: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(address).query, errors="replace", max_num_fields=200)
    except ValueError:  # an address that is none, or has too many parameters
        return []


def _short_text(value: Any, limit: int = MAX_TEXT_LENGTH) -> str:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str):
        return value.strip()[:limit]
    return str(value)[:limit] if isinstance(value, int | float) and not isinstance(value, bool) else ""
