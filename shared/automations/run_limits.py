"""The limits on automations that set one another off, and the reasons that stopped runs store."""

from collections.abc import Sequence

MAX_CHAIN_LENGTH = 5  # automations in a chain, each triggered by the one before, for one lead
MAX_CHAINED_RUNS_PER_MINUTE = 100  # runs triggered by automations, for one lead within a minute

CHAIN_TOO_LONG_REASON = f"more than {MAX_CHAIN_LENGTH} automations set one another off"
SELF_TRIGGERED_REASON = "it was set off by its own change of the lead"
LOOP_LIMIT_REASON = (
    f"automations set one another off over {MAX_CHAINED_RUNS_PER_MINUTE} times in a minute for one lead: "
    "no more are begun"
)


def chain_stop_reason(automation_id: int, chain: Sequence[int]) -> str | None:
    """Return why an automation may not run after a chain of others, or None. They could set one another off forever."""
    if automation_id in chain:
        return SELF_TRIGGERED_REASON
    return CHAIN_TOO_LONG_REASON if len(chain) >= MAX_CHAIN_LENGTH else None


def entry_trigger_key(activity_id: int) -> str:
    """Return the key by which an entry of a timeline starts an automation once. `events` has one row for each entry."""
    return f"entry:{activity_id}"
