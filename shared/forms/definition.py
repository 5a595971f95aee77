"""Define forms: their settings, and the rules for these. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Strict, StringConstraints
from typing_extensions import TypedDict

from shared.automations.templates import SubjectTemplate, TemplateText
from shared.forms.field_definition import BlankAsNull, FormFieldRecord
from shared.leads.duplicate_policy import MergePolicy
from shared.leads.inbound import EmailAddress
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import (
    VISIBLE_NAME,
    HttpUrl,
    RecordId,
    StrictFlag,
    Text100,
    Text255,
    is_url,
    text_constraints,
)

DEFAULT_FORM_SOURCE = "form"
DEFAULT_SPAM_THRESHOLD = 50  # points from which a submission is held
MAX_UPLOAD_MB = 25  # of all files of a submission

_LANGUAGE_PATTERN = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
_ORIGIN_PATTERN = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?|https?://\[[0-9a-f:.]+\](?::\d{1,5})?").fullmatch
_PATH_PATTERN = re.compile(r"/(?![/\\])[^\s\\]*").fullmatch


def _check_redirect(address: str) -> str:
    if not (is_url(address) or _PATH_PATTERN(address)):
        raise custom_error("The {field} field must be an http or https URL, or a path that starts with a slash.")
    return address


def _check_origin(origin: str) -> str:
    origin = origin.lower()
    if not _ORIGIN_PATTERN(origin):
        raise custom_error("The {field} field must be an origin such as https://www.example.com.")
    return origin


def _check_https(address: str) -> str:
    if not address.lower().startswith("https://"):
        raise custom_error("The {field} field must be an https URL: browsers block others on secure pages.")
    return address


RedirectUrl = Annotated[str, text_constraints(2048), AfterValidator(_check_redirect)]
AllowedOrigin = Annotated[str, text_constraints(255), AfterValidator(_check_origin)]
TagNameText = Annotated[str, text_constraints(100, min_length=1), VISIBLE_NAME]
SuccessMessage = Annotated[str, text_constraints(2000)]
IntroText = Annotated[str, text_constraints(2000)]
LanguageTag = Annotated[str, StringConstraints(strict=True, max_length=35, pattern=_LANGUAGE_PATTERN)]
AccentColor = Annotated[str, StringConstraints(strict=True, pattern=r"^#[0-9A-Fa-f]{6}$")]
LogoUrl = Annotated[HttpUrl, AfterValidator(_check_https)]


class FormTheme(TypedDict, total=False):
    """How the page looks. `accent`: a colour such as `#0b6e99`. `mode`: `auto` follows the visitor's system."""

    accent: BlankAsNull[AccentColor]
    logo_url: BlankAsNull[LogoUrl]
    mode: Literal["auto", "light", "dark"] | None


SpamThreshold = Annotated[int, Strict(), Field(ge=0, le=1000)]


class SpamSettings(TypedDict, total=False):
    """What is held. `threshold`: points from which a submission is held; 0: only rules hold; null: the workspace's.

    `proof_of_work`: `auto` asks browsers for it while the form is under attack.
    """

    threshold: SpamThreshold | None
    proof_of_work: Literal["auto", "always", "never"] | None


class AutoReply(TypedDict):
    """A mail to the visitor. Templates with lead fields, as in automations."""

    subject: SubjectTemplate
    body: TemplateText


class FormSettings(TypedDict, total=False):
    """How a form looks, and what becomes of a submission, as it is sent. Null sets a member back to its default.

    `notify_emails`: who gets a mail of what was filled in, for each submission, once it was ingested.
    `double_opt_in`: a submission waits until the link in a mail to its address is followed.
    `silence_after_minutes`: after so long without a submission the form counts as silent.
    `max_upload_mb`: of all files of a submission.
    """

    title: BlankAsNull[Text255]
    intro: BlankAsNull[IntroText]
    submit_label: BlankAsNull[Text100]
    step_titles: Annotated[list[Text100], Strict(), Field(max_length=20)] | None
    theme: FormTheme | None
    redirect_url: BlankAsNull[RedirectUrl]
    success_message: BlankAsNull[SuccessMessage]
    source: BlankAsNull[Text255]
    tags: Annotated[list[TagNameText], Strict(), Field(max_length=100)] | None
    pipeline_id: RecordId | None
    pipeline_stage_id: RecordId | None
    assigned_user_id: RecordId | None
    allowed_origins: Annotated[list[AllowedOrigin], Strict(), Field(max_length=100)] | None
    notify_emails: Annotated[list[EmailAddress], Strict(), Field(max_length=20)] | None
    merge_policy: BlankAsNull[MergePolicy]
    language: BlankAsNull[LanguageTag]
    spam: SpamSettings | None
    double_opt_in: StrictFlag | None
    auto_reply: AutoReply | None
    silence_after_minutes: Annotated[int, Strict(), Field(ge=1, le=525_600)] | None
    max_upload_mb: Annotated[int, Strict(), Field(ge=1, le=MAX_UPLOAD_MB)] | None


