"""What an attempt came to, as data: sent, to be tried again and when, or given up and why. Pure."""

from dataclasses import dataclass, replace

from services.workers.deliveries import backoff
from services.workers.deliveries.messages import Answer, Claimed, Unsent

TRY_LATER = (408, 425, 429)
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state`: `sent`, `failed`, `cancelled`, `suppressed`, or `pending` with seconds to `wait`.

    `well`: how the receiver did (None: it was not asked, or the fault is the message's). `gone`: it wants no more.
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
    """Of a delivery that did not go out."""
    return Outcome(claimed, unsent.state, Answer(error=unsent.reason))


def decide(claimed: Claimed, answer: Answer) -> Outcome:
    """Of an attempt that was made."""
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
    """Whether a provider's interface has said that it will never take this: by any 3xx or 4xx that is not about the
    moment. A webhook's receiver says so with 410 alone."""
    return answer.status is not None and 300 <= answer.status < 500 and answer.status not in TRY_LATER
