"""Check automations as the API and the console send them. Pure."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from shared.automations.definition import Steps, Trigger
from shared.automations.webhook_targets import blocked_targets
from shared.platform.errors import FieldErrors
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import LongText, RequiredName, StrictFlag


class AutomationFields(TypedDict, total=False):
    name: RequiredName
    description: LongText | None
    is_active: StrictFlag
    trigger: Trigger
    steps: Steps


DEFINITION_SCHEMA = FieldsSchema(AutomationFields)


def check_definition(definition: Mapping[str, Any], allowed_targets: str) -> tuple[dict[str, Any], FieldErrors]:
    """Return the valid members of a definition, and the errors of the others. It compiles templates: use a thread."""
    fields, errors = DEFINITION_SCHEMA.validate_fields(definition)
    return fields, blocked_targets(definition.get("steps"), allowed_targets) | errors
