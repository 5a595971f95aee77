"""One effect of a change of a workspace's settings, and its sentence. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

EFFECT_TEXTS = {
    "renamed": "The new name is in the switcher, in letters to the team and in exports.",
    "phones_read_otherwise": "Of the last {of} phones that came, {count} would have been another number.",
    "phones_unreadable": "Of the last {of} phones that came, {count} would be no number at all.",
    "phones_stay": "Phones of leads that are there stay as they are.",
    "zone_of_automations": "Active automations that wait for business hours: {count}.",
    "duplicates_changed": "Of the last {of} submissions, {count} were duplicates that changed something.",
    "gmail_joins": "Leads whose Gmail addresses become one: {count}. None is merged by itself.",
    "gmail_apart": "What is together stays together. Spellings of an address are apart from the next lead on.",
    "entry_added": "Leads with {entry}: {count}. From the next lead on nobody is recognised by it.",
    "entry_removed": "From the next lead on people are recognised by {entry} again. What is apart is not joined.",
    "rows_deleted": "Rows that are deleted within the day: {count}. They cannot be brought back.",
    "rows_kept": "What is there is kept for longer.",
    "spam_held": "Of the last {of} submissions of these forms within 30 days, {count} more would have been held.",
    "spam_let_through": (
        "Of the last {of} submissions of these forms within 30 days, {count} fewer would have been held."
    ),
    "spam_rules_only": "Only your own rules hold anything then, not even the trap for machines.",
    "alarm_told": "People who are told: {count}.",
    "alarm_untold": "Nobody is told.",
    "alarm_rang": "Half hours of the last two days in which it would have rung: {count}.",
    "alarm_silent": "Sources and forms that are silent for so long now, and would ring at once: {count}.",
    "alarm_own_numbers": "Only sources and forms with a number of their own are watched.",
    "mail_by_server": "Mails of the workspace go out by {entry}.",
    "mail_from": "They come from {entry}.",
    "mail_waits": "Mails that wait, and go out that way: {count}.",
    "mail_alignment": (
        "Receivers ask {entry} whether this server may send for it: its SPF record must name the server, or the server "
        "must sign with DKIM for {entry}. LeadHub cannot see whether that is so. Otherwise mails are refused or land "
        "among spam."
    ),
    "mail_refused_sender": (
        "{entry} lets no other server send for it: most receivers will refuse these mails. Use an address of a domain "
        "of yours, or the server of {entry}."
    ),
    "mail_by_workspace": "Mails go out by another integration of the workspace.",
    "mail_by_installation": "Mails go out by the installation's server, from its address.",
    "mail_by_nobody": "No mail goes out any more: neither the workspace nor the installation has another server.",
}


@dataclass(frozen=True)
class SettingEffect:
    """One effect of one change. `count` is None where counting took too long; `of` is how many were looked at."""

    field: str
    code: str
    count: int | None = None
    of: int | None = None
    entry: str | None = None
    is_final: bool = False  # it cannot be taken back

    @property
    def text(self) -> str:
        """The effect as a sentence in English."""
        count = "many" if self.count is None else f"{self.count:,}"
        return EFFECT_TEXTS[self.code].format(count=count, of=f"{self.of or 0:,}", entry=self.entry)

    def to_json(self) -> dict[str, Any]:
        """Return the effect as the API shows it."""
        return {**asdict(self), "text": self.text}
