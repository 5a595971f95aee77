"""The order of a pipeline's stages: positions from 1 without gaps. Pure."""

from collections.abc import Sequence
from typing import Any


def moved_to(order: Sequence[int], item: int, position: int | None) -> list[int]:
    """Return the order with the item moved to a position from 1, or to the end without one or beyond it."""
    rest = [other for other in order if other != item]
    at = len(rest) if position is None else position - 1
    return [*rest[:at], item, *rest[at:]]


def with_positions(stages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return new stages in the order that results from inserting one after the other at its position."""
    order: list[int] = []
    for number, stage in enumerate(stages):
        order = moved_to(order, number, stage.get("position"))
    plain = {"color": None, "is_won": False, "is_lost": False}
    return [{**plain, **stages[number], "position": position} for position, number in enumerate(order, 1)]
