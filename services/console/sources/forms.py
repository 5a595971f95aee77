"""The forms of a source: what was typed as fields of an integration, secrets that are made, and problems in words."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.console.sources.words import credential_label
from services.console.web.page_view import PageView
from shared.integrations.account_claims import APP_SECRET_FIELDS
from shared.integrations.integration_type import CredentialField, IntegrationType
from shared.platform.errors import FieldErrors
from shared.platform.masking import SECRET_MASK

# Secrets that we choose and the provider is told, by type; `header_secret` is one for every type.
CHOSEN_SECRETS: Mapping[str, tuple[str, ...]] = {
    "google_ads": ("google_key",),
    "meta_lead_ads": ("verify_token",),
    "whatsapp": ("verify_token",),
    "telegram": ("secret_token",),
    "webhook": ("secret",),
    "typeform": ("secret",),
    "tally": ("signing_secret",),
    "netlify": ("jws_secret",),
    "calendly": ("signing_key",),
}
SECRET_BYTES = 24
GENERATE_PREFIX = "generate_"
CLEAR_PREFIX = "clear_"
CREDENTIAL_PREFIX = "credential_"
MAX_FORM_TEXT = 10_000  # characters of a field
PLAIN_SETTINGS = ("source", "merge_policy", "event_id")


@dataclass(frozen=True)
class CredentialInput:
    """A credential as a form shows it. `may_generate` says that LeadHub can make one."""

    key: str
    label: str
    is_secret: bool
    is_required: bool
    may_generate: bool
    is_set: bool
    value: str


@dataclass
class SentSource:
    """What a form sent: the fields of an integration, and the secrets that were made for it, by credential."""

    fields: dict[str, Any]
    made: dict[str, str] = field(default_factory=dict)


def read_texts(form: Mapping[str, object]) -> dict[str, str]:
    """Return the texts of a form. Half surrogates, which no database takes, are replaced."""
    return {name: str(value)[: MAX_FORM_TEXT + 1].encode(errors="replace").decode() for name, value in form.items()}


def credential_inputs(
    view: PageView, kind: IntegrationType, shown: Mapping[str, str | None], form: Mapping[str, str]
) -> list[CredentialInput]:
    """Return the credentials of a type for a form. `shown` has secrets masked; a typed secret is not shown again."""
    return [_credential_input(view, kind.type, one, shown.get(one.key) or "", form) for one in kind.fields]


def _credential_input(
    view: PageView, type_: str, credential: CredentialField, shown: str, form: Mapping[str, str]
) -> CredentialInput:
    label, value = credential_label(view, type_, credential.key), form.get(CREDENTIAL_PREFIX + credential.key, shown)
    is_own = may_generate(type_, credential.key)
    return CredentialInput(
        credential.key,
        label,
        credential.secret,
        credential.required,
        is_own,
        bool(shown),
        shown if credential.secret else value,
    )


def may_generate(type_: str, key: str) -> bool:
    """Return whether a secret is one that we choose."""
    return key == "header_secret" or key in CHOSEN_SECRETS.get(type_, ())


def read_credentials(kind: IntegrationType, form: Mapping[str, str]) -> SentSource:
    """Return the credentials that a form sent: an empty one is not set, a masked one stays, a made one is new."""
    values: dict[str, Any] = {}
    new_secrets: dict[str, str] = {}
    for credential in kind.fields:
        text = form.get(CREDENTIAL_PREFIX + credential.key, "").strip()
        if form.get(CLEAR_PREFIX + credential.key):
            values[credential.key] = None
        elif (
            form.get(GENERATE_PREFIX + credential.key)
            and _is_unchanged(credential, text)
            and may_generate(kind.type, credential.key)
        ):
            values[credential.key] = new_secrets[credential.key] = secrets.token_urlsafe(SECRET_BYTES)
        elif text or not credential.secret:
            values[credential.key] = text or None
    return SentSource({"credentials": values}, new_secrets)


def read_settings(type_: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that a form sent, as an integration takes them. What is empty goes back to its default."""
    settings: dict[str, Any] = {name: form.get(name, "").strip() or None for name in PLAIN_SETTINGS}
    settings["tags"] = _unique(form.get("tags", "").replace("،", ",").split(","))
    pipeline, _, stage = form.get("place", "").partition(":")
    settings |= {"pipeline_id": _whole_number(pipeline), "pipeline_stage_id": _whole_number(stage)}
    settings["assigned_user_id"] = _whole_number(form.get("assigned_user_id", ""))
    settings["rate_limit"] = _whole_number(form.get("rate_limit", ""))
    has_alarm = bool(form.get("has_alarm"))
    settings["silence_after_minutes"] = _whole_number(form.get("silence_after_minutes", "")) if has_alarm else None
    if has_alarm and not form.get("silence_after_minutes", "").strip():
        settings["silence_after_minutes"] = ""  # refused
    if type_ in APP_SECRET_FIELDS:
        settings["accounts"] = _unique(form.get("accounts", "").splitlines())
    return settings


