"""The cells of a workbook as text, as they would stand in a CSV. Pure."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

CellValue = str | bool | int | float | date | datetime | time | timedelta

MAX_EXACT_NUMBER = 1e21  # beyond which a whole number has more zeros than anybody means
SIGNIFICANT_DIGITS = 15  # that Excel keeps; what follows is the noise of binary fractions


def cell_text(value: CellValue) -> str:
    """Return a cell as text: whole numbers without a point, none with an exponent, times as ISO 8601."""
    match value:
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float():
            return _number_text(value)
        case datetime() | time():
            return value.isoformat(timespec="auto" if value.microsecond else "seconds")
        case date():
            return value.isoformat()
        case timedelta():
            return _duration_text(value)


def _number_text(value: float) -> str:
    if value.is_integer() and abs(value) < MAX_EXACT_NUMBER:
        return str(int(value))
    return format(Decimal(f"{value:.{SIGNIFICANT_DIGITS}g}"), "f")


def _duration_text(value: timedelta) -> str:
    """Return a duration as hours, minutes and seconds; hours may be more than 24."""
    sign, seconds = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, second = divmod(round(seconds.total_seconds()), 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{second:02}"
