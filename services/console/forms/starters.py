"""Templates of forms: what most sites need, in the reader's language, to be changed in the builder.

The texts of consents say what is usual; whoever publishes the form answers for them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

FieldParts = Mapping[str, Any]
TRANSLATED_PARTS = ("label", "placeholder", "help", "consent_text")


@dataclass(frozen=True)
class FormTemplate:
    """A form to begin with. Its texts are messages to be translated."""

    name: str
    note: str
    icon: str
    fields: Sequence[FieldParts]
    settings: Mapping[str, Any]


NAME: FieldParts = {"key": "name", "type": "text", "label": _("Your name"), "required": True, "maps_to": "full_name"}
EMAIL: FieldParts = {"key": "email", "type": "email", "label": _("E-mail"), "required": True, "maps_to": "email"}
PHONE: FieldParts = {"key": "phone", "type": "phone", "label": _("Phone"), "maps_to": "phone"}
COMPANY: FieldParts = {"key": "company", "type": "text", "label": _("Company"), "maps_to": "company"}
MESSAGE: FieldParts = {"key": "message", "type": "textarea", "label": _("Your message"), "maps_to": "notes"}
REPLY_CONSENT: FieldParts = {
    "key": "consent",
    "type": "consent",
    "label": _("Consent"),
    "required": True,
    "consent_text": _("I agree that my answers are kept in order to reply to me."),
}

FORM_TEMPLATES: Mapping[str, FormTemplate] = {
    "contact": FormTemplate(
        _("Contact"),
        _("Name, e-mail and a message."),
        "mail",
        (NAME, EMAIL, PHONE, {**MESSAGE, "required": True}, REPLY_CONSENT),
        {
            "title": _("Write to us"),
            "intro": _("A person reads every message."),
            "submit_label": _("Send the message"),
            "success_message": _("Thank you. We read your message and answer it."),
            "source": "contact",
        },
    ),
    "demo": FormTemplate(
        _("Demo request"),
        _("Who asks, from which company, and what they want to see."),
        "desktop",
        (
            NAME,
            {**EMAIL, "label": _("Work e-mail")},
            {**COMPANY, "required": True},
            {
                "key": "seats",
                "type": "radio",
                "label": _("How many people would use it?"),
                "options": ["1–5", "6–20", "21–100", "100+"],
                "maps_to": "custom_fields.seats",
            },
            {**MESSAGE, "label": _("What would you like to see?")},
            REPLY_CONSENT,
        ),
        {
            "title": _("See it in thirty minutes"),
            "intro": _("Tell us who you are, and we propose a time."),
            "submit_label": _("Ask for a demo"),
            "success_message": _("Thank you. We write to you with a few times to choose from."),
            "source": "demo-request",
            "tags": ["demo"],
        },
    ),
    "newsletter": FormTemplate(
        _("Newsletter"),
        _("An e-mail address, confirmed by a link where mail can be sent."),
        "inbox",
        (
            EMAIL,
            {"key": "first_name", "type": "text", "label": _("First name"), "maps_to": "first_name"},
            {
                **REPLY_CONSENT,
                "consent_text": _("I want the newsletter by e-mail. I can leave it at any time by a link in each one."),
            },
        ),
        {
            "title": _("News, once a month"),
            "submit_label": _("Subscribe"),
            "success_message": _("Thank you. You are on the list."),
            "source": "newsletter",
            "tags": ["newsletter"],
            "double_opt_in": True,
        },
    ),
    "callback": FormTemplate(
        _("Callback"),
        _("A name and a number, and when to call."),
        "phone",
        (
            NAME,
            {**PHONE, "required": True},
            {
                "key": "when",
                "type": "select",
                "label": _("When may we call?"),
                "options": [_("In the morning"), _("In the afternoon"), _("In the evening")],
                "maps_to": "custom_fields.call_time",
            },
            {**MESSAGE, "label": _("What is it about?")},
            {**REPLY_CONSENT, "consent_text": _("I agree to be called about this.")},
        ),
        {
            "title": _("We call you back"),
            "submit_label": _("Ask for a call"),
            "success_message": _("Thank you. We call you at the time that you chose."),
            "source": "callback",
            "tags": ["callback"],
        },
    ),
    "job": FormTemplate(
        _("Job application"),
        _("Who applies, for what, with a file, in two steps."),
        "user",
        (
            NAME,
            EMAIL,
            PHONE,
            {
                "key": "position",
                "type": "text",
                "label": _("Position"),
                "required": True,
                "maps_to": "custom_fields.position",
                "prefill": True,
            },
            {**MESSAGE, "label": _("Why you?"), "step": 2},
            {
                "key": "cv",
                "type": "file",
                "label": _("Your CV"),
                "required": True,
                "maps_to": "custom_fields.cv",
                "accept": [".pdf", ".doc", ".docx", ".odt"],
                "step": 2,
            },
            {
                **REPLY_CONSENT,
                "step": 2,
                "consent_text": _("I agree that my application is kept for six months in order to decide on it."),
            },
        ),
        {
            "title": _("Work with us"),
            "step_titles": [_("About you"), _("Your application")],
            "submit_label": _("Send the application"),
            "success_message": _("Thank you. We read every application, and answer each."),
            "source": "jobs",
            "tags": ["application"],
            "merge_policy": "fill_empty",
        },
    ),
    "blank": FormTemplate(_("Blank"), _("One field, and all others by you."), "plus", (EMAIL,), {"source": "website"}),
}


def made_form(view: PageView, template: FormTemplate, name: str, *, has_mail: bool) -> dict[str, Any]:
    """Return the members of a new form. Its texts and its language are the reader's.

    It asks for confirmations only where mail can be sent.
    """
    settings = _translated(view.translate, template.settings)
    if not has_mail:
        settings.pop("double_opt_in", None)
    fields = [_translated(view.translate, field) for field in template.fields]
    return {
        "name": name or view.translate(template.name),
        "fields": fields,
        "settings": {**settings, "language": view.language.code},
    }


def _translated(translate: Callable[[str], str], parts: Mapping[str, Any]) -> dict[str, Any]:
    names = (*TRANSLATED_PARTS, "title", "intro", "submit_label", "success_message")
    translated_parts = {key: translate(value) if key in names else value for key, value in parts.items()}
    for key in ("options", "step_titles"):
        if key in translated_parts:
            translated_parts[key] = [translate(text) for text in translated_parts[key]]
    return translated_parts
