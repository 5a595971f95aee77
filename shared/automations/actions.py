"""The actions of automation steps, and the members of each."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Discriminator, Field, PlainValidator, TypeAdapter
from typing_extensions import TypedDict

from shared.automations.fields import WritableField, check_field_value
from shared.automations.templates import SubjectTemplate, TemplateText
from shared.automations.union_errors import ErrorCollector, closed_object, exactly_one, tagged_object
from shared.leads.lead_status import LeadStatus
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import VISIBLE_NAME, HttpUrl, RecordId, text_constraints

UserIds = Annotated[list[RecordId], Field(min_length=1, max_length=100)]
AutomationTag = Annotated[str, text_constraints(100, min_length=1), VISIBLE_NAME]
ScorePoints = Annotated[int, Field(strict=True, ge=-1_000_000, le=1_000_000)]
DueInHours = Annotated[int, Field(strict=True, ge=0, le=24 * 365)]


def _accept_any(value: Any) -> Any:
    """Accept any value; it is checked later, together with the field it is for."""
    return value


def _user_ids_or_word(word: str) -> Any:
    """Return a validator for user ids or one keyword. A union would put its members' names into error locations."""
    users = TypeAdapter(UserIds).validate_python

    def read(value: Any) -> Any:
        if isinstance(value, str) and value == word:
            return value
        if not isinstance(value, list):
            raise custom_error(f'The {{field}} field must be "{word}" or an array of user ids.')
        return users(value)

    return read


@closed_object
class AddTag(TypedDict):
    type: Literal["add_tag"]
    tag: AutomationTag


@closed_object
class RemoveTag(TypedDict):
    type: Literal["remove_tag"]
    tag: AutomationTag


@closed_object
class SetField(TypedDict):
    """Sets a field to a value, null to clear it."""

    type: Literal["set_field"]
    field: WritableField
    value: Annotated[Any, PlainValidator(_accept_any, json_schema_input_type=str | int | float | bool | None)]


@closed_object
class SetStatus(TypedDict):
    type: Literal["set_status"]
    status: LeadStatus


@closed_object
class MoveStage(TypedDict):
    type: Literal["move_stage"]
    stage_id: RecordId


@closed_object
class AssignUser(TypedDict):
    """Assigns one user, or in turn one of several who are active."""

    type: Literal["assign_user"]
    user_id: NotRequired[RecordId | None]
    round_robin: NotRequired[UserIds | None]


@closed_object
class AdjustScore(TypedDict):
    type: Literal["adjust_score"]
    points: ScorePoints


@closed_object
class SendWebhook(TypedDict):
    """Posts the lead to a URL, signed if there is a secret. The secret is shown as asterisks."""

    type: Literal["send_webhook"]
    url: HttpUrl
    secret: NotRequired[Annotated[str, text_constraints(255, min_length=1)] | None]


@closed_object
class SendEmail(TypedDict):
    type: Literal["send_email"]
    to: Annotated[Any, PlainValidator(_user_ids_or_word("lead"), json_schema_input_type=Literal["lead"] | UserIds)]
    subject: SubjectTemplate
    body: TemplateText


@closed_object
class SendSms(TypedDict):
    type: Literal["send_sms"]
    integration_id: RecordId
    body: TemplateText


@closed_object
class NotifySlack(TypedDict):
    type: Literal["notify_slack"]
    integration_id: RecordId
    text: TemplateText


@closed_object
class NotifyUsers(TypedDict):
    type: Literal["notify_users"]
    to: Annotated[
        Any, PlainValidator(_user_ids_or_word("assigned"), json_schema_input_type=Literal["assigned"] | UserIds)
    ]
    text: TemplateText


@closed_object
class CreateTask(TypedDict):
    """A task about the lead. Without a user it is for the user whom the lead is assigned to."""

    type: Literal["create_task"]
    title: SubjectTemplate
    due_in_hours: NotRequired[DueInHours | None]
    user_id: NotRequired[RecordId | None]


def _check_set_field(action: dict[str, Any]) -> dict[str, Any]:
    faults = ErrorCollector()
    value = faults.try_read(lambda value: check_field_value(action["field"], value), action["value"], "value")
    faults.raise_any()
    return {**action, "value": value}


def _check_assign_user(action: dict[str, Any]) -> dict[str, Any]:
    exactly_one(action, ("user_id", "round_robin"))
    return action


AnyAction = Annotated[
    AddTag
    | RemoveTag
    | Annotated[SetField, AfterValidator(_check_set_field)]
    | SetStatus
    | MoveStage
    | Annotated[AssignUser, AfterValidator(_check_assign_user)]
    | AdjustScore
    | SendWebhook
    | SendEmail
    | SendSms
    | NotifySlack
    | NotifyUsers
    | CreateTask,
    Discriminator("type"),
]


Action = Annotated[dict[str, Any], PlainValidator(tagged_object(AnyAction), json_schema_input_type=AnyAction)]
