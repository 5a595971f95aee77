"""The console's navigation: the pages that exist, their headings, icons, keys and who sees them. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission


@dataclass(frozen=True)
class NavigationEntry:
    """A page in the navigation. `count` names the figure beside it, `counted_to` is the highest; `key` follows `g`."""

    page: str
    group: str
    icon: str
    label: str
    key: str = ""
    count: str = ""
    counted_to: float = inf
    permission: Permission = Permission.SEE_RECORDS


NAVIGATION_GROUPS = {
    "now": "",
    "intake": _("Intake"),
    "leads": _("Leads"),
    "setup": _("Set-up"),
    "settings": _("Settings"),
}
LEADS_FIRST = ("now", "leads", "intake", "setup", "settings")  # for whoever works on leads alone
NAVIGATION_ENTRIES = (
    NavigationEntry("now", "now", "now", _("Now"), key="n"),
    NavigationEntry("submissions", "intake", "inbox", _("Submissions"), key="i"),
    NavigationEntry("dead-letters", "intake", "dead", _("Dead letters"), key="d", count="dead"),
    NavigationEntry("quarantine", "intake", "shield", _("Quarantine"), key="h", count="held"),
    NavigationEntry("queues", "intake", "queue", _("Queues"), key="q"),
    NavigationEntry("jobs", "intake", "job", _("Bulk jobs"), key="b", count="jobs"),
    NavigationEntry("leads", "leads", "people", _("All leads"), key="l"),
    NavigationEntry("pipeline", "leads", "board", _("Pipeline"), key="p"),
    NavigationEntry("duplicates", "leads", "merge", _("Duplicates"), key="u", count="duplicates", counted_to=10_000),
    NavigationEntry("import", "leads", "import", _("Import"), key="m", permission=Permission.BULK_LEADS),
    NavigationEntry("forms", "setup", "form", _("Forms"), key="f"),
    NavigationEntry("automations", "setup", "bolt", _("Automations"), key="a"),
    NavigationEntry("sources", "setup", "plug", _("Sources"), key="s"),
    NavigationEntry("webhooks", "setup", "send", _("Webhooks out"), key="w"),
    NavigationEntry("conversions", "setup", "replay", _("Conversions")),
    NavigationEntry("settings/workspace", "settings", "building", _("Workspace"), permission=Permission.ADMINISTER),
    NavigationEntry("settings/pipelines", "settings", "board", _("Pipelines")),
    NavigationEntry("settings/tags", "settings", "tag", _("Tags")),
    NavigationEntry("settings/scoring", "settings", "star", _("Scoring")),
    NavigationEntry("settings/suppressions", "settings", "mail", _("No mail"), permission=Permission.SEE_PERSONS),
    NavigationEntry("settings/keys", "settings", "key", _("API keys"), permission=Permission.ADMINISTER),
    NavigationEntry("settings/users", "settings", "user", _("Users"), permission=Permission.ADMINISTER),
    NavigationEntry("settings/retention", "settings", "clock", _("Retention"), permission=Permission.ADMINISTER),
    NavigationEntry("settings/audit-log", "settings", "book", _("Audit log"), permission=Permission.ADMINISTER),
    NavigationEntry("settings/system", "settings", "system", _("System"), permission=Permission.OPERATE_INSTALLATION),
)


def ordered_groups(role: str | None) -> dict[str, str]:
    """Return the groups with their headings, in the order in which a role needs them."""
    order = LEADS_FIRST if role == "agent" else NAVIGATION_GROUPS
    return {group: NAVIGATION_GROUPS[group] for group in order}


def visible_entries(permits: Callable[[Permission], bool]) -> Iterator[NavigationEntry]:
    """Yield the entries that a reader may open."""
    return (entry for entry in NAVIGATION_ENTRIES if permits(entry.permission))
