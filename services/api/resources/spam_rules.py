"""`/api/v1/spam-rules`: senders and words that public forms always allow or always hold."""

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection, writing
from services.api.crud import RecordDict, Resource, delete_record, list_records
from services.api.record_responses import created_response
from services.api.request_parsing import body_of, workspace_of
from services.api.schemas.spam_rules import SpamRuleFields, SpamRuleRecord
from shared.models import SpamRuleRow
from shared.platform.web.openapi import request_body, responds
from shared.service_app.authorization import API_KEY, requires_scope
from shared.spam.spam_rule_management import create_rule, delete_rule

SPAM_RULE_RESOURCE = Resource(SpamRuleRow, SpamRuleRecord)


@requires_scope("read:forms")
@responds(SpamRuleRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the spam rules, newest first."""
    return await list_records(request, SPAM_RULE_RESOURCE)


@requires_scope("write:forms")
@request_body(
    SpamRuleFields,
    required=("kind", "value", "verdict"),
    example={"kind": "domain", "value": "spam.example", "verdict": "hold"},
)
@responds(SpamRuleRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Make a rule about visitors' submissions. It takes effect at once.

    Of several rules that match, the most telling kind decides: `email`, `domain`, `address`, then `word`. A domain that
    is held is looked for in the links of texts too.
    """
    workspace, fields, author = workspace_of(request), await body_of(request), request[API_KEY].name

    async def create_in_transaction(connection: AsyncConnection) -> RecordDict:
        return await create_rule(
            await driver_connection(connection),
            workspace,
            fields["kind"],
            fields["value"],
            fields["verdict"],
            form_id=fields.get("form_id"),
            author=author,
        )

    return created_response(request, await writing(request, create_in_transaction), "/api/v1/spam-rules")


@requires_scope("write:forms")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a rule."""

    async def delete_in_transaction(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
        await delete_rule(await driver_connection(connection), workspace_id, id_)

    return await delete_record(request, delete_in_transaction)
