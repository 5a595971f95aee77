"""Business hours: Monday to Friday, 9 to 18, where the workspace is."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

OPENS, CLOSES = time(9), time(18)
WEEKEND = 5  # Saturday, as `weekday` counts


def opening(at: datetime, zone: str) -> datetime:
    """That moment if it lies in business hours, else the next opening; both in the zone's time."""
    local = at.astimezone(ZoneInfo(zone))
    if local.weekday() < WEEKEND and OPENS <= local.time() < CLOSES:
        return local
    day = local.date() + timedelta(days=local.time() >= OPENS)
    while day.weekday() >= WEEKEND:
        day += timedelta(days=1)
    return datetime.combine(day, OPENS, local.tzinfo)
