"""The eight hues as a reader chooses among them, by their words."""

from collections.abc import Callable

from services.console.web.colors import HUE_COLORS
from services.console.web.translations import mark_message as _

HUE_WORDS = (_("red"), _("orange"), _("green"), _("teal"), _("sky"), _("blue"), _("violet"), _("pink"))


def hue_choices(translate: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return the hues, each a number and its word."""
    return [(str(number), translate(word)) for number, word in enumerate(HUE_WORDS, 1)]


def color_of_hue(number: str) -> str | None:
    """Return the colour that is stored for a hue's number as a form sends it, None for any other text."""
    return HUE_COLORS[int(number) - 1] if number in "12345678" and len(number) == 1 else None
