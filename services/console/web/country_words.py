"""Countries with their calling codes, in the reader's language."""

from services.console.web.page_view import PageView
from shared.leads.phone_countries import CALLING_CODES

LEFT_TO_RIGHT_MARK = "\u200e"  # keeps the plus sign before the number: an option of a select holds no element


def country_label(view: PageView, country: str | None) -> str:
    """Return a country's name and calling code. An unknown code stands for itself."""
    if country not in CALLING_CODES:
        return country or view.translate("no country")
    name = view.language.locale.territories.get(country, country)
    return f"{name}, {LEFT_TO_RIGHT_MARK}+{CALLING_CODES[country]}"


def country_choices(view: PageView) -> list[tuple[str, str]]:
    """Return all countries that have phones, by the alphabet of their names."""
    return sorted(
        ((code, country_label(view, code)) for code in CALLING_CODES), key=lambda choice: choice[1].casefold()
    )
