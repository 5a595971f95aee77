"""The form of a trigger or a step: what it sent, as a part of a definition. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.console.automations.draft_conditions import (
    OTHER_FIELD,
    ConditionInputs,
    condition_of_root,
    read_condition,
    typed_value,
)
from shared.automations.definition import MINUTES_BY_UNIT
from shared.automations.fields import CUSTOM_FIELD_PREFIX
from shared.platform.masking import SECRET_MASK

MAX_INPUT_LENGTH = 20_000  # characters; a template has at most half of it
MAX_DIGITS = 9
MAX_ID_DIGITS = 19
Part = dict[str, Any]


class PartInputs:
    """The inputs that the form sent. Half surrogates and NUL, which no database takes, are replaced."""

    def __init__(self, form: ConditionInputs, names: Sequence[str]) -> None:
        self.form, self.names = form, names

    def getall(self, name: str, default: Any = ()) -> list[str]:
        """Return all values of a name."""
        return [_clean(text) for text in self.form.getall(name, default)]

    def texts(self, name: str) -> list[str]:
        """Return all values of a name that are not blank."""
        return [text for text in self.getall(name) if text.strip()]

    def text(self, name: str) -> str:
        """Return the last value of a name, without the space around it."""
        sent = self.getall(name)
        return sent[-1].strip() if sent else ""

    def number(self, name: str) -> int | str | None:
        """Return a number; a text that is none stays one, and is refused."""
        text = self.text(name).replace(",", "")
        digits = text.removeprefix("-").removeprefix("−")
        if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS:
            return int(digits) if digits == text else -int(digits)
        return text or None

    def ids(self, name: str) -> list[int | str]:
        """Return the ids that were ticked."""
        texts = self.texts(name)
        return [
            int(text) if text.isascii() and text.isdigit() and len(text) < MAX_ID_DIGITS else text for text in texts
        ]

    def id(self, name: str) -> int | str | None:
        """Return the id that was chosen."""
        return next(iter(self.ids(name)), None)


def _clean(text: object) -> str:
    return str(text)[:MAX_INPUT_LENGTH].replace("\r\n", "\n").replace("\0", "").encode(errors="replace").decode()


def read_step(inputs: PartInputs, before: Mapping[str, Any] | None = None) -> Part:
    """Return the step that was sent. A webhook keeps the secret of the step `before` unless another was typed."""
    kind = inputs.text("kind")
    if kind == "condition":
        return {"condition": condition_of_root(read_condition(inputs, inputs.names))}
    if kind == "delay":
        return {"delay": _read_delay(inputs)}
    return {"action": {"type": kind, **_read_action(kind, inputs, (before or {}).get("action") or {})}}


def read_trigger(inputs: PartInputs) -> Part:
    """Return the trigger that was sent."""
    kind = inputs.text("kind")
    trigger: Part = {"type": kind}
    if kind == "lead_created":
        trigger["sources"] = list(dict.fromkeys([*inputs.texts("sources"), *inputs.texts("other_source")]))
    if kind == "lead_updated":
        custom = [f"{CUSTOM_FIELD_PREFIX}{key.strip()}" for key in inputs.texts("custom")]
        trigger["fields"] = list(dict.fromkeys([*inputs.texts("fields"), *custom]))
    if kind == "lead_stage_changed":
        trigger |= {name: inputs.id(name) for name in ("from_stage_id", "to_stage_id")}
    if kind == "tag_added":
        trigger["tag"] = inputs.text("tag")
    if kind == "lead_score_crossed":
        trigger |= {"threshold": inputs.number("threshold"), "direction": inputs.text("direction") or None}
    if kind == "no_activity":
        amount = inputs.number("amount")
        size = MINUTES_BY_UNIT.get(inputs.text("unit"), 1)
        trigger["minutes"] = amount * size if isinstance(amount, int) else amount
    if kind == "form_submitted":
        trigger["form_id"] = inputs.id("form_id")
    # What narrows nothing is left out.
    return {name: value for name, value in trigger.items() if name in ("type", "tag") or value not in (None, [])}


def _read_delay(inputs: PartInputs) -> Part:
    unit = inputs.text("unit")
    delay: Part = {unit if unit in MINUTES_BY_UNIT else "minutes": inputs.number("amount")}
    return {**delay, "business_hours": True} if inputs.text("business_hours") == "1" else delay


def _read_action(kind: str, inputs: PartInputs, before: Mapping[str, Any]) -> Part:
    if kind in ("add_tag", "remove_tag"):
        return {"tag": inputs.text("tag")}
    if kind == "set_field":
        return _read_set_field(inputs)
    if kind == "set_status":
        return {"status": inputs.text("status")}
    if kind == "move_stage":
        return {"stage_id": inputs.id("stage_id")}
    if kind == "assign_user":
        in_turn = inputs.text("way") == "turn"
        return {"round_robin": inputs.ids("users")} if in_turn else {"user_id": inputs.id("user_id")}
    if kind == "adjust_score":
        return {"points": inputs.number("points")}
    if kind == "send_webhook":
        return _read_webhook(inputs, before)
    return _read_message(kind, inputs)


def _read_message(kind: str, inputs: PartInputs) -> Part:
    to = inputs.text("to")
    if kind == "send_email":
        receivers = to if to == "lead" else inputs.ids("users")
        return {"to": receivers, "subject": inputs.text("subject"), "body": inputs.text("body")}
    if kind == "notify_users":
        return {"to": to if to == "assigned" else inputs.ids("users"), "text": inputs.text("text")}
    if kind == "send_sms":
        return {"integration_id": inputs.id("integration_id"), "body": inputs.text("body")}
    if kind == "notify_slack":
        return {"integration_id": inputs.id("integration_id"), "text": inputs.text("text")}
    if kind == "create_task":
        optional = {"due_in_hours": inputs.number("due_in_hours"), "user_id": inputs.id("user_id")}
        return {"title": inputs.text("title"), **{name: value for name, value in optional.items() if value is not None}}
    return {}


def _read_set_field(inputs: PartInputs) -> Part:
    name = inputs.text("field")
    if name == OTHER_FIELD:
        name = f"{CUSTOM_FIELD_PREFIX}{inputs.text('custom')}"
    text = inputs.text("value")
    return {"field": name, "value": typed_value(name, text) if text else None}


def _read_webhook(inputs: PartInputs, before: Mapping[str, Any]) -> Part:
    url, secret = inputs.text("url"), inputs.text("secret")
    if inputs.text("signed") != "1":
        return {"url": url}
    return {"url": url, "secret": secret or (SECRET_MASK if before.get("secret") else "")}


def shown_inputs(kind: str, part: Mapping[str, Any]) -> Part:
    """Return what the form of a trigger, or of a step of a kind, shows: its members, by the names of the inputs."""
    body: Mapping[str, Any] = part.get("delay") or part.get("action") or part
    shown: Part = {"users": [], "way": "", "to": "", **body, **_amount(body)}
    receivers = body.get("round_robin") if "round_robin" in body else body.get("to")
    if isinstance(receivers, list):
        shown |= {"users": receivers, "to": "users", "way": "turn" if "round_robin" in body else ""}
    if kind == "set_field" and isinstance(body.get("value"), bool):
        shown["value"] = str(body["value"]).lower()
    return shown


def _amount(body: Mapping[str, Any]) -> Part:
    """Return a span of time as a number and its unit. An inactivity timer has minutes: the largest unit fits."""
    unit = next((name for name in MINUTES_BY_UNIT if body.get(name) is not None), None)
    if unit is None:
        return {"amount": "", "unit": "days"}
    amount = body[unit]
    if unit != "minutes" or not isinstance(amount, int):
        return {"amount": amount, "unit": unit}
    unit, size = next((one, size) for one, size in reversed(MINUTES_BY_UNIT.items()) if amount % size == 0)
    return {"amount": amount // size, "unit": unit}
