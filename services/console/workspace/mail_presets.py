"""Servers of mail providers, as their own pages name them: host, port and how TLS begins."""

from dataclasses import dataclass

from services.console.web.translations import mark_message as _


@dataclass(frozen=True)
class MailPreset:
    """A provider's server. `username` is the one that everybody has there, `note` what to know before."""

    key: str
    name: str
    host: str
    port: str = "587"
    security: str = "starttls"
    username: str = ""
    note: str = ""


APP_PASSWORD = _("It wants an app password, made in the settings of the account, and not the usual one.")
REGION_HOST = _("The host differs by region: take the one that the provider's console shows.")
MAIL_PRESETS = (
    MailPreset("google", "Google Workspace, Gmail", "smtp.gmail.com", note=APP_PASSWORD),
    MailPreset(
        "microsoft",
        "Microsoft 365",
        "smtp.office365.com",
        note=_("An admin there has to allow authenticated SMTP for the mailbox."),
    ),
    MailPreset("ses", "Amazon SES", "email-smtp.eu-central-1.amazonaws.com", note=REGION_HOST),
    MailPreset("mailgun", "Mailgun", "smtp.mailgun.org", note=REGION_HOST),
    MailPreset(
        "postmark", "Postmark", "smtp.postmarkapp.com", note=_("User name and password are the server's token.")
    ),
    MailPreset(
        "sendgrid",
        "SendGrid",
        "smtp.sendgrid.net",
        username="apikey",
        note=_("The password is an API key that may send mail."),
    ),
    MailPreset(
        "brevo", "Brevo", "smtp-relay.brevo.com", note=_("The password is an SMTP key, not that of the account.")
    ),
    MailPreset(
        "resend",
        "Resend",
        "smtp.resend.com",
        "465",
        "tls",
        "resend",
        note=_("The password is an API key that may send mail."),
    ),
    MailPreset("fastmail", "Fastmail", "smtp.fastmail.com", "465", "tls", note=APP_PASSWORD),
    MailPreset("zoho", "Zoho Mail", "smtp.zoho.com", "465", "tls", note=REGION_HOST),
)


def find_preset(key: str) -> MailPreset | None:
    """Return the preset of a key."""
    return next((preset for preset in MAIL_PRESETS if preset.key == key), None)
