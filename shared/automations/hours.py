"""Business hours: Monday to Friday, 9 to 18, in the time zone of the workspace."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

OPENS, CLOSES = time(9), time(18)
WEEKEND = 5  # Saturday, as returned by `weekday`


def opening(at: datetime, zone: str) -> datetime:
    """Return the moment if it is in business hours, otherwise the next opening. The result is in the zone's time."""
    local = at.astimezone(ZoneInfo(zone))
    if local.weekday() < WEEKEND and OPENS <= local.time() < CLOSES:
        return local
    day = local.date() + timedelta(days=local.time() >= OPENS)
    while day.weekday() >= WEEKEND:
        day += timedelta(days=1)
    return datetime.combine(day, OPENS, local.tzinfo)
