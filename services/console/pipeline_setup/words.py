"""Sentences of the set-up of pipelines."""

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.pipelines.stage_emptying import MAX_MOVED_AT_ONCE

STAGE_OUTCOMES = (("", _("leaves it")), ("won", _("won: sets “converted”")), ("lost", _("lost: sets “lost”")))
MENTION_WORDS = {"form": _("Form"), "source": _("Source"), "automation": _("Automation")}


def removal_note(view: PageView, count: int) -> str:
    """Return how the leads of a stage that is removed are moved."""
    if count > MAX_MOVED_AT_ONCE:
        return view.translate("A job. The stage goes when the last lead has moved.")
    return ""


def moving_sentence(view: PageView, count: int) -> str:
    """Return what is being done, after a job began that moves the leads of a stage and removes it."""
    return view.translate_count(
        "%(n)s lead is moving. The stage goes with it.", "%(n)s leads are moving. The stage goes with the last.", count
    )


def removed_sentence(view: PageView, count: int) -> str:
    """Return what was done, after a stage was removed at once."""
    if not count:
        return view.translate("The stage is removed.")
    return view.translate_count(
        "The stage is removed. %(n)s lead has moved.", "The stage is removed. %(n)s leads have moved.", count
    )
