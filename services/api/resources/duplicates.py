"""`/api/v1/duplicates`: pairs of leads that are probably one person."""

from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, listing, writing
from services.api.lead_ids import answering_lead, find_answering_lead
from services.api.pages import PageRequest, cursor_response, page_response, read_page
from services.api.record_responses import record_response
from services.api.request_parsing import key_of, query_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.duplicates import DuplicatePairRecord, DuplicateQuery, LeadPairQuery, PairedLead
from shared.likeness import pair_states
from shared.likeness.pair_groups import add_groups
from shared.likeness.pair_list import PairDict, PairFilter, PairPosition, count_pairs, list_pairs
from shared.platform.cursors import CursorPosition
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import query_params, responds
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

SHOWN_FIELDS = tuple(DuplicatePairRecord.__annotations__)
SHOWN_LEAD_FIELDS = tuple(PairedLead.__annotations__)


@requires_scope("read:leads")
@query_params(DuplicateQuery)
@responds(DuplicatePairRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List pairs of leads that are probably one person, the likeliest first. Open ones, unless `state` says otherwise.

    A pair comes up within seconds after a lead was created or changed. It is never merged by itself.
    Its `group` names the further leads that are probably the same person.
    """
    errors: FieldErrors = {}
    page, query = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        if (lead_id := query.get("lead_id")) is not None:
            query["lead_id"] = await find_answering_lead(connection, workspace_of(request), lead_id)
            if query["lead_id"] is None:
                errors["lead_id"] = [f"There is no lead {lead_id}."]
        raise_if_invalid(errors)
        return await _list_response(request, connection, PairFilter(**query), page)


@requires_scope("read:leads")
@query_params(LeadPairQuery)
@responds(DuplicatePairRecord, listed=True)
async def of_lead(request: web.Request) -> web.Response:
    """List the pairs of a lead, the likeliest first. Open ones, unless `state` says otherwise."""
    errors: FieldErrors = {}
    page, query = read_page(request, errors), query_and_errors(request, errors)
    async with listing(request) as connection:
        lead_id = await answering_lead(connection, workspace_of(request), path_id(request))
        raise_if_invalid(errors)
        return await _list_response(request, connection, PairFilter(lead_id=lead_id, **query), page)


@requires_scope("write:leads")
@responds(DuplicatePairRecord)
async def dismiss(request: web.Request) -> web.Response:
    """Say that two leads are not one person.

    The pair comes back only if a name, email or phone of either lead changes and the evidence is clearly stronger.
    """
    by = f"key:{key_of(request).id}"
    workspace, id_ = workspace_of(request), path_id(request)

    async def dismiss_in_transaction(connection: AsyncConnection) -> PairDict:
        database = await driver_connection(connection)
        return await _with_group(database, workspace, await pair_states.dismiss_pair(database, workspace, id_, by))

    return record_response(request, _shown(await writing(request, dismiss_in_transaction)))


@requires_scope("write:leads")
@responds(DuplicatePairRecord)
async def reopen(request: web.Request) -> web.Response:
    """Take a dismissal back."""
    workspace, id_ = workspace_of(request), path_id(request)

    async def reopen_in_transaction(connection: AsyncConnection) -> PairDict:
        database = await driver_connection(connection)
        return await _with_group(database, workspace, await pair_states.reopen_pair(database, workspace, id_))

    return record_response(request, _shown(await writing(request, reopen_in_transaction)))


async def _list_response(
    request: web.Request, connection: AsyncConnection, which: PairFilter, page: PageRequest
) -> web.Response:
    database, workspace = await driver_connection(connection), workspace_of(request)
    if page.walk:
        return json_response(await _walk_response(request, database, which, page))
    total = await count_pairs(database, workspace, which)
    pairs: list[PairDict] = []
    if page.offset < total:
        pairs = await list_pairs(database, workspace, which, limit=page.size, offset=page.offset)
        await add_groups(database, workspace, pairs)
    return json_response(page_response(request, [_shown(pair) for pair in pairs], page, total))


async def _walk_response(
    request: web.Request, database: Connection, which: PairFilter, page: PageRequest
) -> dict[str, Any]:
    assert page.walk is not None  # noqa: S101  # the caller looked
    position, workspace = page.walk.after, workspace_of(request)
    after = PairPosition(float(position.value), position.id) if position else None
    pairs = await list_pairs(database, workspace, which, limit=page.size + 1, after=after)
    shown, cursor = pairs[: page.size], None
    await add_groups(database, workspace, shown)
    if len(pairs) > page.size:
        cursor = page.walk.signer.encode_position(CursorPosition(shown[-1]["bits"], shown[-1]["id"]))
    return cursor_response(request, [_shown(pair) for pair in shown], page, cursor)


async def _with_group(database: Connection, workspace: int, pair: PairDict) -> PairDict:
    await add_groups(database, workspace, [pair])
    return pair


def _shown(pair: PairDict) -> dict[str, Any]:
    group = [{name: lead[name] for name in SHOWN_LEAD_FIELDS} for lead in pair["group"]]
    return {name: pair[name] for name in SHOWN_FIELDS} | {"group": group}
