"""The pipeline board: a column for each stage, with the filters of the list of leads."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from aiohttp import web

from services.console.leads.filter_chips import filter_chips, filter_form_values
from services.console.leads.query import LeadListState, api_filters, read_filter_form, read_lead_query, read_position
from services.console.leads.reads import PagePlace, read_list_names, read_suggestions, resolve_list
from services.console.leads.related_records import RowDict
from services.console.leads.words import status_words
from services.console.pipeline.cards import NO_STAGE, shown_column, without_stages
from services.console.pipeline.reads import (
    NEWEST_FIRST,
    BoardColumn,
    PipelineBoard,
    read_column,
    read_columns_of,
    read_pipelines,
    read_stages,
    read_stray_column,
)
from services.console.web.access import workspace_page
from services.console.web.filter_form import FORM_MARK
from services.console.web.page_view import PageView
from services.console.web.rendering import page_response
from shared.auth.roles import Permission
from shared.lead_list.expensive_queries import ExpensiveQuery, expensive_slot
from shared.lead_list.filters import LeadFilters
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class BoardReader(Protocol[T_co]):
    """Reads something of the leads that match. Raises ExpensiveQuery if that is expensive and not allowed."""

    async def __call__(self, connection: Connection, filters: LeadFilters, *, expensive: bool) -> T_co: ...


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the board of the pipeline in the address, else of the default one."""
    query = view.request.query
    if FORM_MARK in query:
        view.redirect(view.path("pipeline", **read_filter_form(query, view.zone)))
    state = board_state(view)
    if state.unreadable:
        said = view.translate("A filter of the address could not be used, and was left out.")
        view.redirect(view.path("pipeline", **state.values), said)
    board = await _read_board(view, state)
    async with view.console.reading() as connection:
        names = await read_list_names(connection, view.workspace.workspace_id)
        suggestions = await read_suggestions(connection, view.workspace.workspace_id)
    return await view.render(
        "pipeline/board.html",
        board=board,
        columns=[shown_column(view, column, state.sort, names.users) for column in board.columns],
        state=state,
        names=names,
        suggestions=suggestions,
        statuses=list(status_words(view).items()),
        chips=filter_chips(view, state.without("pipeline_id"), names, "pipeline"),
        form_values=filter_form_values(view, state),
        lead_query=state.values,
        shared_query={name: value for name, value in state.values.items() if name != "pipeline_id"},
    )


@workspace_page(Permission.SEE_RECORDS)
async def column(view: PageView) -> web.StreamResponse:
    """Answer the next cards of a column to the page's script, as a part of the page."""
    query, state = view.request.query, board_state(view)
    if not view.request.headers.get("HX-Request"):
        view.redirect(view.path("pipeline", **state.values))
    stage_text = query.get("stage", "")
    sort = NEWEST_FIRST if stage_text == str(NO_STAGE) else state.sort
    place = read_position(sort, query.get("older", ""))
    if place is None or not (stage_text.isascii() and stage_text.isdigit() and len(stage_text) < 20):
        raise NotFound
    async with view.console.reading() as connection:
        names = await read_list_names(connection, view.workspace.workspace_id)
    found = await _read_more(view, state, int(stage_text), PagePlace(older=place))
    shown = shown_column(view, found, state.sort, names.users)
    html = view.render_text("pipeline/_more.html", column=shown, lead_query=state.values)
    return page_response(html, view.nonce)


def board_state(view: PageView) -> LeadListState:
    """Return the list that the address asks for: all of its leads are on the board, each in the column of its stage."""
    return without_stages(read_lead_query(view.request.query, sees_persons=view.permits(Permission.SEE_PERSONS)))


async def _read_board(view: PageView, state: LeadListState) -> PipelineBoard:
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        pipelines = await read_pipelines(connection, workspace_id)
        chosen = next((one for one in pipelines if str(one["id"]) == state.filters.get("pipeline_id")), None)
        pipeline = chosen or next(iter(pipelines), None)
        if pipeline is None:
            return PipelineBoard(pipelines)
        stages = await read_stages(connection, workspace_id, pipeline["id"])
    if "pipeline_id" in state.filters and chosen is None:
        view.redirect(view.path("pipeline", **state.without("pipeline_id").values))

    async def read(connection: Connection, filters: LeadFilters, *, expensive: bool) -> list[BoardColumn]:
        return await read_columns_of(connection, filters, state.sort, stages, expensive=expensive)

    columns = await _in_turn(view, state, pipeline["id"], read)
    if columns is None:  # no lead can match
        columns = [BoardColumn(stage, 0, []) for stage in stages]
    return PipelineBoard(pipelines, pipeline, columns)


async def _read_more(view: PageView, state: LeadListState, stage_id: int, place: PagePlace) -> BoardColumn:
    """Return the cards of a column behind a place. Raises NotFound for a stage of another workspace."""
    workspace_id = view.workspace.workspace_id
    stage: RowDict | None = None
    async with view.console.reading() as connection:
        pipelines = await read_pipelines(connection, workspace_id)
        asked = state.filters.get("pipeline_id")
        pipeline = next((one for one in pipelines if asked in (None, str(one["id"]))), None)
        if pipeline is None:
            raise NotFound
        if stage_id != NO_STAGE:
            stages = await read_stages(connection, workspace_id, pipeline["id"])
            stage = next((one for one in stages if one["id"] == stage_id), None)
            if stage is None:
                raise NotFound

    async def read(connection: Connection, filters: LeadFilters, *, expensive: bool) -> BoardColumn:
        if stage is None:
            return await read_stray_column(connection, filters, 0, place.older)
        return await read_column(connection, filters, state.sort, stage, place, expensive=expensive)

    answer = await _in_turn(view, state, pipeline["id"], read)
    if answer is None:
        raise NotFound
    return answer


async def _in_turn(view: PageView, state: LeadListState, pipeline_id: int, reader: BoardReader[T]) -> T | None:
    """Return what `reader` makes of the filters, None if no lead can match. What is expensive waits for its turn."""
    filter_values = {
        **api_filters(state.filters, view.workspace.user_id, view.formatting.now),
        "pipeline_id": pipeline_id,
    }
    try:
        return await _read_once(view, state, filter_values, reader, expensive=False)
    except ExpensiveQuery:
        return await _read_once(view, state, filter_values, reader, expensive=True)


async def _read_once(
    view: PageView, state: LeadListState, filter_values: Mapping[str, Any], reader: BoardReader[T], *, expensive: bool
) -> T | None:
    workspace_id = view.workspace.workspace_id
    async with (
        expensive_slot(view.console.expensive_lists, workspace_id, expensive=expensive),
        view.console.reading() as connection,
    ):
        filters, unknown = await resolve_list(connection, workspace_id, filter_values)
        if unknown:
            said = view.translate("A filter of the address could not be used, and was left out.")
            view.redirect(view.path("pipeline", **state.without(*unknown).values), said)
        return await reader(connection, filters, expensive=expensive) if filters else None
