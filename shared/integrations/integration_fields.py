"""The fields of an integration as clients and the console send them. Pure."""

from typing import Annotated

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.integrations.credentials import CredentialTexts
from shared.integrations.mapping_settings import IntegrationSettings
from shared.platform.validation.messages import custom_error
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import RequiredName, StrictFlag, text_constraints


def _check_type(name: str) -> str:
    if name not in INTEGRATION_TYPES:
        raise custom_error(f"The {{field}} field must be one of: {', '.join(INTEGRATION_TYPES)}.")
    return name


IntegrationTypeName = Annotated[
    str, text_constraints(50), AfterValidator(_check_type), Field(json_schema_extra={"enum": list(INTEGRATION_TYPES)})
]


class IntegrationFields(TypedDict, total=False):
    type: IntegrationTypeName
    name: RequiredName
    is_active: StrictFlag
    settings: IntegrationSettings | None
    credentials: CredentialTexts | None


NEW_INTEGRATION = FieldsSchema(IntegrationFields, required=("type", "name"))
CHANGED_INTEGRATION = FieldsSchema(IntegrationFields)
