"""The alarms of a workspace as a form: of each, who is told, and from when on it rings. Pure."""

from collections.abc import Mapping
from typing import Any

from shared.operations.workspace_alarms import ALARM_CODES, ALARM_MEASURES

READER_CHOICES = ("admins", "chosen", "nobody")
MAX_MEASURE_DIGITS = 6


def sent_alarms(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the alarms that a form sends. Those whose choice is not in it stay."""
    return {code: _sent_alarm(code, form) for code in ALARM_CODES if form.get(f"who_{code}") in READER_CHOICES}


def _sent_alarm(code: str, form: Mapping[str, str]) -> dict[str, Any]:
    who = form[f"who_{code}"]
    alarm: dict[str, Any] = {
        "user_ids": None if who == "admins" else _chosen_ids(code, form) if who == "chosen" else []
    }
    measure = ALARM_MEASURES.get(code)
    if measure:
        alarm[measure] = _number(form.get(f"limit_{code}", ""))
    return alarm


def _chosen_ids(code: str, form: Mapping[str, str]) -> list[int]:
    start = f"user_{code}_"
    ids = [name.removeprefix(start) for name in form if name.startswith(start)]
    return [int(id_) for id_ in ids if id_.isascii() and id_.isdigit() and len(id_) <= 18]


def _number(text: str) -> int | str | None:
    """Return a number that was typed; a text that is none stays one, and is refused."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_MEASURE_DIGITS else text or None


def shown_texts(form: Mapping[str, str], alarms: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields as they were typed, and those of alarms that were not sent as they are."""
    others = {code: alarm for code, alarm in alarms.items() if code in ALARM_CODES and f"who_{code}" not in form}
    return {**alarm_texts(others), **form}


def alarm_texts(alarms: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a form that stand for alarms."""
    texts: dict[str, str] = {}
    for code in filter(alarms.__contains__, ALARM_CODES):
        user_ids, measure = alarms[code]["user_ids"], ALARM_MEASURES.get(code)
        texts[f"who_{code}"] = "admins" if user_ids is None else "chosen" if user_ids else "nobody"
        texts |= {f"user_{code}_{id_}": "1" for id_ in user_ids or ()}
        if measure:
            texts[f"limit_{code}"] = str(alarms[code][measure] or "")
    return texts
