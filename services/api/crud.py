"""Plain resources of the API: rows of one table, found by id within a workspace, shown as a record.

Every function needs the workspace.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from aiohttp import web
from sqlalchemy import ColumnElement, Select, UnaryExpression, delete, func, insert, select, tuple_, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.operators import desc_op

from services.api.context import listing, reading, writing
from services.api.lead_ids import follow_merged_lead
from services.api.pages import PageRequest, page_of, page_response
from services.api.record_responses import record_response
from services.api.request_parsing import workspace_of
from shared.models import Base, Cause, Integration, Lead, WebhookSubscription
from shared.platform.cursors import CursorPosition
from shared.platform.errors import FieldErrors, NotFound, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.platform.web.responses import json_response

RecordDict = dict[str, Any]

# The ids that the filters of lists name.
REFERENCED_MODELS: dict[str, tuple[Any, str]] = {
    "lead_id": (Lead, "lead"),
    "subscription_id": (WebhookSubscription, "webhook subscription"),
    "integration_id": (Integration, "integration"),
    "cause": (Cause, "cause"),
}
T = TypeVar("T")


class Resource:
    """A table and its record: the columns that the record names, and `derived` ones, each a subquery.

    With `only` those rows alone are records for which it holds.
    """

    def __init__(
        self,
        model: type[Base],
        record: type,
        derived: dict[str, ColumnElement[Any]] | None = None,
        *,
        only: ColumnElement[bool] | None = None,
    ) -> None:
        self.model = cast("Any", model)
        self.only = [] if only is None else [only]
        derived = derived or {}
        names = [name for name in record.__annotations__ if name in model.__table__.columns]
        self.columns = [getattr(model, name) for name in names] + [what.label(name) for name, what in derived.items()]

    def select(self, workspace_id: int, *where: ColumnElement[bool]) -> Select[Any]:
        """Return a query for the records of a workspace."""
        return select(*self.columns).where(self.model.workspace_id == workspace_id, *self.only, *where)

    async def read_page(
        self,
        connection: AsyncConnection,
        workspace_id: int,
        page: PageRequest,
        *where: ColumnElement[bool],
        order: list[UnaryExpression[Any]] | None = None,
    ) -> tuple[list[RecordDict], int]:
        """Return one page and the total, newest first unless `order` says otherwise.

        For a page by cursor the total only says whether more follows: it is one more than the page. All parts of
        `order` have one direction, and the last one is the id.
        """
        order = order or [self.model.id.desc()]
        if page.walk:
            return await _read_step(connection, self.select(workspace_id, *where), page.walk.after, page.size, order)
        total = await self.count(connection, workspace_id, *where)
        if page.offset >= total:
            return [], total
        end = page.offset + page.size
        return await self.read_range(connection, workspace_id, page.offset, end, *where, order=order), total

    async def count(self, connection: AsyncConnection, workspace_id: int, *where: ColumnElement[bool]) -> int:
        """Return the number of records."""
        of_workspace = (self.model.workspace_id == workspace_id, *self.only)
        counted = select(func.count()).select_from(self.model).where(*of_workspace, *where)
        return int((await connection.execute(counted)).scalar_one())

    async def read_range(
        self,
        connection: AsyncConnection,
        workspace_id: int,
        start: int,
        end: int,
        *where: ColumnElement[bool],
        order: list[UnaryExpression[Any]],
    ) -> list[RecordDict]:
        """Return the records from one place in the order, counted from 0, up to before another."""
        query = self.select(workspace_id, *where).order_by(*order).limit(end - start).offset(start)
        return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def find(self, connection: AsyncConnection, workspace_id: int, id_: int) -> RecordDict:
        """Return one record. Raises NotFound."""
        return await _fetch_one(connection, self.select(workspace_id, self.model.id == id_))

    async def find_for_update(self, connection: AsyncConnection, workspace_id: int, id_: int) -> RecordDict:
        """Return one record, locked until the transaction ends. Raises NotFound."""
        query = self.select(workspace_id, self.model.id == id_).with_for_update(of=self.model)
        return await _fetch_one(connection, query)

    async def insert(self, connection: AsyncConnection, workspace_id: int, fields: RecordDict) -> RecordDict:
        """Create a record."""
        statement = insert(self.model).values(workspace_id=workspace_id, **fields).returning(self.model.id)
        return await self.find(connection, workspace_id, (await connection.execute(statement)).scalar_one())

    async def update(self, connection: AsyncConnection, workspace_id: int, id_: int, fields: RecordDict) -> RecordDict:
        """Return the record with those fields changed. Raises NotFound."""
        where = (self.model.workspace_id == workspace_id, self.model.id == id_, *self.only)
        statement = update(self.model).where(*where).values(**fields, updated_at=func.now())
        if (await connection.execute(statement)).rowcount == 0:
            raise NotFound
        return await self.find(connection, workspace_id, id_)

    async def delete(self, connection: AsyncConnection, workspace_id: int, id_: int) -> None:
        """Delete the record. Raises NotFound."""
        where = (self.model.workspace_id == workspace_id, self.model.id == id_, *self.only)
        if (await connection.execute(delete(self.model).where(*where))).rowcount == 0:
            raise NotFound


async def _fetch_one(connection: AsyncConnection, query: Select[Any]) -> RecordDict:
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound
    return dict(row)


async def _read_step(
    connection: AsyncConnection,
    query: Select[Any],
    after: CursorPosition | None,
    size: int,
    order: list[UnaryExpression[Any]],
) -> tuple[list[RecordDict], int]:
    if after:
        columns = [each.element for each in order]
        values = [after.value, after.id][-len(columns) :]
        place = tuple_(*[sql_cast(str(value), column.type) for column, value in zip(columns, values, strict=True)])
        here = tuple_(*columns)
        query = query.where(here < place if order[0].modifier is desc_op else here > place)
    rows = await connection.execute(query.order_by(*order).limit(size + 1))
    found = [dict(row) for row in rows.mappings()]
    return found[:size], len(found)


async def unknown_reference_errors(
    connection: AsyncConnection, workspace_id: int, references: dict[str, Any]
) -> FieldErrors:
    """Return errors for ids of a query that are not in the workspace. A merged lead's id becomes its winner's."""
    errors: FieldErrors = {}
    await follow_merged_lead(connection, workspace_id, references)
    for name, (model, noun) in REFERENCED_MODELS.items():
        if (id_ := references.get(name)) is None:
            continue
        query = select(model.id).where(model.workspace_id == workspace_id, model.id == id_)
        if not (await connection.execute(query)).first():
            errors[name] = [f"There is no {noun} {id_}."]
    return errors


async def list_records(request: web.Request, noun: Resource) -> web.Response:
    """Return a page of the records, newest first, as the response."""
    page = page_of(request)
    async with listing(request) as connection:
        records, total = await noun.read_page(connection, workspace_of(request), page)
    return json_response(page_response(request, records, page, total))


async def show_record(request: web.Request, noun: Resource) -> web.Response:
    """Return the record that the path names as the response. Raises NotFound."""
    async with reading(request) as connection:
        return record_response(request, await noun.find(connection, workspace_of(request), path_id(request)))


async def delete_record(
    request: web.Request, delete: Callable[[AsyncConnection, int, int], Awaitable[None]]
) -> web.Response:
    """Return 204 after `delete(connection, workspace_id, id)` has deleted the record that the path names."""
    workspace, id_ = workspace_of(request), path_id(request)
    await writing(request, lambda connection: delete(connection, workspace, id_))
    return web.Response(status=204)


async def write_unique(request: web.Request, errors: FieldErrors, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Return the result of `work` in a transaction. Raises ValidationFailed with `errors` on a unique violation."""
    try:
        return await writing(request, work)
    except IntegrityError as error:
        raise ValidationFailed(errors) from error
