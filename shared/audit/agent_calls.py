"""Calls of tools by agents: how their MCP server tells of them, and how many a key may make.

Pure but for the clock.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

TOOL_HEADER = "LeadHub-Agent-Tool"
CLIENT_HEADER = "LeadHub-Agent-Client"
UNKNOWN_CLIENT = "unknown"

MAX_CALLS_PER_MINUTE = 60  # of a key
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
    """Counts the calls of each key in a minute, so that those beyond are refused: what is answered has an entry."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minute = 0
        self._calls: dict[int, int] = {}  # by key, in this minute

    def take(self, key_id: int) -> int:
        """Return the number of a call that a key makes now, from 1 on. Beyond the limit it is to be refused."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._calls = minute, {}
        if key_id not in self._calls and len(self._calls) >= MAX_KNOWN_KEYS:
            return MAX_CALLS_PER_MINUTE + 2
        self._calls[key_id] = self._calls.get(key_id, 0) + 1
        return self._calls[key_id]

    def seconds_left(self) -> int:
        """Return how long the minute lasts."""
        return 60 - int(self._clock() % 60)
