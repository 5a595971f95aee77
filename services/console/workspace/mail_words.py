"""Sentences of the mail server of a workspace, and of a mail on trial."""

from datetime import UTC, datetime

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.outbound.mail_trials import SHORTEST_PAUSE, MailTrial
from shared.platform.errors import FieldErrors
from shared.workspace_changes.mail_server import PRIVATE_HOST_MESSAGE

PAUSE_SECONDS = int(SHORTEST_PAUSE.total_seconds())  # between two mails on trial
FIELD_LABELS = {
    "host": _("Server"),
    "port": _("Port"),
    "security": _("Encryption"),
    "username": _("User name"),
    "from": _("Sender's address"),
    "from_name": _("Sender's name"),
}
SECURITY_WORDS = {
    "": _("TLS from the start on port 465, otherwise STARTTLS where it is offered"),
    "starttls": _("STARTTLS, and no mail without it"),
    "tls": _("TLS from the start"),
}
ERROR_WORDS = {
    "host": _("Write the name of a server, such as smtp.example.com."),
    "port": _("Write a port, from 1 to 65535."),
    "security": _("Choose one of the list."),
    "username": _("Write a user name on one line."),
    "from": _("Write one e-mail address."),
    "from_name": _("Write one line of 100 characters at most."),
    "password": _("Enter the password again: it is not kept for another server, user or sender."),
}
PRIVATE_HOST = _("This is a private address. The operator may allow it by LEADHUB_ALLOWED_TARGETS.")
# What the sender says of an attempt, in English.
TRIAL_ERRORS = {
    "The mail server did not take the mail.": _("The mail server did not take it."),
    "The connection could not be made.": _(
        "The connection could not be made: is the port right, and how TLS begins on it?"
    ),
    "No answer came within 20 s.": _("No answer came within 20 s."),
    "The host name could not be resolved.": _("There is no host of this name."),
    "The connection was closed before an answer came.": _("The server hung up before it answered."),
    "The address is not one that requests may go to.": _(
        "The host has a private address. The operator may allow it by LEADHUB_ALLOWED_TARGETS."
    ),
    "The mail server offers no TLS, so the mail was not sent: its setting asks for TLS.": _(
        "The server offers no TLS, which the settings ask for."
    ),
}
WARNING_CODES = ("mail_alignment", "mail_refused_sender", "mail_by_nobody")
NO_TLS_START = "The mail server offers no TLS, so the user name"
NO_LOGIN = _("The server offers no TLS, so user name and password were not sent.")


def error_sentences(view: PageView, errors: FieldErrors) -> dict[str, str]:
    """Return what is wrong with each field, in the reader's language."""
    return {field.removeprefix("mail."): _error_sentence(view, field, said[0]) for field, said in errors.items()}


def _error_sentence(view: PageView, field: str, message: str) -> str:
    if message == PRIVATE_HOST_MESSAGE:
        return view.translate(PRIVATE_HOST)
    return view.translate(ERROR_WORDS.get(field.removeprefix("mail."), ERROR_WORDS["host"]))


def is_put_off(trial: MailTrial) -> bool:
    """Return whether a mail on trial waits for the pause after the one before."""
    return trial.due_at is not None and trial.due_at > datetime.now(UTC)


def trial_problem(view: PageView, trial: MailTrial) -> str:
    """Say why a mail on trial did not go out."""
    error = trial.error or ""
    if error.startswith(NO_TLS_START):
        return view.translate(NO_LOGIN)
    return view.translate(TRIAL_ERRORS[error]) if error in TRIAL_ERRORS else error
