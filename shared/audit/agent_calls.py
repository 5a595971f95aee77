"""Calls of tools by agents: how their MCP server tells of them, and how many entries of a key the audit log takes.

Pure but for the clock.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

TOOL_HEADER = "LeadHub-Agent-Tool"
CLIENT_HEADER = "LeadHub-Agent-Client"
UNKNOWN_CLIENT = "unknown"

MAX_NOTED_PER_MINUTE = 60  # of a key
MAX_KNOWN_KEYS = 10_000

_is_tool = re.compile(r"[a-z][a-z_]{0,39}").fullmatch
_is_client = re.compile(r"[A-Za-z0-9 ._/()-]{1,60}").fullmatch


class AgentCall(NamedTuple):
    """A call that an MCP server tells of. Both are claims of that program; the key is what is known."""

    tool: str
    client: str


def read_agent_call(headers: Mapping[str, str]) -> AgentCall | None:
    """Return the call that a request tells of; None if it tells of none that a log may hold."""
    tool, client = headers.get(TOOL_HEADER, ""), headers.get(CLIENT_HEADER, "")
    if not _is_tool(tool):
        return None
    return AgentCall(tool, client if _is_client(client) else UNKNOWN_CLIENT)


class AgentCallLimit:
    """How many calls of a key get an entry of their own. Those beyond are counted in its next one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minute = 0
        self._noted: dict[int, int] = {}  # by key, in this minute
        self._passed_over: dict[int, int] = {}  # by key, since its last entry

    def take(self, key_id: int) -> int | None:
        """Return for how many calls an entry stands that is made now; None if none is to be made."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._noted = minute, {}
        if self._noted.get(key_id, 0) >= MAX_NOTED_PER_MINUTE:
            self._passed_over[key_id] = self._passed_over.get(key_id, 0) + 1
            return None
        if key_id not in self._noted and len(self._noted) >= MAX_KNOWN_KEYS:
            return None
        self._noted[key_id] = self._noted.get(key_id, 0) + 1
        return self._passed_over.pop(key_id, 0) + 1
