"""Drills in words: what the last one found, and what happened in it."""

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.operations.drill_certificates import DrillCertificate

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


def drill_headline(view: PageView, newest: DrillCertificate | None, *, is_under_way: bool) -> tuple[str, str]:
    """Return the first sentence and its colour."""
    if is_under_way:
        return view.translate("A drill is under way."), ""
    if newest is None:
        return view.translate("No drill was run yet."), ""
    if newest.is_exact:
        return view.translate("The last drill lost nothing and doubled nothing."), "ok"
    return view.translate("The last drill failed."), "bad"


def fault_title(view: PageView, fault: str) -> str:
    """Return a fault in words. Certificates of other versions may have further ones."""
    return view.translate(FAULT_TITLES[fault]) if fault in FAULT_TITLES else fault
