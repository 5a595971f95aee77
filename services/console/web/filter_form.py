"""The filters of a list that stand in its address: the form that sends them, and the chips that show them."""

from dataclasses import dataclass
from typing import Final

FORM_MARK: Final = "set"  # a field of the form, whose fields are put into the address as filters
LOCAL_FORMAT: Final = "%Y-%m-%d %H:%M"  # of a field for a time


@dataclass(frozen=True)
class FilterChip:
    """A filter as the page shows it, with the address without it. The text of a foreign one is somebody's own."""

    label: str
    value: str
    without: str
    is_foreign: bool = False
