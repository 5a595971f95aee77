"""Decide the outcome of an attempt: sent, retried later, or failed for a reason. Pure."""

from dataclasses import dataclass, replace

from services.workers.deliveries import backoff
from services.workers.deliveries.messages import Answer, Claimed, Unsent

TRY_LATER = (408, 425, 429)
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt.

    `state` is `sent`, `failed`, `cancelled`, `suppressed`, or `pending` with the seconds to `wait`. `well`: whether the
    receiver works; None if it was not asked or the message is at fault. `gone`: the receiver wants no more messages.
    `given_up`: this was the last attempt of the schedule.
    """

    claimed: Claimed
    state: str
    answer: Answer
    wait: float | None = None
    well: bool | None = None
    gone: bool = False
    given_up: bool = False


def unsent(claimed: Claimed, unsent: Unsent) -> Outcome:
    """Return the outcome of a delivery that was not sent."""
    return Outcome(claimed, unsent.state, Answer(error=unsent.reason))


def decide(claimed: Claimed, answer: Answer) -> Outcome:
    """Return the outcome of an attempt that was made."""
    webhook = claimed.kind == "webhook"
    if answer.error is None:
        if _is_success(answer):
            return Outcome(claimed, "sent", answer, well=True)
        hopeless = answer.status == GONE if webhook else _is_refusal(answer)
        answer = replace(answer, error=f"The receiver answered {answer.status}.", hopeless=hopeless)
    if answer.hopeless:
        gone = webhook and answer.status == GONE
        return Outcome(claimed, "failed", answer, well=False if gone else None, gone=gone)
    wait = backoff.pause(claimed.tries, answer.retry_after)
    well = None if answer.personal else False
    if wait is None:
        return Outcome(claimed, "failed", answer, well=well, given_up=True)
    return Outcome(claimed, "pending", answer, wait=wait, well=well)


def _is_success(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


def _is_refusal(answer: Answer) -> bool:
    """Return whether a provider's API will never accept this message: any 3xx or 4xx except the temporary ones.

    The receiver of a webhook says so with 410 only.
    """
    return answer.status is not None and 300 <= answer.status < 500 and answer.status not in TRY_LATER
