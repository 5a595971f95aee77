"""The names of lanes, each of which can be paused: those of the journal, automations and deliveries."""

from typing import Literal, get_args

from shared.intake.journal import Lane

LaneName = Literal["waited_for", "prompt", "bulk", "automations", "deliveries"]
LANE_NAMES: tuple[LaneName, ...] = get_args(LaneName)
JOURNAL_LANES: dict[LaneName, Lane] = {"waited_for": Lane.WAITED_FOR, "prompt": Lane.PROMPT, "bulk": Lane.BULK}
WORKSPACE_LANES: tuple[LaneName, ...] = ("automations", "deliveries")
WHOLE_INSTALLATION = 0  # in place of a workspace id
