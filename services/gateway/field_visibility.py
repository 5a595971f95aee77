"""Which fields of a form are shown for given values. Pure.

The same rules are in `shared/form_pages/scripts/conditions.js`, which hides fields while a visitor types.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.automations.conditions import condition_matches
from shared.forms.field_definition import FormFieldRecord


def visible_fields(fields: Sequence[FormFieldRecord], values: Mapping[str, Any]) -> list[FormFieldRecord]:
    """Return the fields that are shown. The value of a field that is not shown counts as missing for later ones.

    `values`: texts, lists of texts, or flags, by the key of the field. A condition names earlier fields only.
    """
    shown: list[FormFieldRecord] = []
    known: dict[str, Any] = {}
    for field in fields:
        if field["show_if"] is None or condition_matches(field["show_if"], known):
            shown.append(field)
            known[field["key"]] = values.get(field["key"])
    return shown