class FormThemeRecord(TypedDict):
    accent: str | None
    logo_url: str | None
    mode: Literal["auto", "light", "dark"]


class SpamSettingsRecord(TypedDict):
    threshold: int | None
    proof_of_work: Literal["auto", "always", "never"]


class FormSettingsRecord(TypedDict):
    """All settings of a form. A source of null is `form`, no origins: any.

    A merge policy and a threshold of null are the workspace's.
    """

    title: str | None
    intro: str | None
    submit_label: str | None
    step_titles: list[str]
    theme: FormThemeRecord
    redirect_url: str | None
    success_message: str | None
    source: str | None
    tags: list[str]
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    allowed_origins: list[str]
    notify_emails: list[str]
    merge_policy: MergePolicy | None
    language: str | None
    spam: SpamSettingsRecord
    double_opt_in: bool
    auto_reply: AutoReply | None
    silence_after_minutes: int | None
    max_upload_mb: int


_DEFAULT_SETTINGS: Mapping[str, Any] = {
    "step_titles": (),
    "theme": {"accent": None, "logo_url": None, "mode": "auto"},
    "tags": (),
    "allowed_origins": (),
    "notify_emails": (),
    "spam": {"threshold": None, "proof_of_work": "auto"},
    "double_opt_in": False,
    "max_upload_mb": MAX_UPLOAD_MB,
}

SpamRuleKind = Literal["email", "domain", "address", "word"]
SpamRuleVerdict = Literal["allow", "hold"]


@dataclass(frozen=True, slots=True)
class SpamRule:
    """A sender or a word that is always allowed or always held, in one form or in all of a workspace."""

    id: int
    verdict: SpamRuleVerdict
    kind: SpamRuleKind
    value: str  # in lower case


@dataclass(frozen=True, slots=True)
class FormDefinition:
    """A form with its fields and settings, as needed to show it and to check a submission."""

    id: int
    workspace_id: int
    is_active: bool
    fields: list[FormFieldRecord]
    settings: FormSettingsRecord
    public_id: str = ""
    name: str = ""
    version: int = 1
    workspace_name: str = ""
    spam_rules: tuple[SpamRule, ...] = ()
    has_mail_integration: bool = False  # of its workspace
    workspace_threshold: int = DEFAULT_SPAM_THRESHOLD

    @property
    def hold_threshold(self) -> int:
        """The points from which a submission is held; 0: only rules hold."""
        own = self.settings["spam"]["threshold"]
        return self.workspace_threshold if own is None else own

    @property
    def owner_texts(self) -> list[str]:
        """The texts of its owner by which its language is judged."""
        return owner_texts(self.name, self.fields, self.settings)


def owner_texts(name: str, fields: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[str]:
    """Return the texts that visitors read first: title, introduction and questions."""
    shown = [field["label"] for field in fields if field["type"] != "hidden"]
    return [text for text in (settings["title"] or name, settings["intro"], *shown) if text]


def complete_settings(settings: Mapping[str, Any]) -> FormSettingsRecord:
    """Return stored settings, with defaults for those that are not set."""
    return {name: _with_default(name, settings.get(name)) for name in FormSettingsRecord.__annotations__}  # type: ignore[return-value]


def _with_default(name: str, value: Any) -> Any:
    default = _DEFAULT_SETTINGS.get(name)
    if isinstance(default, tuple):
        return list(value or default)
    if isinstance(default, Mapping):
        sent = {key: one for key, one in (value or {}).items() if one is not None}
        return {**default, **sent}
    return default if value is None else value


def merge_settings(stored: Mapping[str, Any], sent: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings to store after a change. A null value removes a setting; None in place of all removes all."""
    merged = {} if sent is None else {**stored, **sent}
    return {name: value for name, value in merged.items() if value is not None}
