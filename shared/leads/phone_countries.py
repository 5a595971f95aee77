"""The countries that phones without a prefix may be dialled in. Pure."""

from typing import Annotated, Any

from phonenumbers import SUPPORTED_REGIONS, country_code_for_region
from pydantic import BeforeValidator, StringConstraints

from shared.platform.validation.messages import custom_error

COUNTRY_MESSAGE = "The {field} field must be a country that has phone numbers, as two letters: US, DE."


def _check_country(value: Any) -> Any:
    code = value.strip().upper() if isinstance(value, str) else ""
    if code not in SUPPORTED_REGIONS:
        raise custom_error(COUNTRY_MESSAGE)
    return code


CALLING_CODES = {country: country_code_for_region(country) for country in sorted(SUPPORTED_REGIONS)}
PhoneCountry = Annotated[
    str,
    StringConstraints(min_length=2, max_length=2),
    BeforeValidator(_check_country, json_schema_input_type=str),
]
