"""The tool that replays, releases, rejects or sends again what failed or is held, as a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from services.mcp_server.failure_tools import JOB_FIELDS, SubmissionNumber
from services.mcp_server.lead_tools import RecordNumber, SearchText, TimeText
from services.mcp_server.leadhub_api import KeyedApi
from services.mcp_server.shown_values import refuse_hidden
from services.mcp_server.told_records import told_record, told_records
from services.mcp_server.tool_calls import current_call
from services.mcp_server.two_step_writes import AskedPerson, ConfirmToken, WritePlan, carry_out

SteeringAction = Literal["replay", "release", "reject", "resend"]
MAX_CAUSE_ROWS = 1_000  # the ids that a filter may name
PAGE_SIZE = 100
EXAMPLE_ROWS = 3

ACTION_PATHS: dict[SteeringAction, str] = {
    "replay": "submissions/replay",
    "release": "submissions/release",
    "reject": "submissions/reject",
    "resend": "deliveries/resend",
}
ACTION_UNDOS: dict[SteeringAction, str] = {
    "replay": "Call undo with kind job and the id of the job: it stops what was not handled yet. What was replayed "
    "stays so; leads that came of it can be merged or changed.",
    "release": "Call undo with kind job and the id of the job: it stops what was not handled yet. What was released "
    "stays so.",
    "reject": "Call replay_or_release with action release and the same filter, with rejected true.",
    "resend": "Call undo with kind job and the id of the job: it stops what was not handled yet. A message that was "
    "sent cannot be taken back.",
}
CAUSE_KINDS: dict[SteeringAction, str] = {"replay": "submission", "resend": "delivery"}
OTHER_CAUSE_MESSAGE = "Cause {id} is of the kind {kind}: {action} is for others."
NO_CAUSE_MESSAGE = "A cause_id goes with replay and resend alone."
LARGE_CAUSE_MESSAGE = (
    "Cause {id} has more than {limit} failures. Narrow it by source or time in place of the cause_id, or have a person "
    "replay it in the console."
)
OTHER_IDS_MESSAGE = "delivery_ids go with resend, submission_ids with the other actions."
TWICE_MESSAGE = "Name a cause_id or ids, not both."


@dataclass(frozen=True)
class SteeringFilter:
    """What the caller asked for."""

    action: SteeringAction
    cause_id: int | None
    ids: list[Any] | None
    source: str | None
    received_after: str | None
    received_before: str | None
    rejected: bool | None

    def fields(self, ids: list[Any] | None) -> dict[str, Any]:
        """Return the filter as the API wants it."""
        after, before = (
            ("created_after", "created_before") if self.action == "resend" else ("received_after", "received_before")
        )
        named: dict[str, Any] = {after: self.received_after, before: self.received_before, "ids": ids}
        if self.action != "resend":
            named |= {"source": self.source, "rejected": self.rejected}
        return {name: value for name, value in named.items() if value is not None}


async def replay_or_release(
    approval: AskedPerson,
    action: Annotated[
        SteeringAction,
        Field(description="replay dead submissions; release or reject held ones; resend failed deliveries."),
    ],
    cause_id: Annotated[
        RecordNumber | None, Field(description="Of replay and resend: all failures of a cause.")
    ] = None,
    submission_ids: Annotated[list[SubmissionNumber], Field(max_length=100)] | None = None,
    delivery_ids: Annotated[list[RecordNumber], Field(max_length=100)] | None = None,
    source: SearchText | None = None,
    received_after: TimeText | None = None,
    received_before: TimeText | None = None,
    rejected: Annotated[bool | None, Field(description="Of release: those that were rejected, too.")] = None,
    with_automations: Annotated[bool, Field(description="False: no automations, mails and webhooks.")] = True,
    reason: Annotated[str, Field(max_length=500)] | None = None,
    confirm_token: ConfirmToken = None,
) -> dict[str, Any]:
    """Replay, release, reject or send again what matches, as a job, in two steps. Mend the cause first.

    The first call counts. The second one starts the job for exactly these, if there are still as many; `follow_job`
    says what became of them. Without any filter it is all that the action can take.
    """
    call = current_call()
    ids = delivery_ids if action == "resend" else submission_ids
    if (submission_ids if action == "resend" else delivery_ids) is not None:
        raise ToolError(OTHER_IDS_MESSAGE)
    wanted = SteeringFilter(action, cause_id, ids, source, received_after, received_before, rejected)
    fields = wanted.fields(await _named_ids(call.api, wanted))
    as_of = call.confirmed.as_of if call.confirmed else None
    counted = await _count(call.api, action, fields, as_of)
    refuse_hidden("reason", reason)
    options: dict[str, Any] = {"reason": reason} if reason else {}
    if action in ("replay", "release"):
        options |= {"with_automations": with_automations}

    async def send() -> dict[str, Any]:
        confirmed = {"confirm": counted["count"], "as_of": counted["as_of"]}
        job = await call.api.post(ACTION_PATHS[action], {"filter": fields, **options, **confirmed})
        return {"job": told_record(job, JOB_FIELDS), "next": "follow_job says what became of them."}

    shown: dict[str, Any] = {"action": action, "as_of": counted["as_of"]}
    if examples := counted.get("examples"):
        shown["examples"] = told_records(examples)
    values = {"action": action, **_asked_fields(wanted), **options}
    count = counted["count"]
    plan = WritePlan(count, shown, [fields, options], ACTION_UNDOS[action], values, send, counted["as_of"])
    return await carry_out(plan, approval)


def _asked_fields(wanted: SteeringFilter) -> dict[str, Any]:
    """Return the filter as a person is asked about it: a cause by its id, not by those of its failures."""
    return {**wanted.fields(wanted.ids), **({"cause_id": wanted.cause_id} if wanted.cause_id is not None else {})}


async def _count(api: KeyedApi, action: SteeringAction, fields: Mapping[str, Any], as_of: str | None) -> dict[str, Any]:
    if fields.get("ids") == []:
        return {"count": 0, "as_of": as_of}
    body: dict[str, Any] = {"filter": fields}
    if as_of is not None:
        body["as_of"] = as_of
    elif action == "replay":
        body["preview"] = EXAMPLE_ROWS
    return await api.post(ACTION_PATHS[action], body)


async def _named_ids(api: KeyedApi, wanted: SteeringFilter) -> list[Any] | None:
    """Return the ids that the filter has to name: those that were sent, or those of the cause."""
    if wanted.cause_id is None:
        return wanted.ids
    if wanted.ids is not None:
        raise ToolError(TWICE_MESSAGE)
    if wanted.action not in CAUSE_KINDS:
        raise ToolError(NO_CAUSE_MESSAGE)
    cause = await api.read(f"operations/causes/{wanted.cause_id}")
    if cause["kind"] != CAUSE_KINDS[wanted.action]:
        raise ToolError(OTHER_CAUSE_MESSAGE.format(id=wanted.cause_id, kind=cause["kind"], action=wanted.action))
    return await _cause_ids(api, wanted.action, wanted.cause_id)


async def _cause_ids(api: KeyedApi, action: SteeringAction, cause_id: int) -> list[Any]:
    path, ids = "deliveries" if action == "resend" else "submissions", []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.get(path, cause=cause_id, cursor=cursor, per_page=PAGE_SIZE)
        ids += [row["id"] for row in page["data"]]
        cursor = page["meta"]["next_cursor"]
        if len(ids) > MAX_CAUSE_ROWS:
            raise ToolError(LARGE_CAUSE_MESSAGE.format(id=cause_id, limit=MAX_CAUSE_ROWS))
    return sorted(ids)
