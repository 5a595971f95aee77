"""Sentences of the page of a workspace."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from services.console.web.country_words import country_label
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from services.console.workspace.alarm_words import alarm_problems, alarm_value
from services.console.workspace.reads import FormThresholds
from services.console.workspace.section_forms import DAYS_ERROR
from shared.platform.errors import FieldErrors
from shared.workspace_changes.setting_effect import SettingEffect

POLICY_WORDS = {
    "fill_empty": _("Fill what is empty"),
    "overwrite": _("Overwrite"),
    "keep": _("Keep as it is"),
}
FOLD_WORDS = {"apart": _("Count as they are written"), "folded": _("Do not count")}
KIND_NOTES = {
    "submissions_days": _("What came, with its versions and files. Leads stay."),
    "held_days": _("Submissions in quarantine that nobody decided on, and those that were marked as spam."),
    "activities_days": _("At least as long as submissions: the timeline leads to them."),
    "attempts_days": _("Finished messages to receivers, with each answer."),
}
KIND_WORDS = {
    "submissions_days": _("Submissions"),
    "held_days": _("Held spam"),
    "activities_days": _("Timelines of leads"),
    "attempts_days": _("Deliveries and attempts"),
}
EFFECT_WORDS = {
    "renamed": _("The new name is in the switcher, in letters to the team and in exports."),
    "phones_read_otherwise": _("Of the last %(of)s phones that came, %(count)s would have been another number."),
    "phones_unreadable": _("Of the last %(of)s phones that came, %(count)s would be no number at all."),
    "phones_stay": _("Phones of leads that are there stay as they are."),
    "zone_of_automations": _("Active automations that wait for business hours: %(count)s."),
    "duplicates_changed": _("Of the last %(of)s submissions, %(count)s were duplicates that changed something."),
    "gmail_joins": _("Leads whose Gmail addresses become one: %(count)s. None is merged by itself."),
    "gmail_apart": _("What is together stays together. Spellings of an address are apart from the next lead on."),
    "entry_added": _("Leads with %(entry)s: %(count)s. From the next lead on nobody is recognised by it."),
    "entry_removed": _("From the next lead on people are recognised by %(entry)s again. What is apart is not joined."),
    "rows_deleted": _("Rows that are deleted within the day: %(count)s. They cannot be brought back."),
    "rows_kept": _("What is there is kept for longer."),
    "spam_held": _(
        "Of the last %(of)s submissions of these forms within 30 days, %(count)s more would have been held."
    ),
    "spam_let_through": _(
        "Of the last %(of)s submissions of these forms within 30 days, %(count)s fewer would have been held."
    ),
    "spam_rules_only": _("Only your own rules hold anything then, not even the trap for machines."),
    "alarm_told": _("People who are told: %(count)s."),
    "alarm_untold": _("Nobody is told."),
    "alarm_rang": _("Half hours of the last two days in which it would have rung: %(count)s."),
    "alarm_silent": _("Sources and forms that are silent for so long now, and would ring at once: %(count)s."),
    "alarm_own_numbers": _("Only sources and forms with a number of their own are watched."),
    "mail_by_server": _("Mails of the workspace go out by %(entry)s."),
    "mail_from": _("They come from %(entry)s."),
    "mail_waits": _("Mails that wait, and go out that way: %(count)s."),
    "mail_alignment": _(
        "Receivers ask %(entry)s whether this server may send for it: its SPF record must name the server, or the "
        "server must sign with DKIM for %(entry)s. LeadHub cannot see whether that is so. Otherwise mails are refused "
        "or land among spam."
    ),
    "mail_refused_sender": _(
        "%(entry)s lets no other server send for it: most receivers will refuse these mails. Use an address of a "
        "domain of yours, or the server of %(entry)s."
    ),
    "mail_by_workspace": _("Mails go out by another integration of the workspace."),
    "mail_by_installation": _("Mails go out by the installation's server, from its address."),
    "mail_by_nobody": _("No mail goes out any more: neither the workspace nor the installation has another server."),
}
ERROR_WORDS = {
    "name": _("Write a name on one line, of 1 to 255 characters."),
    "country": _("Choose a country of the list."),
    "timezone": _("Choose a time zone of the list, such as Europe/Berlin."),
    "merge_policy": _("Choose one of the three."),
    "spam_threshold": _("This must be a number of points, from 0 to 1,000."),
    "never_join": _("The list is full: 500 entries at most."),
    "retention.activities_days": _("Keep timelines at least as long as submissions."),
}
ENTRY_ERROR = _("Write an e-mail, a part before the at sign such as info@, or a phone.")
LIST_ERROR_PREFIX = "never_join"


def effect_sentence(view: PageView, effect: SettingEffect) -> Markup:
    """Say what a change would do."""
    number = view.formatting.number
    if effect.of == 0:
        return escape(view.translate("Nothing has come yet that it would change."))
    return escape(view.translate(EFFECT_WORDS[effect.code])) % {
        "count": view.translate("many") if effect.count is None else number(effect.count),
        "of": number(effect.of or 0),
        "entry": Markup('<bdi class="ltr">{}</bdi>').format(effect.entry),
    }


def setting_value(view: PageView, field: str, record: Mapping[str, Any]) -> str:
    """Return the value of a setting as it is said."""
    if field.startswith("retention."):
        days = record["retention"][field.removeprefix("retention.")]
        return view.translate("as the installation") if days is None else days_words(view, days)
    if field.startswith("alarms."):
        code = field.removeprefix("alarms.")
        return alarm_value(view, code, record["alarms"][code])
    if field == "spam_threshold":
        return points_words(view, record[field])
    if field == "country":
        return country_label(view, record["country"])
    if field == "merge_policy":
        return view.translate(POLICY_WORDS[record["merge_policy"]])
    if field == "fold_gmail":
        return view.translate(FOLD_WORDS["folded" if record["fold_gmail"] else "apart"])
    return str(record[field])


def points_words(view: PageView, points: int) -> str:
    """Say a number of points."""
    return view.translate_count("%(n)s point", "%(n)s points", points)


def own_thresholds(view: PageView, forms: FormThresholds) -> str:
    """Say how many forms have a number of their own."""
    number = view.formatting.number
    return view.translate(
        "Open forms: %(n)s, with a number of their own: %(own)s.", n=number(forms.open), own=number(forms.own)
    )


def days_words(view: PageView, days: int) -> str:
    """Say a number of days."""
    return view.translate_count("%(n)s day", "%(n)s days", days)


def error_sentences(view: PageView, errors: FieldErrors) -> dict[str, str]:
    """Return what is wrong with each field, in the reader's language. The list has one field."""
    sentences: dict[str, str] = {}
    for field, messages in errors.items():
        if field.startswith(f"{LIST_ERROR_PREFIX}."):
            sentences[LIST_ERROR_PREFIX] = view.translate(ENTRY_ERROR)
        elif field.startswith("alarms."):
            sentences |= alarm_problems(view, {field: messages})
        elif messages == [DAYS_ERROR]:
            sentences[field] = view.translate("Write a whole number of days, 1 or more, or leave it empty.")
        elif field in ERROR_WORDS:
            sentences[field] = view.translate(ERROR_WORDS[field])
        else:
            most = view.formatting.number(view.console.settings.keep_days)
            sentences[field] = view.translate("The installation keeps it for %(n)s days at most.", n=most)
    return sentences
