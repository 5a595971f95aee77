"""Forms, their versions and drafts, as they are sent and shown."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from shared.forms.definition import FormSettingsRecord
from shared.forms.field_definition import FormFieldRecord
from shared.forms.form_numbers import MAX_NUMBERS_DAYS
from shared.platform.errors import FieldErrors
from shared.platform.validation.types import StrictInt64, parse_digits


class FormRecord(TypedDict):
    """`version` counts what was published."""

    id: int
    name: str
    public_id: str
    is_active: bool
    fields: list[FormFieldRecord]
    settings: FormSettingsRecord
    version: int
    submissions_count: int
    created_at: datetime
    updated_at: datetime


class FormVersionRecord(TypedDict):
    version: int
    name: str
    fields: list[FormFieldRecord]
    settings: FormSettingsRecord
    published_at: datetime
    published_by: str | None


class FormDraftRecord(TypedDict):
    """`is_changed`: whether there is a draft; if not, this is the published form, with the revision 0.

    `problems`: errors by field that publishing would answer with.
    """

    form_id: int
    name: str
    fields: list[FormFieldRecord]
    settings: FormSettingsRecord
    revision: int
    is_changed: bool
    published_version: int
    problems: FieldErrors
    updated_at: datetime
    updated_by: str | None


class FormFiguresRecord(TypedDict):
    """`views`: how often the form was shown. `starts`: how often somebody touched it. `held` ones count as sent too."""

    views: int
    starts: int
    submissions: int
    held: int


class SourceFigures(FormFiguresRecord):
    """`source`: the campaign's `utm_source`, otherwise the host of the page before, otherwise `direct`.

    Beyond 200 sources an hour, or 50 in the answer, they count as `other`.
    """

    source: str


class DayFigures(FormFiguresRecord):
    date: date


class FormNumbersRecord(TypedDict):
    days: int
    total: FormFiguresRecord
    by_day: list[DayFigures]
    by_source: list[SourceFigures]


NumbersDays = Annotated[
    int,
    Field(ge=1, le=MAX_NUMBERS_DAYS),
    BeforeValidator(parse_digits, json_schema_input_type=Annotated[int, Field(ge=1, le=MAX_NUMBERS_DAYS)]),
]


class FormNumbersQuery(TypedDict, total=False):
    days: NumbersDays


class PublishFields(TypedDict, total=False):
    """`revision`: that of the draft that is meant; another one is a conflict."""

    revision: StrictInt64
