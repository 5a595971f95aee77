"""The doctor of an integration that tells an ad platform of leads: what it sends, and what came of it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from shared.integrations.conversion_settings import complete_conversions
from shared.integrations.integration_check import CheckedStep
from shared.integrations.integration_management import DecryptedIntegration
from shared.outbound.deliveries import integration_endpoint
from shared.platform.db.connections import Connection

RECENT_EVENTS = 1_000  # of an integration
LAST_SUCCESS_SQL = "SELECT succeeded_at FROM endpoints WHERE workspace_id = %s AND endpoint = %s"
RECENT_STATES_SQL = f"""
SELECT state, reason, count(*) FROM (
    SELECT state, reason FROM conversions WHERE workspace_id = %s AND integration_id = %s
    ORDER BY id DESC LIMIT {RECENT_EVENTS}
) recent GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
CONSENT_ADVICE = (
    "Ask for consent where leads come in, or set conversions.without_consent to send if you have it by other means."
)
SKIP_ADVICE = {"consent_unknown": CONSENT_ADVICE}


async def check_conversions(
    connection: Connection, workspace_id: int, row: Mapping[str, Any], opened: DecryptedIntegration
) -> list[CheckedStep]:
    """Return the steps of the check, in the order in which an event passes them."""
    endpoint = integration_endpoint(row["type"], row["id"])
    success = await (await connection.execute(LAST_SUCCESS_SQL, (workspace_id, endpoint))).fetchone()
    recent = await read_recent_states(connection, workspace_id, row["id"])
    return [
        _active_step(row),
        _credentials_step(opened),
        _events_step(row),
        _consent_step([(reason or "", n) for state, reason, n in recent if state == "skipped"]),
        _sent_step(row, bool(success and success[0]), recent),
    ]


async def read_recent_states(
    connection: Connection, workspace_id: int, integration_id: int
) -> list[tuple[str, str | None, int]]:
    """Return what became of the newest events of an integration: state, reason and how many, the most first."""
    return await (await connection.execute(RECENT_STATES_SQL, (workspace_id, integration_id))).fetchall()


def _active_step(row: Mapping[str, Any]) -> CheckedStep:
    if row["is_active"]:
        return CheckedStep("active", True, "The integration is switched on.", code="on")
    return CheckedStep("active", False, "It is switched off: no event is sent.", "Switch it on.", "off")


def _credentials_step(opened: DecryptedIntegration) -> CheckedStep:
    if opened.problem:
        return CheckedStep("credentials", False, "They cannot be decrypted.", opened.problem, "unreadable")
    return CheckedStep("credentials", True, "All are there.", code="complete")


def _events_step(row: Mapping[str, Any]) -> CheckedStep:
    events = complete_conversions(row["settings"].get("conversions"))["events"]
    if events:
        names = ", ".join(dict.fromkeys(event["event"] for event in events))
        return CheckedStep(
            "events", True, f"These events are sent: {names}.", code="set", values={"count": len(events)}
        )
    advice = "Say in settings.conversions.events which status or stage is which event."
    return CheckedStep("events", False, "No events are set.", advice, "none")


def _consent_step(skipped: list[tuple[str, int]]) -> CheckedStep:
    if not skipped:
        return CheckedStep("skipped", True, "No recent event was skipped.", code="none")
    seen = ", ".join(f"{reason}: {n:,}" for reason, n in skipped)
    advice = next((SKIP_ADVICE[reason] for reason, _ in skipped if reason in SKIP_ADVICE), None)
    return CheckedStep("skipped", None, f"Recent events were skipped ({seen}).", advice, "skipped", dict(skipped))


def _sent_step(row: Mapping[str, Any], has_succeeded: bool, recent: list[tuple[Any, ...]]) -> CheckedStep:
    counts: Counter[str] = Counter()
    for state, _, n in recent:
        counts[state] += n
    seen = f"Of the recent events: {counts['sent']:,} sent, {counts['pending']:,} waiting, {counts['failed']:,} failed."
    if row["last_error"]:
        return CheckedStep("last_sent", False, f"{row['last_error']} {seen}", "Send a test event.", "failed", counts)
    if not has_succeeded:
        return CheckedStep("last_sent", None, "Nothing was sent yet.", "Send a test event.", "none")
    return CheckedStep("last_sent", True, seen, code="sent", values=counts)
