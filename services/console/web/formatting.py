"""Numbers, durations and times as people read them, in the reader's language and time zone. Pure."""

from datetime import UTC, datetime, tzinfo

from babel.dates import format_date, format_datetime, format_time
from markupsafe import Markup

from services.console.web.translations import Language

UNKNOWN_TEXT = "?"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Formatting:
    """Formats values for one reader, at one moment."""

    def __init__(self, language: Language, zone: tzinfo, now: datetime) -> None:
        self._language = language
        self._zone = zone
        self.now = now
        self._ = language.translations.gettext
        self._n = language.translations.ngettext

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number with commas for thousands: digits are the same in every language. None is `?`."""
        return UNKNOWN_TEXT if value is None else f"{value:,.{digits}f}"

    def rate(self, per_second: float | None) -> str:
        """Return a rate with one digit below 100, none above."""
        return self.number(per_second, 0 if per_second is not None and per_second >= 100 else 1)

    def percent(self, part: float, whole: float = 1.0) -> str:
        """Return a share as a whole percentage."""
        return f"{round(100 * part / whole) if whole else 0}%"

    def share(self, part: float, whole: float) -> str:
        """Return a share as a whole percentage; a dash where the part is no part of the whole."""
        return self.percent(part, whole) if 0 < whole >= part else "–"

    def binary_size(self, size: float | None) -> Markup:
        """Return a size in bytes with a binary unit, as one left-to-right token."""
        if size is None:
            return Markup("?")
        power = 0
        while size >= 1024 and power < len(BINARY_UNITS) - 1:
            size, power = size / 1024, power + 1
        text = f"{size:,.{1 if size < 10 and power else 0}f}"
        return Markup('<bdi dir="ltr">{}&nbsp;{}</bdi>').format(text, BINARY_UNITS[power])

    def milliseconds(self, value: float | None) -> str:
        """Return a duration that is given in milliseconds."""
        return "–" if value is None else self.duration(value / 1000)

    def duration(self, seconds: float | None) -> str:
        """Return a duration for tables: 7.4 ms, 46 ms, 0.4 s, 4 min, 3 h 12 min, 2 d."""
        if seconds is None:
            return "–"
        seconds = max(seconds, 0.0)
        if seconds < 0.1:
            ms = seconds * 1000
            return self._("%(n)s ms") % {"n": f"{ms:.1f}" if 0 < ms < 9.95 else round(ms)}
        if seconds < MINUTE:
            return self._("%(n)s s") % {"n": f"{seconds:.1f}" if seconds < 10 else round(seconds)}
        if seconds < HOUR:
            return self._("%(n)s min") % {"n": round(seconds / MINUTE)}
        if seconds < DAY:
            hours, rest = divmod(round(seconds / MINUTE), 60)
            both = self._("%(h)s h %(m)s min") % {"h": hours, "m": rest}
            return both if rest else self._("%(n)s h") % {"n": hours}
        return self._("%(n)s d") % {"n": round(seconds / DAY)}

    def age(self, moment: datetime | None) -> str:
        """Return how long ago a moment was, for lists: now, 4 min ago, yesterday, 12 September."""
        if moment is None:
            return self._("never")
        seconds = (self.now - moment).total_seconds()
        if seconds < 2:
            return self._("now")
        if seconds < MINUTE:
            return self._n("%(n)s second ago", "%(n)s seconds ago", int(seconds)) % {"n": int(seconds)}
        if seconds < HOUR:
            minutes = int(seconds / MINUTE)
            return self._n("%(n)s minute ago", "%(n)s minutes ago", minutes) % {"n": minutes}
        days = (self.now.astimezone(self._zone).date() - moment.astimezone(self._zone).date()).days
        if days == 0 or seconds < 12 * HOUR:
            hours = int(seconds / HOUR)
            return self._n("%(n)s hour ago", "%(n)s hours ago", hours) % {"n": hours}
        if days == 1:
            return self._("yesterday")
        if days < 7:
            return self._n("%(n)s day ago", "%(n)s days ago", days) % {"n": days}
        return self.short_date(moment)

    def short_age(self, moment: datetime) -> str:
        """Return how long ago a moment was where there is little room: now, 40 s, 4 min, 3 h, 3 d, 12 September."""
        seconds = int((self.now - moment).total_seconds())
        if seconds < 2:
            return self._("now")
        if seconds < MINUTE:
            return self._("%(n)s s") % {"n": seconds}
        if HOUR <= seconds < DAY:
            return self._("%(n)s h") % {"n": int(seconds // HOUR)}
        return self.duration(seconds) if seconds < 7 * DAY else self.short_date(moment)

    def clock(self, moment: datetime | None) -> str:
        """Return the time of day with seconds; for another day the date too."""
        if moment is None:
            return "–"
        local = moment.astimezone(self._zone)
        if local.date() == self.now.astimezone(self._zone).date():
            return str(format_time(local, "HH:mm:ss", locale=self._locale))
        return f"{self.short_date(moment)} {format_time(local, 'HH:mm', locale=self._locale)}"

    def field_minute(self, moment: datetime | None) -> str:
        """Return a time as the fields of forms take it."""
        return f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M}" if moment else ""

    def hour_minute(self, moment: datetime) -> str:
        """Return hours and minutes, for the axis of a chart."""
        return str(format_time(moment.astimezone(self._zone), "HH:mm", locale=self._locale))

    def short_date(self, moment: datetime) -> str:
        """Return day and month, and the year if it is another one."""
        local = moment.astimezone(self._zone)
        is_this_year = local.year == self.now.astimezone(self._zone).year
        return str(format_date(local, "d MMM" if is_this_year else "d MMM y", locale=self._locale))

    def full_time(self, moment: datetime) -> str:
        """Return date and time in full."""
        local = moment.astimezone(self._zone)
        date, time = (format_datetime(local, pattern, locale=self._locale) for pattern in ("d MMMM y", "HH:mm:ss"))
        return self._("%(date)s, %(time)s") % {"date": date, "time": time}

    def interval(self, seconds: float) -> str:
        """Return how often something comes, as a sentence says it: every 8 seconds, every 47 minutes, every 2 days."""
        n = max(round(seconds), 1)
        if n < MINUTE:
            return self._n("every second", "every %(n)s seconds", n) % {"n": n}
        if (n := max(round(seconds / MINUTE), 1)) < 60:
            return self._n("every minute", "every %(n)s minutes", n) % {"n": n}
        if (n := max(round(seconds / HOUR), 1)) < 48:
            return self._n("every hour", "every %(n)s hours", n) % {"n": n}
        n = round(seconds / DAY)
        return self._n("every day", "every %(n)s days", n) % {"n": n}

    def time_tag(self, moment: datetime | None, style: str = "clock", never: str = "") -> Markup:
        """Return a `<time>` in a style: `clock`, `age`, `short_age`, `hour_minute`, `short_date` or `full_time`.

        Its title is the time in UTC. `never` is an age without a moment, where there is a better word for it.
        """
        if moment is None:
            return Markup("<span>{}</span>").format(never or self._("never") if style == "age" else "–")
        text = getattr(self, style)(moment)
        exact = moment.astimezone(UTC).isoformat(timespec="milliseconds")
        return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(exact, text)

    @property
    def _locale(self) -> str:
        return self._language.code
