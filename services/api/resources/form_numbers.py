"""`/api/v1/forms/{id}/numbers`: how often a form was seen, begun, sent and held."""

from dataclasses import asdict

from aiohttp import web

from services.api.context import driver_connection, reading
from services.api.record_responses import record_response
from services.api.request_parsing import query_of, workspace_of
from services.api.schemas.forms import FormNumbersQuery, FormNumbersRecord
from shared.forms.form_editing import find_form
from shared.forms.form_numbers import read_form_numbers
from shared.platform.web.openapi import query_params, responds
from shared.platform.web.path_params import path_id
from shared.service_app.authorization import requires_scope

DEFAULT_NUMBERS_DAYS = 7


@requires_scope("read:forms")
@query_params(FormNumbersQuery)
@responds(FormNumbersRecord)
async def show(request: web.Request) -> web.Response:
    """Show a form's numbers in the last `days`, 7 unless said: in all, by day (UTC), and by source.

    A script that is blocked, or a page that is kept by a proxy, is not counted as a view. Counts trail by a second.
    """
    workspace, id_ = workspace_of(request), path_id(request)
    days = query_of(request).get("days", DEFAULT_NUMBERS_DAYS)
    async with reading(request) as connection:
        database = await driver_connection(connection)
        await find_form(database, workspace, id_)
        numbers = await read_form_numbers(database, workspace, id_, days)
    by_day = [{"date": day, **asdict(figures)} for day, figures in numbers.by_day.items()]
    by_source = [{"source": source, **asdict(figures)} for source, figures in numbers.by_source.items()]
    record = {"days": days, "total": asdict(numbers.total), "by_day": by_day, "by_source": by_source}
    return record_response(request, record)
