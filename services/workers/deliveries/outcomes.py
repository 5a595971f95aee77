"""Decide the outcome of an attempt: sent, retried later, or failed for a reason. Pure."""

from dataclasses import dataclass, replace

from services.workers.deliveries import backoff
from services.workers.deliveries.types import AttemptResult, ClaimedDelivery, SkippedDelivery
from shared.outbound.trial_events import TRIAL_EVENTS

TRY_LATER_STATUSES = (408, 425, 429)
GONE_STATUS = 410


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """The outcome of an attempt.

    `state` is `sent`, `failed`, `cancelled`, `suppressed`, or `pending` with `retry_in_seconds`. `is_receiver_well`:
    whether the receiver works; None if it was not asked or the message is at fault. `is_gone`: the receiver wants no
    more messages. `is_given_up`: this was the last attempt of the schedule.
    """

    claimed: ClaimedDelivery
    state: str
    answer: AttemptResult
    retry_in_seconds: float | None = None
    is_receiver_well: bool | None = None
    is_gone: bool = False
    is_given_up: bool = False


def skipped_outcome(claimed: ClaimedDelivery, skipped: SkippedDelivery) -> DeliveryOutcome:
    """Return the outcome of a delivery that was not sent."""
    return DeliveryOutcome(claimed, skipped.state, AttemptResult(error=skipped.reason))


def decide_outcome(claimed: ClaimedDelivery, answer: AttemptResult) -> DeliveryOutcome:
    """Return the outcome of an attempt that was made."""
    webhook = claimed.kind == "webhook"
    if answer.error is None:
        if _is_success(answer):
            return DeliveryOutcome(claimed, "sent", answer, is_receiver_well=True)
        hopeless = answer.status == GONE_STATUS if webhook else _is_refusal(answer)
        answer = replace(answer, error=f"The receiver answered {answer.status}.", hopeless=hopeless)
    if answer.hopeless:
        gone = webhook and answer.status == GONE_STATUS
        return DeliveryOutcome(claimed, "failed", answer, is_receiver_well=False if gone else None, is_gone=gone)
    is_trial = claimed.event in TRIAL_EVENTS
    wait = None if is_trial else backoff.retry_delay(claimed.attempts_since_resend, answer.retry_after)
    well = None if answer.personal else False
    if wait is None:
        return DeliveryOutcome(claimed, "failed", answer, is_receiver_well=well, is_given_up=True)
    return DeliveryOutcome(claimed, "pending", answer, retry_in_seconds=wait, is_receiver_well=well)


def _is_success(answer: AttemptResult) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


def _is_refusal(answer: AttemptResult) -> bool:
    """Return whether a provider's API will never accept this message: any 3xx or 4xx except the temporary ones.

    The receiver of a webhook says so with 410 only.
    """
    return answer.status is not None and 300 <= answer.status < 500 and answer.status not in TRY_LATER_STATUSES
