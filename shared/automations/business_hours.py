"""Business hours: Monday to Friday, 9 to 18, in the time zone of the workspace."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

OPENING_TIME, CLOSING_TIME = time(9), time(18)
FIRST_WEEKEND_DAY = 5  # Saturday, as returned by `weekday`


def next_open(at: datetime, zone: str) -> datetime:
    """Return the moment if it is in business hours, otherwise the next opening. The result is in the zone's time."""
    local = at.astimezone(ZoneInfo(zone))
    if local.weekday() < FIRST_WEEKEND_DAY and OPENING_TIME <= local.time() < CLOSING_TIME:
        return local
    day = local.date() + timedelta(days=local.time() >= OPENING_TIME)
    while day.weekday() >= FIRST_WEEKEND_DAY:
        day += timedelta(days=1)
    return datetime.combine(day, OPENING_TIME, local.tzinfo)
