"""The actions of automation steps, and the members of each."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, Discriminator, Field, PlainValidator, TypeAdapter
from typing_extensions import TypedDict

from shared.automations.checks import Faults, closed, one_of, only_one
from shared.automations.fields import Status, WritableField, check_written
from shared.automations.templates import Subject, TemplateText
from shared.validation import Id, Url, said, text

Users = Annotated[list[Id], Field(min_length=1, max_length=100)]
TagName = Annotated[str, text(100, shortest=1)]
Points = Annotated[int, Field(strict=True, ge=-1_000_000, le=1_000_000)]
Hours = Annotated[int, Field(strict=True, ge=0, le=24 * 365)]


def _as_is(value: Any) -> Any:
    """Accept any value; it is checked later, together with the field it is for."""
    return value


def _users_or(word: str) -> Any:
    """Return a validator for user ids or one keyword. A union would put its members' names into error locations."""
    users = TypeAdapter(Users).validate_python

    def read(value: Any) -> Any:
        if isinstance(value, str) and value == word:
            return value
        if not isinstance(value, list):
            raise said(f'The {{field}} field must be "{word}" or an array of user ids.')
        return users(value)

    return read


@closed
class AddTag(TypedDict):
    type: Literal["add_tag"]
    tag: TagName


@closed
class RemoveTag(TypedDict):
    type: Literal["remove_tag"]
    tag: TagName


@closed
class SetField(TypedDict):
    """Sets a field to a value, null to clear it."""

    type: Literal["set_field"]
    field: WritableField
    value: Annotated[Any, PlainValidator(_as_is, json_schema_input_type=str | int | float | bool | None)]


@closed
class SetStatus(TypedDict):
    type: Literal["set_status"]
    status: Status


@closed
class MoveStage(TypedDict):
    type: Literal["move_stage"]
    stage_id: Id


@closed
class AssignUser(TypedDict):
    """Assigns one user, or in turn one of several who are active."""

    type: Literal["assign_user"]
    user_id: NotRequired[Id | None]
    round_robin: NotRequired[Users | None]


@closed
class AdjustScore(TypedDict):
    type: Literal["adjust_score"]
    points: Points


@closed
class SendWebhook(TypedDict):
    """Posts the lead to a URL, signed if there is a secret. The secret is shown as asterisks."""

    type: Literal["send_webhook"]
    url: Url
    secret: NotRequired[Annotated[str, text(255, shortest=1)] | None]


@closed
class SendEmail(TypedDict):
    type: Literal["send_email"]
    to: Annotated[Any, PlainValidator(_users_or("lead"), json_schema_input_type=Literal["lead"] | Users)]
    subject: Subject
    body: TemplateText


@closed
class SendSms(TypedDict):
    type: Literal["send_sms"]
    integration_id: Id
    body: TemplateText


@closed
class NotifySlack(TypedDict):
    type: Literal["notify_slack"]
    integration_id: Id
    text: TemplateText


@closed
class NotifyUsers(TypedDict):
    type: Literal["notify_users"]
    to: Annotated[Any, PlainValidator(_users_or("assigned"), json_schema_input_type=Literal["assigned"] | Users)]
    text: TemplateText


@closed
class CreateTask(TypedDict):
    """A task about the lead. Without a user it is for the user whom the lead is assigned to."""

    type: Literal["create_task"]
    title: Subject
    due_in_hours: NotRequired[Hours | None]
    user_id: NotRequired[Id | None]


def _check_set_field(action: dict[str, Any]) -> dict[str, Any]:
    faults = Faults()
    value = faults.take(lambda value: check_written(action["field"], value), action["value"], "value")
    faults.raise_any()
    return {**action, "value": value}


def _check_assign_user(action: dict[str, Any]) -> dict[str, Any]:
    only_one(action, ("user_id", "round_robin"))
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


Action = Annotated[dict[str, Any], PlainValidator(one_of(AnyAction), json_schema_input_type=AnyAction)]
