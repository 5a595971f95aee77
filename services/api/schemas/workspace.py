"""A workspace with its settings, as they are sent and shown."""

from datetime import datetime
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from shared.leads.duplicate_policy import MergePolicy
from shared.platform.validation.types import QueryFlag, RecordId


class PreviewQuery(TypedDict, total=False):
    """With `preview=1` nothing is changed."""

    preview: QueryFlag


class KeptDays(TypedDict):
    """For how many days what is kept. Null: as long as the installation keeps it."""

    submissions_days: int | None
    held_days: int | None
    activities_days: int | None
    attempts_days: int | None


MailServerRecord = TypedDict(
    "MailServerRecord",
    {
        "host": str | None,
        "port": str | None,
        "security": Literal["tls", "starttls"] | None,
        "username": str | None,
        "password": str | None,
        "from": str | None,
        "from_name": str | None,
    },
)
MailServerRecord.__doc__ = "A mail server, its password masked. Security of null: TLS where the server offers it."
MailSenderName = Literal["workspace", "installation"]


class WorkspaceMail(TypedDict):
    """Whose server sends the workspace's mails, and whose would without its own `server`. Null: nobody's.

    `integration_id` is the integration that sends them.
    """

    sent_by: MailSenderName | None
    without_server: MailSenderName | None
    integration_id: int | None
    server: MailServerRecord | None


class MailTrialFields(TypedDict, total=False):
    """Who gets the test mail: an active user of the workspace."""

    user_id: RecordId


class MailTrialRecord(TypedDict):
    """The newest test mail. `answer` is what the mail server said, `error` why it was not sent."""

    state: Literal["pending", "sent", "failed", "cancelled"]
    error: str | None
    answer: str | None
    created_at: datetime
    finished_at: datetime | None


class PlainAlarmRecord(TypedDict):
    """Who is told: null, all admins; none, nobody."""

    user_ids: list[int] | None


class SilentSourceAlarmRecord(PlainAlarmRecord):
    minutes: int | None


class DeadLettersAlarmRecord(PlainAlarmRecord):
    percent: int


class WaitingAlarmRecord(PlainAlarmRecord):
    minutes: int


class WorkspaceAlarms(TypedDict):
    """The alarms of the workspace. `mail` and `slack`: how the installation's operators are told of theirs."""

    mail: bool
    slack: bool
    source_silent: SilentSourceAlarmRecord
    dead_letters: DeadLettersAlarmRecord
    waiting: WaitingAlarmRecord
    held_digest: PlainAlarmRecord
    webhook_disabled: PlainAlarmRecord


class AlarmTrialFields(TypedDict, total=False):
    """Which alarm is sent as a test."""

    alarm: Literal["source_silent", "dead_letters", "waiting", "held_digest", "webhook_disabled"]


class AlarmTrialRecord(TypedDict):
    """An alarm that was sent as a test, and to how many."""

    alarm: str
    readers: int


class SettingEffectRecord(TypedDict):
    """What a change would do. `count` is null where counting took too long; `of` says how many were looked at.

    `is_final`: it cannot be taken back.
    """

    field: str
    code: str
    count: int | None
    of: int | None
    entry: str | None
    is_final: bool
    text: str


class WorkspaceSettingsRecord(TypedDict):
    """A workspace. `country` is where phones without a prefix are dialled.

    By what `never_join` lists nobody is recognised. From `spam_threshold` points on, forms without a number of their
    own hold a submission. `effects` are those of a change that is previewed.
    """

    id: int
    slug: str
    name: str
    country: str | None
    timezone: str
    merge_policy: MergePolicy
    fold_gmail: bool
    never_join: list[str]
    spam_threshold: int
    retention: KeptDays
    installation_days: int
    mail: WorkspaceMail
    alarms: WorkspaceAlarms
    created_at: datetime
    effects: NotRequired[list[SettingEffectRecord]]


class CrowdedContactRecord(TypedDict):
    """A contact that people with many unlike names came with, and three of these."""

    kind: Literal["email", "phone"]
    value: str
    names: int
    examples: list[str]
