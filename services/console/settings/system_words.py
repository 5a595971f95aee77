"""The installation in words: whether every part runs, and what wants a look."""

from collections.abc import Iterator

from markupsafe import escape

from services.console.now.verdict_words import VerdictNote
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.operations.overview_types import StoreState
from shared.operations.system_report import DiskState, SystemReport
from shared.outbound.mail_setup import has_installation_mail

FULL_DISK_RATIO = 0.8
ALARM_TITLES = {
    "postgresql_away": _("the database does not answer"),
    "unaccounted": _("the ledger does not add up"),
    "oldest_waiting": _("submissions wait too long"),
    "no_workers": _("no worker is alive"),
    "dead_letters": _("submissions became dead"),
    "spooling": _("submissions wait in the spool"),
    "disk": _("the disk fills"),
    "differing": _("processes differ in their settings"),
}
PROCESS_TITLES = {
    "gateway": _("takes leads"),
    "api": _("answers the API"),
    "console": _("shows this console"),
    "sweeper": _("finds what was left behind"),
}


def system_headline(view: PageView, report: SystemReport, stores: StoreState) -> tuple[str, str]:
    """Return the first sentence and its colour."""
    runs = len(report.alive) == len(report.processes) and stores.redis_ms is not None and stores.spool_state != "away"
    if runs and not report.alarms and not report.mismatches:
        return view.translate("Every part runs."), "ok"
    return view.translate("Something wants a look."), "bad"


def system_notes(
    view: PageView, report: SystemReport, stores: StoreState, disk: DiskState | None
) -> Iterator[VerdictNote]:
    """Yield a sentence for each thing that wants a look."""
    for alarm in report.alarms:
        since = view.formatting.clock(alarm.raised_at)
        sentence = view.translate(
            "Since %(time)s an alarm rings: %(what)s", time=since, what=alarm_title(view, alarm.code)
        )
        yield VerdictNote("bell", "bad", escape(sentence))
    silent = len(report.processes) - len(report.alive)
    if silent:
        sentence = view.translate_count("%(n)s process does not report.", "%(n)s processes do not report.", silent)
        yield VerdictNote("warn", "bad", escape(sentence))
    if stores.redis_ms is None:
        sentence = view.translate("The broker does not answer: the sweeper does its work.")
        yield VerdictNote("warn", "bad", escape(sentence))
    if stores.spool_state == "away":
        sentence = view.translate("The spool does not answer: should the database go away too, leads are refused.")
        yield VerdictNote("warn", "bad", escape(sentence))
    for what, groups in report.mismatches.items():
        names = "; ".join(", ".join(names) for names in groups)
        sentence = view.translate("Processes differ in %(setting)s: %(names)s", setting=setting_name(what), names=names)
        yield VerdictNote("warn", "bad", escape(sentence))
    if disk and disk.used > FULL_DISK_RATIO * disk.total:
        share = view.formatting.percent(disk.used, disk.total)
        yield VerdictNote("warn", "wait", escape(view.translate("The disk is full to %(share)s.", share=share)))
    if not has_installation_mail(view.console.settings):
        sentence = view.translate(
            "Mail is not set up for the installation: workspaces need a mail server of their own."
        )
        yield VerdictNote("mail", "wait", escape(sentence))


def alarm_title(view: PageView, code: str) -> str:
    """Return what an alarm says; a code without words as it is."""
    return view.translate_choice(ALARM_TITLES, code)


def setting_name(what: str) -> str:
    """Return the variable of a setting that processes share."""
    named = {"spool": "spool_url", "broker": "broker_url", "files": "files_dir"}
    return f"LEADHUB_{named.get(what, what).upper()}"


def process_title(view: PageView, kind: str) -> str:
    """Return what a process is, by its kind."""
    return view.translate_choice(PROCESS_TITLES, kind, "")
