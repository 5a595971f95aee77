"""The filters of deliveries, the same for a list and for what is sent again of it."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column

from shared.models import Delivery

EQUAL_COLUMNS = ("state", "kind", "lead_id", "subscription_id", "integration_id")


def _cause_condition(cause_id: int) -> ColumnElement[bool]:
    # With the condition of the causes' index.
    return and_(Delivery.state == literal_column("'failed'"), Delivery.cause_id == cause_id)


CONDITION_MAKERS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "cause": _cause_condition,
    "created_after": lambda value: Delivery.created_at > value,
    "created_before": lambda value: Delivery.created_at < value,
    "ids": lambda value: Delivery.id.in_(value),
}


def delivery_conditions(filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return the conditions for `state, kind, lead_id, subscription_id, integration_id, cause, created_after,
    created_before` and `ids`."""
    where: list[ColumnElement[bool]] = [
        getattr(Delivery, name) == filters[name] for name in EQUAL_COLUMNS if filters.get(name) is not None
    ]
    where += [make(filters[name]) for name, make in CONDITION_MAKERS.items() if filters.get(name) is not None]
    return where
