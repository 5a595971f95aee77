"""Count how often forms are seen, begun and sent, by the source that visitors come from."""

from collections import Counter
from collections.abc import Mapping, MutableMapping
from typing import Final, Literal
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from services.gateway.buffered_counts import HOUR_SECONDS, BufferedCounts, current_hour
from shared.forms.definition import FormDefinition
from shared.forms.form_numbers import OTHER_SOURCES
from shared.platform.db.advisory_locks import FORM_COUNTS_LOCK
from shared.platform.db.connections import ASYNC_COMMIT, Connection, as_json
from shared.platform.validation.schema import escape_unstorable

FormOutcome = Literal["view", "start", "submission", "held"]
FormCountKey = tuple[int, int, int, FormOutcome, str]  # workspace id, form id, hours since the epoch, outcome, source
FormHour = tuple[int, int, int]  # workspace id, form id, hours since the epoch

DIRECT_SOURCE: Final = "direct"
UNBOUNDED_SOURCES: Final = (DIRECT_SOURCE, OTHER_SOURCES)
MAX_HOURLY_SOURCES: Final = 200  # further sources of a form in an hour count as `other`: a stranger can invent any
MAX_SOURCE_LENGTH = 100  # characters
# By it the form's script says how it labels a page view, and a page of ours how it was counted.
SOURCE_PARAMETER = "_source"

LOCK_FORM_COUNTS_SQL = f"SELECT pg_advisory_xact_lock({FORM_COUNTS_LOCK})"
READ_SOURCES_SQL = f"""
SELECT s.w, s.form, s.hour, c.source
FROM json_to_recordset(%s::json) AS s(w bigint, form bigint, hour bigint), LATERAL (
    SELECT DISTINCT source FROM form_counts
    WHERE workspace_id = s.w AND form_id = s.form AND hour = to_timestamp(s.hour * {HOUR_SECONDS})
      AND source <> ALL (%s)) c
"""
# Sorted, so that two gateways do not wait for each other in a circle. Counts of a form that is gone are dropped.
WRITE_FORM_COUNTS_SQL = f"""
WITH quick AS (
    SELECT {ASYNC_COMMIT}
)
INSERT INTO form_counts AS c (workspace_id, form_id, hour, outcome, source, n)
SELECT w, form, to_timestamp(hour * {HOUR_SECONDS}), outcome, source, n
FROM quick, json_to_recordset(%s::json) AS s(w bigint, form bigint, hour bigint, outcome text, source text, n bigint)
WHERE EXISTS (SELECT FROM forms f WHERE f.workspace_id = s.w AND f.id = s.form)
ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (workspace_id, form_id, hour, outcome, source) DO UPDATE SET n = c.n + excluded.n
"""


class FormCounts(BufferedCounts[FormCountKey]):
    """The counts of one gateway process."""

    name = "form_counts"

    def count(self, form: FormDefinition, outcome: FormOutcome, source: str) -> None:
        """Count an outcome. `source` is a label as `source_label` returns it."""
        self.add((form.workspace_id, form.id, current_hour(), outcome, source))

    async def write(
        self, connection: Connection, counts: Mapping[FormCountKey, int], last_at: Mapping[FormCountKey, float]
    ) -> None:
        """Write counts, those of too many sources as `other`."""
        async with connection.transaction():
            await connection.execute(LOCK_FORM_COUNTS_SQL)
            bounded = bound_sources(counts, await _read_sources(connection, {key[:3] for key in counts}))
            rows = [
                {"w": key[0], "form": key[1], "hour": key[2], "outcome": key[3], "source": key[4], "n": n}
                for key, n in bounded.items()
            ]
            await connection.execute(WRITE_FORM_COUNTS_SQL, (as_json(rows),))


async def _read_sources(connection: Connection, hours: set[FormHour]) -> dict[FormHour, set[str]]:
    """Return the sources that have counts already and are bounded."""
    wanted = as_json([{"w": workspace, "form": form, "hour": hour} for workspace, form, hour in hours])
    sources: dict[FormHour, set[str]] = {}
    rows = await connection.execute(READ_SOURCES_SQL, (wanted, list(UNBOUNDED_SOURCES)))
    for workspace, form, hour, source in await rows.fetchall():
        sources.setdefault((workspace, form, hour), set()).add(source)
    return sources


def bound_sources(
    counts: Mapping[FormCountKey, int], known: MutableMapping[FormHour, set[str]]
) -> Counter[FormCountKey]:
    """Return counts with at most so many sources of a form in an hour; of new ones, the most frequent have a place.

    `known` are the sources that have counts already. New ones are added to them.
    """
    bounded: Counter[FormCountKey] = Counter()
    for (workspace, form, hour, outcome, source), n in sorted(counts.items(), key=lambda each: -each[1]):
        places = known.setdefault((workspace, form, hour), set())
        if source not in UNBOUNDED_SOURCES and source not in places:
            if len(places) < MAX_HOURLY_SOURCES:
                places.add(source)
            else:
                source = OTHER_SOURCES
        bounded[workspace, form, hour, outcome, source] += n
    return bounded


def source_label(named: str | None, referrer: str | None, own_host: str) -> str:
    """Return the label of a visitor's source: the one that is named, otherwise the referring host, otherwise `direct`.

    `named` is the campaign's source, or a label that was made before. `own_host` is the host of this service, which
    refers nobody.
    """
    host = _host_of(referrer or "")
    label = (named or "").strip() or (host if host != own_host.partition(":")[0].lower() else "")
    return escape_unstorable(label)[:MAX_SOURCE_LENGTH] or DIRECT_SOURCE


def visit_source(request: web.Request) -> str:
    """Return the label of the source of whoever asks for a page, a fragment or a token.

    The script names it where the form stands on another site: our `Referer` is that site, not the page before it.
    """
    named = request.query.get(SOURCE_PARAMETER) or request.query.get("utm_source")
    return source_label(named, request.headers.get(hdrs.REFERER), request.host)


def _host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
