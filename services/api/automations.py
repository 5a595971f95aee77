"""The rules of automations: what they may refer to, how their secrets are kept, and running them by hand.

Each function works in its caller's transaction.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, TypeVar

import orjson
from aiohttp import web
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import LARGE_AUTOMATION_LIMITER, SMALL_AUTOMATION_LIMITER, driver_connection, fair_slot
from services.api.crud import RecordDict, Resource
from services.api.lead_ids import find_answering_lead
from services.api.schemas.automations import AutomationRecord, RunRecord
from shared.accounting import counters
from shared.automations import inactivity
from shared.automations.action_handlers import next_turn
from shared.automations.definition import DefinitionReference, find_references
from shared.automations.step_runner import run_steps
from shared.automations.workspace_context import load_contexts
from shared.leads.lead_records import read_leads
from shared.models import (
    Automation,
    AutomationRun,
    Form,
    Integration,
    PipelineStage,
    RoundRobinCounter,
    User,
    folded_count,
)
from shared.platform.crypto.encryption import Cipher, DecryptionError, TransactionCipher
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed
from shared.platform.masking import SECRET_MASK

T = TypeVar("T")
StepList = Sequence[Mapping[str, Any]]
DryRunResult = Callable[[], RecordDict]

LARGE_STEPS_CHARS = 4_000  # characters of steps: their templates take up to 35 ms to compile

REFERENCED_MODELS: dict[str, Any] = {"user": User, "stage": PipelineStage, "integration": Integration, "form": Form}
LOCKED_REFERENCE_KIND = (
    "integration"  # cannot be deleted while automations refer to it; a run reports other missing records
)
LEAD_NOT_FOUND_ERRORS = {"lead_id": ["There is no such lead."]}


_RUNS = folded_count("automation", Automation.workspace_id, Automation.id)
_LAST_RUN: ColumnElement[datetime] = (
    select(AutomationRun.created_at)
    .where(
        AutomationRun.workspace_id == Automation.workspace_id,
        AutomationRun.automation_id == Automation.id,
    )
    .order_by(AutomationRun.id.desc())
    .limit(1)
    .scalar_subquery()
)
AUTOMATION_RESOURCE = Resource(Automation, AutomationRecord, {"runs_count": _RUNS, "last_run_at": _LAST_RUN})
RUN_RESOURCE = Resource(AutomationRun, RunRecord)


async def missing_references(connection: AsyncConnection, workspace_id: int, fields: RecordDict) -> FieldErrors:
    """Return errors, by field, for references to records that are not in the workspace.

    Integrations are locked until the definition is saved. A concurrent delete waits, and then sees that they are in
    use.
    """
    named = list(find_references(fields.get("trigger"), fields.get("steps")))
    errors: FieldErrors = {}
    for kind, model in REFERENCED_MODELS.items():
        ids = {reference.id for reference in named if reference.kind == kind}
        if ids:
            query = select(model.id).where(model.workspace_id == workspace_id, model.id.in_(ids)).order_by(model.id)
            query = query.with_for_update(read=True, key_share=True) if kind == LOCKED_REFERENCE_KIND else query
            errors |= _errors_of_kind(named, kind, set((await connection.execute(query)).scalars()))
    return errors


def _errors_of_kind(named: Iterable[DefinitionReference], kind: str, known_ids: set[int]) -> FieldErrors:
    return {
        reference.field: [f"There is no {kind} {reference.id}."]
        for reference in named
        if reference.kind == kind and reference.id not in known_ids
    }


def webhook_actions(steps: StepList) -> list[tuple[int, dict[str, Any]]]:
    """Return the actions that post to an address, with the numbers of their steps."""
    actions = [(index, step["action"]) for index, step in enumerate(steps) if "action" in step]
    return [(index, action) for index, action in actions if action["type"] == "send_webhook"]


def encrypt_secrets(
    cipher: TransactionCipher, fields: RecordDict, stored: bytes | None
) -> tuple[RecordDict, FieldErrors]:
    """Take the secrets out of the steps and encrypt them, by URL. Return the fields, and what is wrong with them.

    A mask that is sent back stands for the stored secret. Earlier secrets are kept, since waiting runs may need them.
    Secrets under a lost encryption key are unreadable and stay as they are until a new one is sent.
    """
    errors: FieldErrors = {}
    fields = deepcopy(fields)  # a transaction may be retried
    actions = webhook_actions(fields.get("steps") or ())
    secrets = _decrypt_secrets(cipher, stored) if actions else {}
    for index, action in actions:
        secret = action.get("secret")
        if secret == SECRET_MASK and action["url"] not in secrets:
            errors[f"steps.{index}.action.secret"] = ["Send the secret itself: none is stored for this URL."]
        elif secret and secret != SECRET_MASK:
            secrets[action["url"]] = secret
            action["secret"] = SECRET_MASK
    if secrets:
        fields["secrets"] = cipher.encrypt(orjson.dumps(secrets).decode())
    return fields, errors


def _decrypt_secrets(cipher: Cipher, stored: bytes | None) -> dict[str, str]:
    try:
        return orjson.loads(cipher.decrypt(stored)) if stored else {}
    except DecryptionError:
        return {}


async def lock_and_read_secrets(connection: AsyncConnection, workspace_id: int, id_: int) -> bytes | None:
    """Return the stored secrets, encrypted, and lock the automation. Raises NotFound."""
    query = select(Automation.secrets).where(Automation.workspace_id == workspace_id, Automation.id == id_)
    row = (await connection.execute(query.with_for_update())).first()
    if row is None:
        raise NotFound
    return row[0]


async def update_inactivity_timers(connection: AsyncConnection, workspace_id: int, automation: RecordDict) -> None:
    """Start the inactivity timers of a `no_activity` automation, or stop those of any other automation."""
    waits = automation["is_active"] and automation["trigger"]["type"] == "no_activity"
    minutes = automation["trigger"]["minutes"] if waits else None
    await inactivity.restart_timers_of(await driver_connection(connection), workspace_id, automation["id"], minutes)


async def delete_automation(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    """Delete an automation and end its runs. Raises NotFound."""
    await AUTOMATION_RESOURCE.delete(connection, workspace_id, id_)
    await inactivity.restart_timers_of(await driver_connection(connection), workspace_id, id_, None)
    for model in (AutomationRun, RoundRobinCounter):
        where = [model.workspace_id == workspace_id, model.automation_id == id_]
        if model is AutomationRun:
            where.append(AutomationRun.due_at.is_not(None))
        await connection.execute(delete(model).where(*where))


async def start_manual_run(connection: AsyncConnection, workspace_id: int, id_: int, lead_id: int) -> RecordDict:
    """Create a run that the engine starts at once. Raises NotFound, ValidationFailed, Conflict."""
    automation = await AUTOMATION_RESOURCE.find(connection, workspace_id, id_)
    answering = await find_answering_lead(connection, workspace_id, lead_id)
    if answering is None:
        raise ValidationFailed(LEAD_NOT_FOUND_ERRORS)
    if not automation["is_active"]:
        raise Conflict("The automation is switched off.")
    row = {"trigger_key": f"manual:{uuid.uuid4()}", "automation_id": id_, "lead_id": answering, "state": "waiting"}
    found = await RUN_RESOURCE.insert(connection, workspace_id, {**row, "due_at": func.now()})
    await counters.add_counts(await driver_connection(connection), {(workspace_id, "automation", id_): 1})
    return found


async def in_bounded_thread(request: web.Request, steps: Any, work: Callable[[], T]) -> T:
    """Run `work`, which compiles or renders the steps' templates, in a thread.

    Each workspace gets one such thread at a time. Large steps get one at a time in all. Raises ServiceUnavailable.
    """
    async with fair_slot(
        request, LARGE_AUTOMATION_LIMITER if len(str(steps)) > LARGE_STEPS_CHARS else SMALL_AUTOMATION_LIMITER
    ):
        return await asyncio.to_thread(work)


async def prepare_dry_run(
    connection: AsyncConnection, workspace_id: int, id_: int, lead_id: int
) -> tuple[StepList, DryRunResult]:
    """Return the steps of a dry run, and a function that shows what each would do for the lead as it is now.

    Raises NotFound and ValidationFailed.
    """
    automation = await AUTOMATION_RESOURCE.find(connection, workspace_id, id_)
    lead_id = await find_answering_lead(connection, workspace_id, lead_id) or lead_id
    leads = await read_leads(await driver_connection(connection), [(workspace_id, lead_id)])
    if not leads:
        raise ValidationFailed(LEAD_NOT_FOUND_ERRORS)
    lead, steps = leads[workspace_id, lead_id], automation["steps"]
    scene = (await load_contexts(await driver_connection(connection), [(workspace_id, steps, lead)]))[workspace_id]
    turns = await _round_robin_counters(connection, workspace_id, id_)

    def next_user(step: int, there: Sequence[bool]) -> int:
        return next_turn(turns.get(step, 0), there)

    def show_outcomes() -> RecordDict:
        walked = run_steps(steps, 0, lead, scene, next_user, over_delays=True)
        blank: RecordDict = dict.fromkeys(RunRecord.__annotations__)
        outcomes = [{**outcome, "deliveries": []} for outcome in walked.outcomes]
        return blank | {"automation_id": id_, "lead_id": lead_id, "state": walked.state, "steps": outcomes}

    return steps, show_outcomes


async def _round_robin_counters(connection: AsyncConnection, workspace_id: int, id_: int) -> dict[int, int]:
    query = select(RoundRobinCounter.step, RoundRobinCounter.n).where(
        RoundRobinCounter.workspace_id == workspace_id, RoundRobinCounter.automation_id == id_
    )
    return {row.step: row.n for row in await connection.execute(query)}


async def insert_automation(connection: AsyncConnection, workspace_id: int, fields: RecordDict) -> RecordDict:
    """Create an automation and its inactivity timers."""
    made = await AUTOMATION_RESOURCE.insert(connection, workspace_id, _with_trigger_type(fields))
    await update_inactivity_timers(connection, workspace_id, made)
    return made


async def update_automation(connection: AsyncConnection, workspace_id: int, id_: int, fields: RecordDict) -> RecordDict:
    """Update an automation and its inactivity timers. Raises NotFound."""
    changed = await AUTOMATION_RESOURCE.update(connection, workspace_id, id_, _with_trigger_type(fields))
    if fields.keys() & {"trigger", "is_active"}:
        await update_inactivity_timers(connection, workspace_id, changed)
    return changed


def _with_trigger_type(fields: RecordDict) -> RecordDict:
    return {**fields, "trigger_type": fields["trigger"]["type"]} if "trigger" in fields else fields
