"""Forms as they are sent and shown."""

from datetime import datetime

from typing_extensions import TypedDict

from shared.forms.definition import FormFieldRecord, FormFields, FormSettings, FormSettingsRecord
from shared.validation.types import RequiredName, StrictFlag


class FormSent(TypedDict, total=False):
    name: RequiredName
    is_active: StrictFlag
    fields: FormFields | None
    settings: FormSettings | None


class FormRecord(TypedDict):
    id: int
    name: str
    public_id: str
    is_active: bool
    fields: list[FormFieldRecord]
    settings: FormSettingsRecord
    submissions_count: int
    created_at: datetime
    updated_at: datetime
