"""Where processes of one installation use different spools, brokers or keys."""

from collections import defaultdict
from collections.abc import Mapping

from shared.db import Connection
from shared.fingerprints import Fingerprints

HERE = "this command"

# Also of those that the database has not heard of for some minutes: a process that is cut off uses its spool the more.
PROCESSES = """
SELECT CASE WHEN seen_at > now() - interval '30 s' THEN name
            ELSE format('%s (last seen %s s ago)', name, round(extract(epoch FROM now() - seen_at))) END, fingerprints
FROM processes WHERE seen_at > now() - interval '10 min' AND fingerprints <> '{}' ORDER BY name
"""

Differing = dict[str, list[list[str]]]


async def differing(connection: Connection, own: Fingerprints) -> Differing:
    """The names of the processes by what they use, where that is not the same for all: `{"spool": [["gateway-7@a"],
    ["sweeper@b", "worker@b"]]}`. `own` is what the command itself would use."""
    rows = await (await connection.execute(PROCESSES)).fetchall()
    return groups(dict(rows) | {HERE: own}) if rows else {}


def groups(used: Mapping[str, Fingerprints]) -> Differing:
    """The names by what they use, where that differs."""
    found: Differing = {}
    for what in sorted({what for fingerprints in used.values() for what in fingerprints}):
        users: dict[str, list[str]] = defaultdict(list)
        for name, fingerprints in used.items():
            if what in fingerprints:
                users[fingerprints[what]].append(name)
        if len(users) > 1:
            found[what] = sorted(users.values(), key=len, reverse=True)
    return found
