"""The webhook subscriptions of a workspace as the API and the console make, change and delete them.

Each function that writes needs a transaction of the caller's.
"""

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.outbound import cancellation
from shared.outbound.deliveries import enqueue_deliveries, subscription_endpoint, webhook_to_subscription
from shared.outbound.receivers import allow_attempt, cancel_deliveries
from shared.outbound.sample_events import sample_event
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound, ValidationFailed

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  # what secrets begin with is known
SECRET_BYTES: Final = 32
DEFAULT_OVERLAP_HOURS: Final = 24  # in which the old secret signs as well
MAX_OVERLAP_HOURS: Final = 168
SUBSCRIPTION_DISABLED_MESSAGE: Final = "The subscription is disabled: set is_active to true first."
SUBSCRIPTIONS_FULL_MESSAGE: Final = (
    "The workspace has {count} webhook subscriptions, and may have {most}: delete some first. An operator can raise "
    "LEADHUB_MAX_SUBSCRIPTIONS."
)

MAX_EXPRESSION_FILTERS: Final = 20  # subscriptions of a workspace: each is evaluated for each event
FILTERS_FULL_MESSAGE: Final = (
    "The workspace has {most} webhook subscriptions with a filter expression, and may have no more: remove the "
    "expression of another one first."
)

_COLUMNS = (
    "id, url, events, description, filters, filter_expression, body_expression, max_per_minute, is_active, "
    "disabled_reason, disabled_at, old_secret_until, created_at"
)
FIND_SUBSCRIPTION_SQL = f"""
SELECT {_COLUMNS}, coalesce(t.filter_failures, 0) AS filter_failures, t.filter_error, t.filter_failed_at
FROM webhook_subscriptions s
LEFT JOIN subscription_states t ON t.workspace_id = s.workspace_id AND t.subscription_id = s.id
WHERE s.workspace_id = %s AND s.id = %s
"""
# Two requests at the same time would otherwise both find room.
LOCK_COUNT_SQL = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
COUNT_SUBSCRIPTIONS_SQL = "SELECT count(*) FROM webhook_subscriptions WHERE workspace_id = %s"
# Of the others: a subscription that has an expression may be given another one.
COUNT_FILTERS_SQL = """
SELECT count(*), coalesce(bool_or(id = %(id)s), false) FROM webhook_subscriptions
WHERE workspace_id = %(workspace)s AND filter_expression IS NOT NULL
"""
INSERT_SUBSCRIPTION_SQL = """
INSERT INTO webhook_subscriptions (workspace_id, url, events, description, filters, filter_expression, body_expression,
                                   max_per_minute, is_active, secret)
VALUES (%(workspace)s, %(url)s, %(events)s, %(description)s, %(filters)s, %(filter_expression)s, %(body_expression)s,
        %(max_per_minute)s, %(is_active)s, %(secret)s) RETURNING id
"""
# Activating it clears the reason for which it was disabled.
CHANGE_SUBSCRIPTION_SQL = """
UPDATE webhook_subscriptions
SET url = coalesce(%(url)s::text, url), events = coalesce(%(events)s::text[], events),
    description = CASE WHEN %(has_description)s THEN %(description)s::text ELSE description END,
    filters = CASE WHEN %(has_filters)s THEN %(filters)s::jsonb ELSE filters END,
    filter_expression =
        CASE WHEN %(has_filter_expression)s THEN %(filter_expression)s::text ELSE filter_expression END,
    body_expression = CASE WHEN %(has_body_expression)s THEN %(body_expression)s::text ELSE body_expression END,
    max_per_minute = CASE WHEN %(has_max_per_minute)s THEN %(max_per_minute)s::int ELSE max_per_minute END,
    is_active = coalesce(%(is_active)s::boolean, is_active),
    disabled_reason = CASE WHEN %(is_active)s::boolean THEN NULL ELSE disabled_reason END,
    disabled_at = CASE WHEN %(is_active)s::boolean THEN NULL ELSE disabled_at END, updated_at = now()
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
ROTATE_SQL = """
UPDATE webhook_subscriptions
SET old_secret = CASE WHEN %(hours)s > 0 THEN secret END,
    old_secret_until = CASE WHEN %(hours)s > 0 THEN now() + %(hours)s * interval '1 hour' END,
    secret = %(secret)s, updated_at = now()
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
FORM_EXISTS_SQL = "SELECT FROM forms WHERE workspace_id = %s AND id = %s"
STAGE_EXISTS_SQL = "SELECT FROM pipeline_stages WHERE workspace_id = %s AND id = %s"
NULLABLE_FIELDS: Final = ("description", "filters", "filter_expression", "body_expression", "max_per_minute")
REFERENCES: Final = (("form_id", "form", FORM_EXISTS_SQL), ("stage_id", "stage", STAGE_EXISTS_SQL))
# Another filter has not failed yet, and another rate begins at once.
RESET_STATE_SQL = """
UPDATE subscription_states SET
    filter_failures = CASE WHEN %(has_filter)s THEN 0 ELSE filter_failures END,
    filter_error = CASE WHEN %(has_filter)s THEN NULL ELSE filter_error END,
    filter_failed_at = CASE WHEN %(has_filter)s THEN NULL ELSE filter_failed_at END,
    next_send_at = CASE WHEN %(has_rate)s THEN NULL ELSE next_send_at END
WHERE workspace_id = %(workspace)s AND subscription_id = %(id)s
"""
DELETE_STATE_SQL = "DELETE FROM subscription_states WHERE workspace_id = %s AND subscription_id = %s"
DELETE_SUBSCRIPTION_SQL = "DELETE FROM webhook_subscriptions WHERE workspace_id = %s AND id = %s"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription without its secrets. Until `old_secret_until` the secret from before signs as well."""

    id: int
    url: str
    events: list[str]
    description: str | None
    filters: dict[str, Any] | None
    filter_expression: str | None
    body_expression: str | None
    max_per_minute: int | None
    is_active: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    old_secret_until: datetime | None
    created_at: datetime
    filter_failures: int  # events for which the filter gave nothing, since it was written
    filter_error: str | None  # of the last of these
    filter_failed_at: datetime | None


class NewSubscription(NamedTuple):
    """The id of a subscription that was made, and its secret, which is shown this once."""

    id: int
    secret: str


async def find_subscription(connection: Connection, workspace_id: int, id_: int) -> Subscription:
    """Return a subscription. Raises NotFound."""
    async with connection.cursor(row_factory=class_row(Subscription)) as cursor:
        await cursor.execute(FIND_SUBSCRIPTION_SQL, (workspace_id, id_))
        subscription = await cursor.fetchone()
    if subscription is None:
        raise NotFound
    return subscription


async def create_subscription(
    connection: Connection, cipher: Cipher, workspace_id: int, fields: Mapping[str, Any], most: int
) -> NewSubscription:
    """Subscribe an address. Raises Conflict where the workspace has as many as it may have (`most`).

    Raises ValidationFailed for a form or a stage that there is not, and for one expression too many.
    """
    await expect_references(connection, workspace_id, fields)
    await connection.execute(LOCK_COUNT_SQL, (workspace_id,))
    [(count,)] = await (await connection.execute(COUNT_SUBSCRIPTIONS_SQL, (workspace_id,))).fetchall()
    if count >= most:
        raise Conflict(SUBSCRIPTIONS_FULL_MESSAGE.format(count=count, most=most))
    await _expect_room_for_filter(connection, workspace_id, None, fields)
    secret = new_secret()
    values = {
        "workspace": workspace_id,
        "url": fields["url"],
        "events": fields["events"],
        "description": fields.get("description"),
        "filters": _as_json(fields.get("filters")),
        **{name: fields.get(name) for name in ("filter_expression", "body_expression", "max_per_minute")},
        "is_active": fields.get("is_active", True),
        "secret": (await cipher.in_transaction(connection)).encrypt(secret),
    }
    [(id_,)] = await (await connection.execute(INSERT_SUBSCRIPTION_SQL, values)).fetchall()
    return NewSubscription(id_, secret)


async def change_subscription(connection: Connection, workspace_id: int, id_: int, fields: Mapping[str, Any]) -> None:
    """Change a subscription. With a new address, or when activated, it is tried at once.

    Raises NotFound, and ValidationFailed for a form or a stage that there is not, and for one expression too many.
    """
    await expect_references(connection, workspace_id, fields)
    if fields.get("filter_expression"):
        await connection.execute(LOCK_COUNT_SQL, (workspace_id,))
        await _expect_room_for_filter(connection, workspace_id, id_, fields)
    if "url" in fields or fields.get("is_active"):
        await allow_attempt(connection, workspace_id, subscription_endpoint(id_))
    names = ("url", "events", "is_active", *NULLABLE_FIELDS)
    values = {name: fields.get(name) for name in names} | {"filters": _as_json(fields.get("filters"))}
    values |= {f"has_{name}": name in fields for name in NULLABLE_FIELDS}
    values |= {"workspace": workspace_id, "id": id_}
    if not (await connection.execute(CHANGE_SUBSCRIPTION_SQL, values)).rowcount:
        raise NotFound
    if "filter_expression" in fields or "max_per_minute" in fields:
        has = {"has_filter": "filter_expression" in fields, "has_rate": "max_per_minute" in fields}
        await connection.execute(RESET_STATE_SQL, {"workspace": workspace_id, "id": id_, **has})


async def rotate_secret(
    connection: Connection, cipher: Cipher, workspace_id: int, id_: int, overlap_hours: int = DEFAULT_OVERLAP_HOURS
) -> str:
    """Give a subscription another secret and return it. The old one signs as well for some hours. Raises NotFound."""
    await allow_attempt(connection, workspace_id, subscription_endpoint(id_))
    secret = new_secret()
    sealed = (await cipher.in_transaction(connection)).encrypt(secret)
    values = {"workspace": workspace_id, "id": id_, "secret": sealed, "hours": overlap_hours}
    if not (await connection.execute(ROTATE_SQL, values)).rowcount:
        raise NotFound
    return secret


async def delete_subscription(connection: Connection, workspace_id: int, id_: int) -> None:
    """Delete a subscription. Its pending messages are not sent. Raises NotFound."""
    await cancel_deliveries(connection, workspace_id, "subscription", id_)
    if not (await connection.execute(DELETE_SUBSCRIPTION_SQL, (workspace_id, id_))).rowcount:
        raise NotFound
    await connection.execute(DELETE_STATE_SQL, (workspace_id, id_))


async def cancel_waiting(connection: Connection, workspace_id: int, id_: int, last_id: int) -> None:
    """Cancel what waits to be sent to a subscription, up to a delivery. Raises NotFound.

    What is being sent ends by itself. If there is much, the sweeper cancels the rest soon after.
    """
    await find_subscription(connection, workspace_id, id_)
    await cancellation.cancel_waiting(connection, workspace_id, id_, last_id)


async def send_test_event(connection: Connection, workspace_id: int, id_: int, event: str | None = None) -> int:
    """Send a subscription an event of a made-up lead, the first of its own unless named. Return the delivery's id.

    Raises NotFound, and Conflict while the subscription is disabled.
    """
    subscription = await find_subscription(connection, workspace_id, id_)
    if not subscription.is_active:
        raise Conflict(SUBSCRIPTION_DISABLED_MESSAGE)
    await allow_attempt(connection, workspace_id, subscription_endpoint(id_))
    made = sample_event(event or subscription.events[0], datetime.now(UTC))
    delivery = webhook_to_subscription(workspace_id, id_, made)
    return (await enqueue_deliveries(connection, [delivery]))[delivery.message_id]


async def expect_references(connection: Connection, workspace_id: int, fields: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for a filter that names no stage or form of the workspace."""
    filters, errors = fields.get("filters") or {}, {}
    for name, noun, statement in REFERENCES:
        id_ = filters.get(name)
        if id_ is not None and not (await connection.execute(statement, (workspace_id, id_))).rowcount:
            errors[f"filters.{name}"] = [f"There is no {noun} {id_}."]
    if errors:
        raise ValidationFailed(errors)


async def _expect_room_for_filter(
    connection: Connection, workspace_id: int, id_: int | None, fields: Mapping[str, Any]
) -> None:
    if not fields.get("filter_expression"):
        return
    cursor = await connection.execute(COUNT_FILTERS_SQL, {"workspace": workspace_id, "id": id_})
    [(count, has_one)] = await cursor.fetchall()
    if count >= MAX_EXPRESSION_FILTERS and not has_one:
        raise ValidationFailed({"filter_expression": [FILTERS_FULL_MESSAGE.format(most=MAX_EXPRESSION_FILTERS)]})


def _as_json(filters: Mapping[str, Any] | None) -> Jsonb | None:
    return Jsonb(dict(filters)) if filters else None


def new_secret() -> str:
    """Return a new secret that signs what a subscription is sent."""
    return SECRET_PREFIX + b64encode(os.urandom(SECRET_BYTES)).decode()
