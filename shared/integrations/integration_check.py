"""The doctor of an integration: step by step, whether leads can come in, what was seen, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.integrations.catalogue import INTEGRATION_TYPES, PROVIDERS_BY_TYPE
from shared.integrations.integration_management import DecryptedIntegration
from shared.integrations.webhook_exchange import SPLIT_ADVICE
from shared.operations.source_report import HANDSHAKE_REASON, SourceReport, find_source_report
from shared.platform.db.connections import Connection

PENDING_FETCHES_SQL = """
SELECT count(*), min(created_at), (array_agg(last_error ORDER BY due_at DESC) FILTER (WHERE last_error IS NOT NULL))[1]
FROM source_fetches WHERE workspace_id = %s AND integration_id = %s
"""
REJECTION_ADVICE = {
    "missing_signature": "The provider sends no signature. Set the secret there, or send from the provider itself.",
    "bad_signature": "The secret here is not the one that the provider signs with. Copy it again from the provider.",
    "stale": "The requests are too old when they come. Check the clock of the sender and of this machine.",
    "wrong_token": "The token or key that comes is not the one set here. Copy it again.",
    "replayed": "A signature came again with another body. If this goes on, renew the secret.",
    "too_many_items": SPLIT_ADVICE,
}
HANDSHAKE_ADVICE = "Enter the secret or verify token of this integration at the provider, and let it check again."


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """A step. `ok` is None where nothing is known yet. `advice` says what to do if it is not ok.

    `code` names what was found, and `values` are its parts, for readers of other languages.
    """

    step: str
    ok: bool | None
    seen: str
    advice: str | None = None
    code: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


async def check_integration(
    connection: Connection,
    workspace_id: int,
    row: Mapping[str, Any],
    opened: DecryptedIntegration,
    report: SourceReport | None = None,
) -> list[CheckedStep]:
    """Return the steps of an integration's check, in the order in which a lead passes them.

    `report` is the source's, if it was read already.
    """
    report = report or await find_source_report(connection, workspace_id, "integration", row["id"])
    asked = (workspace_id, row["id"])
    [(pending, oldest, last_error)] = await (await connection.execute(PENDING_FETCHES_SQL, asked)).fetchall()
    return [
        _switched_on(row),
        _credentials_step(row, opened),
        *([*_handshake_steps(report), _delivery_step(report), _rejection_step(report)] if report else []),
        *_fetch_steps(row, pending, oldest, last_error),
    ]


def _switched_on(row: Mapping[str, Any]) -> CheckedStep:
    if row["is_active"]:
        return CheckedStep("active", True, "The integration is switched on.", code="on")
    seen = "It is switched off: requests are acknowledged and dropped."
    return CheckedStep("active", False, seen, "Switch it on.", "off")


def _credentials_step(row: Mapping[str, Any], opened: DecryptedIntegration) -> CheckedStep:
    if opened.problem:
        return CheckedStep("credentials", False, "They cannot be decrypted.", opened.problem, "unreadable")
    kind = INTEGRATION_TYPES[row["type"]]
    missing = [one for one in kind.fields if one.required and not opened.credentials.get(one.key)]
    if missing:
        seen, values = f"Missing: {', '.join(one.label for one in missing)}.", {"missing": missing}
        return CheckedStep("credentials", False, seen, "Enter them in the settings.", "missing", values)
    unsigned = not opened.credentials and any(one.secret for one in kind.fields)
    if unsigned:
        advice = "Set a secret, so that only the provider can send."
        return CheckedStep("credentials", None, "No secret is set: the address alone protects it.", advice, "unsigned")
    return CheckedStep("credentials", True, "All are there.", code="complete" if kind.fields else "needless")


def _handshake_steps(report: SourceReport) -> list[CheckedStep]:
    """Return what came of the provider's handshake, if there was one. A refused one proves no fault: it is told."""
    if refused := report.refused_handshake:
        seen = f"The last handshake was refused {_ago(refused.last_at)} ago. Deliveries are judged apart from it."
        return [CheckedStep("handshake", None, seen, HANDSHAKE_ADVICE, "refused", {"at": refused.last_at})]
    if answered := report.answered_handshake:
        seen = f"The last handshake was answered {_ago(answered.last_at)} ago."
        return [CheckedStep("handshake", True, seen, code="answered", values={"at": answered.last_at})]
    return []


def _delivery_step(report: SourceReport) -> CheckedStep:
    if report.last_received_at is None:
        advice = "Enter the address at the provider, and send a test lead from there."
        return CheckedStep("last_delivery", None, "Nothing came yet.", advice, "none")
    values = {"at": report.last_received_at, "count": report.received_24h}
    seen = f"The last lead came {_ago(report.last_received_at)} ago; {report.received_24h:,} came within 24 hours."
    if report.is_silent:
        advice = "It is silent for longer than usual. Send a test lead."
        return CheckedStep("last_delivery", False, seen, advice, "silent", values)
    return CheckedStep("last_delivery", True, seen, code="seen", values=values)


def _rejection_step(report: SourceReport) -> CheckedStep:
    if report.last_rejection is None:
        return CheckedStep("last_rejection", True, "No delivery was rejected within a week.", code="none")
    reason, last = report.last_rejection
    count = sum(n for each, n in report.rejected_24h.items() if each != HANDSHAKE_REASON)
    seen = f"{reason}, {_ago(last.last_at)} ago; {count:,} rejections within 24 hours."
    values = {"reason": reason, "at": last.last_at, "count": count}
    is_over = report.last_received_at is not None and report.last_received_at > last.last_at
    advice = None if is_over else REJECTION_ADVICE.get(reason)
    return CheckedStep("last_rejection", is_over, seen, advice, "rejected", values)


def _fetch_steps(
    row: Mapping[str, Any], pending: int, oldest: datetime | None, last_error: str | None
) -> list[CheckedStep]:
    if not (row["type"] in PROVIDERS_BY_TYPE and PROVIDERS_BY_TYPE[row["type"]].is_id_only):
        return []
    if row["last_error"]:
        advice = "Renew the access token in the settings."
        return [CheckedStep("last_fetch", False, str(row["last_error"]), advice, "failed")]
    if not pending or oldest is None:
        return [CheckedStep("last_fetch", True, "No lead waits to be fetched.", code="none")]
    seen = f"{pending:,} leads wait to be fetched, the oldest for {_ago(oldest)}."
    return [CheckedStep("last_fetch", not last_error, seen, last_error, "waiting", {"count": pending, "at": oldest})]


def _ago(at: datetime) -> str:
    seconds = max((datetime.now(UTC) - at).total_seconds(), 0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {unit}{'s' if n > 1 else ''}"
    return f"{int(seconds)} seconds"
