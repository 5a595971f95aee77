"""Drills in words: what the last one found, what happened in it, and how far the one is that runs."""

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.operations.drill_certificates import CodedSentence, DrillCertificate
from shared.operations.drill_progress import (
    COUNTING_PHASE,
    RECOVERY_PHASE,
    REMOVAL_PHASE,
    STARTING_PHASE,
    CurrentDrill,
)
from shared.operations.drill_requests import DrillStop

FAULT_TITLES = {
    "none": _("no fault"),
    "kill -9 worker": _("a worker was killed"),
    "kill -9 broker": _("the broker was killed"),
    "kill -9 database": _("the database was killed"),
    "kill -9 gateway": _("a gateway was killed"),
    "restart one by one": _("all services were restarted, one by one"),
    "upgrade": _("upgrade to another version"),
    "way back": _("back to this version"),
}
PHASE_TITLES = {
    STARTING_PHASE: _("The copy is started."),
    "none": _("Posts come, and nothing is killed yet."),
    "kill -9 worker": _("A worker is killed, and posts go on."),
    "kill -9 broker": _("The broker is killed, and posts go on."),
    "kill -9 database": _("The database is killed, and posts go on."),
    "kill -9 gateway": _("A gateway is killed, and posts go on."),
    "restart one by one": _("All services are restarted one by one, and posts go on."),
    "upgrade": _("The copy goes to another version, and posts go on."),
    "way back": _("The copy goes back to this version, and posts go on."),
    RECOVERY_PHASE: _("A part did not come back: the copy is restarted, so that it can be counted."),
    COUNTING_PHASE: _("The last posts are ingested, and all is counted."),
    REMOVAL_PHASE: _("The copy is stopped and removed."),
}
# By code: sentences of a certificate, whose values are numbers in the reader's language.
SENTENCES = {
    "last_hour": _("The installation’s last hour: %(accepted)s submissions, %(rate)s a second in the busiest minute."),
    "no_installation": _("Usual values: no installation ran on the data dir."),
    "no_traffic": _("Usual values: the installation had no traffic in the last hour."),
    "unreadable": _("Usual values: the installation’s figures could not be read (%(error)s)."),
    "same_version": _("the same version: no other one was given"),
    "other_version": _("version %(version)s, tables %(tables)s"),
    "part_away": _("It did not come back."),
}
COUNT_TITLES = {
    "accepted": _("Acknowledged posts"),
    "lost": _("Acknowledged, and not there"),
    "doubled": _("Doubled"),
    "refused": _("Refused, and sent again"),
    "broken": _("Connections broken, and sent again"),
    "given_up": _("Given up by their senders"),
    "held": _("Held or dead"),
    "waiting": _("Not ingested in time"),
}


def drill_headline(
    view: PageView, newest: DrillCertificate | None, current: CurrentDrill | None, stopped: DrillStop | None
) -> tuple[str, str]:
    """Return the first sentence and its colour."""
    if current:
        stopping = view.translate("The drill is being stopped.")
        return (stopping if current.stop else view.translate("A drill is under way.")), ""
    if stopped:
        return view.translate("The last drill was stopped."), ""
    if newest is None:
        return view.translate("No drill was run yet."), ""
    if newest.is_exact:
        return view.translate("The last drill lost nothing and doubled nothing."), "ok"
    return view.translate("The last drill failed."), "bad"


def fault_title(view: PageView, fault: str) -> str:
    """Return a fault in words. Certificates of other versions may have further ones."""
    return view.translate(FAULT_TITLES[fault]) if fault in FAULT_TITLES else fault


def phase_title(view: PageView, phase: str) -> str:
    """Return in a sentence what a drill does. One of another version may have further phases."""
    return view.translate_choice(PHASE_TITLES, phase)


def clock_time(seconds: float) -> str:
    """Return a time as a clock shows it, in minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def certificate_sentence(view: PageView, coded: CodedSentence | None, english: str) -> Markup:
    """Return a sentence of a certificate. One without a code, or of another version, stays in English."""
    if coded is None or coded.code not in SENTENCES:
        return Markup('<bdi class="ltr">{}</bdi>').format(english)
    shown = {
        name: Markup("<bdi>{}</bdi>").format(value)
        if isinstance(value, str)
        else view.formatting.number(value, 1 if isinstance(value, float) else 0)
        for name, value in coded.values.items()
    }
    return Markup(view.language.translations.gettext(SENTENCES[coded.code])) % shown  # noqa: S704 - our own sentences