def problem_words(view: PageView, type_: str, errors: FieldErrors) -> dict[str, str]:
    """Return the problems of a form in the reader's language, by the name of the field."""
    words = {
        "name": view.translate("Give it a name of 255 characters or fewer."),
        "source": view.translate("The source must have 255 characters or fewer."),
        "tags": view.translate("Tags are texts of 100 characters or fewer, 100 of them at most."),
        "merge_policy": view.translate("This is none of the merge rules."),
        "event_id": view.translate("This must be a JSON path, such as $.id."),
        "rate_limit": view.translate("The limit must be a whole number of 1 or more."),
        "silence_after_minutes": view.translate("This must be a whole number of minutes, from 1 to 525,600."),
        "pipeline_id": view.translate("This pipeline is not there any more."),
        "pipeline_stage_id": view.translate("This stage is not there any more."),
        "assigned_user_id": view.translate("This user is not there any more."),
    }
    problems: dict[str, str] = {}
    for path, messages in errors.items():
        name = path.removeprefix("settings.").removeprefix("credentials.")
        if path.startswith("credentials."):
            problems[name] = _credential_problem(view, type_, name, messages[0])
        elif name.partition(".")[0] == "accounts":
            problems["accounts"] = _account_problem(view, messages[0])
        else:
            problems[name.partition(".")[0]] = words.get(name.partition(".")[0], messages[0])
    return problems


def _credential_problem(view: PageView, type_: str, key: str, message: str) -> str:
    label = credential_label(view, type_, key)
    if "required" in message:
        return view.translate("%(name)s is needed.", name=label)
    if "secret itself" in message:
        return view.translate("Enter the secret itself, not what is shown of it.")
    if "sent again" in message:
        return view.translate("Enter %(name)s again: it is not kept for another place or user.", name=label)
    if "email" in message:
        return view.translate("This must be an e-mail address.")
    if key == "signature_header":
        return view.translate("This must be the name of a header.")
    if "whsec_" in message:
        return view.translate("The secret must be whsec_ and 24 to 64 bytes in base64.")
    if "ASCII" in message:
        return view.translate("A token is one line without spaces: copy it again.")
    return view.translate("%(name)s cannot be taken: %(reason)s", name=label, reason=message)


def _account_problem(view: PageView, message: str) -> str:
    if message.startswith("Another"):
        return view.translate("Another source of this app is for one of these accounts already.")
    return view.translate("Accounts are ids, one a line, 500 at most.")


def _is_unchanged(one: CredentialField, text: str) -> bool:
    return one.secret and (not text or text.startswith(SECRET_MASK))


def _unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _whole_number(text: str) -> int | str | None:
    """Return a number that was typed; a text that is none stays one, and is refused."""
    plain = text.strip().replace(",", "")
    if not plain:
        return None
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 18 else plain
