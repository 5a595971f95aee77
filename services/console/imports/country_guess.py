"""Where the phones of a file without a prefix are dialled, as its other phones tell. Pure."""

from collections import Counter
from collections.abc import Sequence

from phonenumbers import parse, region_code_for_number

from shared.imports.column_mapping import ColumnMapping
from shared.leads.contact_text import InvalidContact
from shared.leads.phone_normalization import normalise_phone


def guess_phone_country(mapping: ColumnMapping, sample: Sequence[Sequence[str]]) -> str | None:
    """Return the country of most phones with a prefix among the first rows, None if no country has most of them."""
    places = [place for place, target in enumerate(mapping.values()) if target == "phone"]
    cells = [row[place] for row in sample for place in places if place < len(row) and row[place].strip()]
    countries = Counter(filter(None, map(_prefix_country, cells)))
    return next((country for country, n in countries.most_common(1) if 2 * n > countries.total()), None)


def _prefix_country(text: str) -> str | None:
    """Return the country that a phone names itself."""
    try:
        return region_code_for_number(parse(normalise_phone(text, None).e164))
    except InvalidContact:
        return None
