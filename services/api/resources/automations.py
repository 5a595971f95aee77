"""`/api/v1/automations`."""

from functools import partial

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api import automations
from services.api import runs as rows
from services.api.automations import AUTOMATIONS, RUNS
from services.api.bounds import expect_room
from services.api.pages import page_of, paged
from services.api.records import Record, created_record, delete_record, list_records, show_record
from services.api.requests import body_of, check, json_of, workspace_of
from services.api.shapes.automations import AutomationFields, AutomationRecord, RunFields, RunRecord
from services.api.state import SETTINGS, VAULT, listing, reading, writing
from shared.errors import Fields
from shared.models import AutomationRun
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import description, gives, takes
from shared.web.paths import id_in

EXAMPLE = {
    "name": "Asked for prices",
    "trigger": {"type": "tag_added", "tag": "pricing"},
    "steps": [
        {"condition": {"field": "email", "operator": "is_not_empty"}},
        {"action": {"type": "set_status", "status": "qualified"}},
    ],
}


@needs("read:automations")
@gives(AutomationRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the automations, newest first."""
    return await list_records(request, AUTOMATIONS)


@needs("write:automations")
@takes(AutomationFields, required=("name", "trigger", "steps"), example=EXAMPLE)
@gives(AutomationRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Create an automation. It acts on every later event, from any source.

    A workspace may have 200 automations, unless its operator sets another number (`LEADHUB_MAX_AUTOMATIONS`). One more
    is a conflict: 409.
    """
    workspace, most = workspace_of(request), request.app[SETTINGS].max_automations
    sent, fields, errors = await _sent(request)

    async def create_in_transaction(connection: AsyncConnection) -> Record:
        sealed, wrong = automations.seal(request.app[VAULT], fields, None)
        check(await automations.unknown(connection, workspace, sent) | wrong | errors)
        await expect_room(connection, workspace, AUTOMATIONS, "automations", most, "LEADHUB_MAX_AUTOMATIONS")
        return await automations.insert_automation(connection, workspace, sealed)

    made = await writing(request, create_in_transaction)
    return created_record(made, "/api/v1/automations")


@needs("read:automations")
@gives(AutomationRecord)
async def show(request: web.Request) -> web.Response:
    """Show an automation."""
    return await show_record(request, AUTOMATIONS)


@needs("write:automations")
@takes(AutomationFields, example={"description": "Whoever asks for prices is qualified."})
@gives(AutomationRecord)
async def update(request: web.Request) -> web.Response:
    """Change an automation. Waiting runs keep the steps they began with. Deactivating it stops them."""
    workspace, id_ = workspace_of(request), id_in(request)
    sent, fields, errors = await _sent(request)

    async def update_in_transaction(connection: AsyncConnection) -> Record:
        stored = await automations.secrets_of(connection, workspace, id_)
        sealed, wrong = automations.seal(request.app[VAULT], fields, stored)
        check(await automations.unknown(connection, workspace, sent) | wrong | errors)
        return await automations.update_automation(connection, workspace, id_, sealed)

    return answer({"data": await writing(request, update_in_transaction)})


@needs("delete:automations")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete an automation. Its waiting runs end."""
    return await delete_record(request, automations.remove)


@needs("read:automations")
@gives(RunRecord, listed=True)
async def runs(request: web.Request) -> web.Response:
    """List an automation's runs, newest first, with the outcome of every step.

    A step names its deliveries. Where one failed the step has failed, and so has the run.
    """
    workspace, id_, page = workspace_of(request), id_in(request), page_of(request)
    async with listing(request) as connection:
        await AUTOMATIONS.find(connection, workspace, id_)
        found, total = await RUNS.page(connection, workspace, page, AutomationRun.automation_id == id_)
        found = await rows.shown(connection, workspace, found)
    return answer(paged(request, found, page, total))


@needs("write:automations")
@takes(RunFields, required=("lead_id",), example={"lead_id": 1})
@gives(RunRecord, status=202, other_statuses=(200, 409))
async def run(request: web.Request) -> web.Response:
    """Run an automation for one lead, whatever its trigger. A dry run (200) shows what each step would do."""
    workspace, id_ = workspace_of(request), id_in(request)
    fields = await body_of(request)
    lead_id = fields["lead_id"]
    if fields.get("dry_run"):
        async with reading(request) as connection:
            steps, show = await automations.rehearse(connection, workspace, id_, lead_id)
        return answer({"data": await automations.in_turn(request, steps, show)})
    made = await writing(request, lambda connection: automations.run(connection, workspace, id_, lead_id))
    return answer({"data": made}, 202)


async def _sent(request: web.Request) -> tuple[Record, Record, Fields]:
    """Return the raw body, to check its ids against the database, the valid fields, and the errors of the others."""
    shape = description(request.match_info.handler).takes
    assert shape is not None  # noqa: S101
    sent = await json_of(request)
    fields, errors = await automations.in_turn(request, sent.get("steps"), partial(shape.read, sent))
    return sent, fields, errors
