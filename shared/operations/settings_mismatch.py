"""Find processes of one installation that use different spools, brokers or keys."""

from collections import defaultdict
from collections.abc import Mapping

from shared.platform.crypto.settings_fingerprints import SettingsFingerprints
from shared.platform.db.connections import Connection

THIS_COMMAND = "this command"

# Includes processes that have been silent for some minutes: one without PostgreSQL uses its spool all the more.
PROCESS_FINGERPRINTS_SQL = """
SELECT CASE WHEN seen_at > now() - interval '30 s' THEN name
            ELSE format('%s (last seen %s s ago)', name, round(extract(epoch FROM now() - seen_at))) END, fingerprints
FROM processes WHERE seen_at > now() - interval '10 min' AND fingerprints <> '{}' ORDER BY name
"""

SettingsMismatches = dict[str, list[list[str]]]


async def find_mismatches(connection: Connection, own: SettingsFingerprints | None = None) -> SettingsMismatches:
    """Return the process names grouped by the value they use, for settings on which they differ: `{"spool":
    [["gateway-7@a"], ["sweeper@b", "worker@b"]]}`. `own` holds the values that this command uses, if it is one."""
    rows = await (await connection.execute(PROCESS_FINGERPRINTS_SQL)).fetchall()
    if not rows:
        return {}
    return group_mismatches(dict(rows) | ({} if own is None else {THIS_COMMAND: own}))


def group_mismatches(used: Mapping[str, SettingsFingerprints]) -> SettingsMismatches:
    """Group the names by their value, for settings on which they differ."""
    mismatches: SettingsMismatches = {}
    for what in sorted({what for fingerprints in used.values() for what in fingerprints}):
        users: dict[str, list[str]] = defaultdict(list)
        for name, fingerprints in used.items():
            if what in fingerprints:
                users[fingerprints[what]].append(name)
        if len(users) > 1:
            mismatches[what] = sorted(users.values(), key=len, reverse=True)
    return mismatches
