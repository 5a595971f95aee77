"""What a server remembers for its callers, such as the values that an undo puts back. It is bounded.

Pure. No caller finds what was kept for another, and one that keeps much displaces its own values first.
"""

import secrets
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

ValueT = TypeVar("ValueT")

MAX_NUMBER = 2**53 - 1  # the largest that each program for JSON reads exactly


@dataclass(frozen=True)
class LeadUndo:
    """What undoes a change of a lead: the exact values of before, and digests of those that the change left."""

    lead_id: int
    before: Mapping[str, Any]
    left: Mapping[str, str]


class ValueMemory(Generic[ValueT]):
    """Values by caller and name. The oldest of a caller go at its limit, those of the largest caller at the whole."""

    def __init__(self, per_caller: int, in_all: int) -> None:
        self._per_caller, self._in_all = per_caller, in_all
        self._values: dict[str, OrderedDict[Hashable, ValueT]] = {}

    def keep(self, caller: str, name: Hashable, value: ValueT) -> None:
        """Remember a value."""
        own = self._values.setdefault(caller, OrderedDict())
        own[name] = value
        if len(own) > self._per_caller:
            own.popitem(last=False)
        if sum(map(len, self._values.values())) > self._in_all:
            self._drop_one()

    def keep_numbered(self, caller: str, value: ValueT) -> int:
        """Remember a value, and return a number for it that nobody guesses."""
        number = 1 + secrets.randbelow(MAX_NUMBER)
        self.keep(caller, number, value)
        return number

    def find(self, caller: str, name: Hashable) -> ValueT | None:
        """Return the value; None if none is remembered."""
        own = self._values.get(caller)
        return own.get(name) if own is not None else None

    def _drop_one(self) -> None:
        caller = max(self._values, key=lambda one: len(self._values[one]))
        self._values[caller].popitem(last=False)
        if not self._values[caller]:
            del self._values[caller]
