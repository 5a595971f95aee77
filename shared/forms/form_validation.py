"""Check forms as the API and the console send them: their members, and what these say together. Pure."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from shared.forms.definition import FormSettings
from shared.forms.field_definition import FormFields, find_contradictions
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import RequiredName, StrictFlag, StrictInt64


class FormSent(TypedDict, total=False):
    name: RequiredName
    is_active: StrictFlag
    fields: FormFields | None
    settings: FormSettings | None


class DraftSent(TypedDict, total=False):
    """Changes to a draft. `revision`: that of the draft that they are based on; a newer one is a conflict."""

    name: RequiredName
    fields: FormFields | None
    settings: FormSettings | None
    revision: StrictInt64


FORM_SETTINGS_SCHEMA = FieldsSchema(FormSettings)


def read_form_fields(body: Mapping[str, Any], schema: FieldsSchema) -> tuple[dict[str, Any], FieldErrors]:
    """Return the valid members of a form, and all errors: of the others, and of fields that contradict each other."""
    fields, errors = read_draft_fields(body, schema)
    for field, messages in find_contradictions(body.get("fields")).items():
        errors.setdefault(field, []).extend(messages)
    return fields, errors


def read_draft_fields(body: Mapping[str, Any], schema: FieldsSchema) -> tuple[dict[str, Any], FieldErrors]:
    """Return the valid members of a draft, and the errors of the others. Its fields may still contradict each other."""
    fields, errors = schema.validate_fields(body)
    if "settings" not in fields and isinstance(body.get("settings"), dict):
        # Of invalid settings, the valid ones: their ids are still checked against the database.
        fields["settings"] = FORM_SETTINGS_SCHEMA.validate_fields(body["settings"])[0]
    return fields, errors
