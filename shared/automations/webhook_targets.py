"""Whether steps may post to their addresses, as far as the texts tell. A name is judged when it is resolved."""

from typing import Any

from shared.outbound.subscription_fields import target_errors
from shared.platform.errors import FieldErrors


def blocked_targets(steps: Any, allowed_targets: str) -> FieldErrors:
    """Return the addresses that nothing is sent to, by field. Takes unchecked steps too."""
    errors: FieldErrors = {}
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        action = step.get("action") if isinstance(step, dict) else None
        if isinstance(action, dict) and action.get("type") == "send_webhook" and isinstance(action.get("url"), str):
            errors |= target_errors(action["url"].strip(), allowed_targets, f"steps.{index}.action.url")
    return errors
