"""Tools that say what failed or is held, why, and what became of it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.mcp_server.lead_tools import RecordNumber, RowLimit
from services.mcp_server.told_records import told_record, told_records
from services.mcp_server.tool_calls import current_call

SubmissionNumber = Annotated[str, Field(pattern=r"^[0-9a-fA-F-]{36}$", description="The id of a submission, a UUID.")]

STATE_MEANINGS = {
    "accepted": "It waits to be processed.",
    "done": "It was processed; lead_id is the lead that came of it.",
    "dead": "It failed five times and its lead was not touched. Mend the cause, then replay it.",
    "quarantined": "It is held: as suspected spam, or since its sender has not confirmed the address. "
    "Release it, or reject it.",
    "replayed": "It is on its way again.",
}
SUBMISSION_LINE_FIELDS = ("id", "state", "channel", "source", "lead_id", "error", "attempts", "received_at", "spam")
DELIVERY_LINE_FIELDS = ("id", "kind", "event", "lead_id", "state", "attempts", "error", "created_at")
JOB_FIELDS = (
    *("id", "kind", "state", "total", "done", "failed", "skipped", "died_again", "afterwards", "rate", "reason"),
    *("error", "created_at", "started_at", "finished_at"),
)
LANE_FIELDS = ("is_paused", "depth", "oldest_s", "in_per_s", "out_per_s", "forecast", "pause")
CAUSE_HINTS = {
    "submission": "Once its cause is mended: replay_or_release with action replay and this cause_id.",
    "delivery": "Once its receiver answers again: replay_or_release with action resend and this cause_id.",
    "automation_run": "Runs of automations cannot be repeated. Mend the automation in the console.",
}


async def explain_submission(submission_id: SubmissionNumber) -> dict[str, Any]:
    """Show what became of a submission: its state, its error, why it is held, and what was sent."""
    found = await current_call().api.read(f"submissions/{submission_id}")
    return {"meaning": STATE_MEANINGS.get(found["state"], ""), "submission": told_record(found)}


async def dead_or_held(
    cause_id: Annotated[RecordNumber | None, Field(description="Show what failed of this cause.")] = None,
    held: Annotated[bool, Field(description="Show submissions that are held as suspected spam.")] = False,
    state: Annotated[Literal["open", "ignored", "fixed"], Field(description="Of causes.")] = "open",
    limit: RowLimit = 20,
) -> dict[str, Any]:
    """Show what failed or is held: at first groups by cause with counts, then with `cause_id` the failures of one.

    A cause is of a submission that died, of a delivery, or of a run of an automation.
    """
    api = current_call().api
    if cause_id is not None:
        return await _show_cause(cause_id, limit)
    if held:
        page = await api.get("submissions", state="quarantined", per_page=limit)
        return {"total": page["meta"].get("total"), "held": told_records(page["data"], SUBMISSION_LINE_FIELDS)}
    counts = (await api.get("operations"))["data"]["dead_letters"]
    page = await api.get("operations/causes", state=state, per_page=limit)
    return {"failed_or_held": told_record(counts), "causes": told_records(page["data"])}


async def health() -> dict[str, Any]:
    """Show whether work flows: submissions by state, what waits in each lane, paused lanes, processes."""
    operations = (await current_call().api.get("operations"))["data"]
    workers = operations["workers"]
    return {
        "ledger": told_record(operations["ledger"]),
        "failed_or_held": told_record(operations["dead_letters"]),
        "oldest_waiting_s": operations["oldest_waiting_s"],
        "lanes": [{"lane": lane["name"], **told_record(lane, LANE_FIELDS)} for lane in operations["lanes"]],
        "processes": len(workers),
        "processes_alive": sum(bool(worker["is_alive"]) for worker in workers),
    }


async def follow_job(job_id: RecordNumber, limit: RowLimit = 10) -> dict[str, Any]:
    """Show how far a job came, and the rows that failed. `afterwards` tells how what it replayed stands now."""
    api = current_call().api
    job = await api.read(f"jobs/{job_id}")
    failed = await api.get(f"jobs/{job_id}/items", outcome="failed", per_page=limit)
    return {"job": told_record(job, JOB_FIELDS), "failed_rows": told_records(failed["data"])}


async def _show_cause(cause_id: int, limit: int) -> dict[str, Any]:
    api = current_call().api
    cause = await api.read(f"operations/causes/{cause_id}")
    answer: dict[str, Any] = {"cause": told_record(cause), "next": CAUSE_HINTS[cause["kind"]]}
    if cause["kind"] == "submission":
        page = await api.get("submissions", cause=cause_id, per_page=limit)
        answer["failures"] = told_records(page["data"], SUBMISSION_LINE_FIELDS)
    elif cause["kind"] == "delivery" and current_call().profile.has_scopes("read:integrations"):
        page = await api.get("deliveries", cause=cause_id, per_page=limit)
        answer["failures"] = told_records(page["data"], DELIVERY_LINE_FIELDS)
    return answer
