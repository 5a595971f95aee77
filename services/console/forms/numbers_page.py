"""The numbers of a form: how many saw it, began it and sent it, by day and by where they came from."""

from aiohttp import web

from services.console.forms.builder_view import builder_path
from services.console.forms.charts import days_chart, funnel_steps
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.forms.form_editing import find_form
from shared.forms.form_numbers import read_form_numbers
from shared.platform.web.path_params import path_id

NUMBER_SPANS = (7, 30, 90)  # days


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the numbers of the last `days`. Days begin at midnight of the reader's time zone."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    wanted = view.request.query.get("days", "")
    days = next((span for span in NUMBER_SPANS if str(span) == wanted), NUMBER_SPANS[0])
    async with view.console.reading() as connection:
        form = await find_form(connection, workspace_id, id_)
        numbers = await read_form_numbers(connection, workspace_id, id_, days, str(view.zone))
    return await view.render(
        "forms/numbers.html",
        form=form,
        days=days,
        spans=NUMBER_SPANS,
        numbers=numbers,
        total=numbers.total,
        steps=funnel_steps(view, numbers.total),
        chart=days_chart(view, numbers.by_day, days),
        address=lambda below="", **query: builder_path(view, id_, below, **query),
    )
