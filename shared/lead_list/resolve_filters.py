"""Resolves query parameters into filters, as far as that needs the database."""

from collections.abc import Sequence
from typing import Any

from shared.lead_list.contact_filters import find_contact_owners
from shared.lead_list.filters import CAMPAIGN_COLUMNS, EXACT_COLUMNS, FILTER_COLUMNS, TIME_BOUNDS, LeadFilters
from shared.lead_list.rare_fragments import TextSample, has_trigrams
from shared.lead_list.search import like_patterns
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

REFERENCE_NOUNS = {"pipeline_id": "pipeline", "stage_id": "stage", "assigned_user_id": "user"}
# PostgreSQL's statistics give a sample of the indexed texts, and about how many there are.
# A small index needs no sample: every search in it is fast.
MIN_SAMPLED_TEXTS = 50_000
SMALL_DIVISOR = 10  # a workspace with less than a tenth of the texts is small
TEXT_SAMPLE_SQL = f"""
SELECT histogram_bounds::text::text[] FROM pg_stats
WHERE schemaname = ANY (current_schemas(false)) AND tablename = indexed.relname AND attname = 'text'
  AND indexed.reltuples > {MIN_SAMPLED_TEXTS} AND %(term)s <> '' LIMIT 1
"""
FILTER_LOOKUP_SQL = f"""
SELECT (SELECT coalesce(alias_of, id) FROM tags
        WHERE workspace_id = %(workspace)s AND lower(upper(name)) = lower(upper(%(tag)s))) AS tag_id,
       (SELECT country FROM workspaces WHERE id = %(workspace)s) AS country,
       lower(upper(%(term)s)) AS folded,
       ({TEXT_SAMPLE_SQL}) AS sample,
       indexed.reltuples AS texts,
       (SELECT n FROM lead_counts_by_field
        WHERE workspace_id = %(workspace)s AND field = '' AND value = '') AS leads,
       EXISTS (SELECT 1 FROM pipelines WHERE workspace_id = %(workspace)s AND id = %(pipeline_id)s) AS pipeline_id,
       EXISTS (SELECT 1 FROM pipeline_stages WHERE workspace_id = %(workspace)s AND id = %(stage_id)s) AS stage_id,
       EXISTS (SELECT 1 FROM users WHERE workspace_id = %(workspace)s AND id = %(assigned_user_id)s) AS assigned_user_id
FROM pg_class indexed WHERE oid = 'lead_search'::regclass
"""


async def resolve_filters(
    connection: Connection, workspace_id: int, query: dict[str, Any], errors: FieldErrors
) -> LeadFilters | None:
    """Return the filters, or None if no lead can match.

    Ids that are not in the workspace, and values that are no email or phone, go into `errors`.
    """
    owners = await find_contact_owners(connection, workspace_id, query, errors)
    tag, term = query.get("tag", "").strip(), query.get("search", "").strip()
    tag_id, folded, searched, texts, leads = None, "", {}, 0, None
    if tag or term or REFERENCE_NOUNS.keys() & query.keys():
        named = {name: query.get(name) for name in REFERENCE_NOUNS}
        parameters = {"workspace": workspace_id, "tag": tag, "term": term, **named}
        row = await (await connection.execute(FILTER_LOOKUP_SQL, parameters, prepare=True)).fetchone()
        tag_id, country, folded, sample, texts, leads, *known = row or ()
        searched = _search_patterns(term, folded, country, sample or ()) if term else {}
        strangers = [
            name for name, is_known in zip(REFERENCE_NOUNS, known, strict=True) if name in query and not is_known
        ]
        errors |= {name: [f"There is no {REFERENCE_NOUNS[name]} {query[name]}."] for name in strangers}
    if (tag and tag_id is None) or None in owners or len(owners) > 1:
        return None
    renamed = {FILTER_COLUMNS.get(name, name): value for name, value in query.items()}
    return LeadFilters(
        workspace_id,
        lead_id=next(iter(owners), None),
        exact={column: renamed[column] for column in EXACT_COLUMNS if column in renamed},
        tag_id=tag_id,
        bounds={name: query[name] for name in TIME_BOUNDS if name in query},
        campaign={name: query[name] for name in CAMPAIGN_COLUMNS if query.get(name)},
        patterns=searched,
        is_small=leads is not None and texts > SMALL_DIVISOR * leads,
        likely_leads=leads or 0,
        is_indexed=has_trigrams(like_patterns(folded, None)[0]),
        unreadable=query.get("unreadable", ""),
    )


def _search_patterns(term: str, folded: str, country: str | None, texts: Sequence[str]) -> dict[str, list[str]]:
    """Return the patterns of a search term, each with the fragments to look up in the index."""
    literal, *phones = like_patterns(term, country)
    sample = TextSample(texts)
    rarest = {literal: sample.rarest_fragments(like_patterns(folded, None)[0])}
    return rarest | {phone: sample.rarest_fragments(phone) for phone in phones}
