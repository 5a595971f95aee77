"""Sources in words: their kinds, the reasons of refusals, the labels of credentials, and what the doctor says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.integrations.catalogue import INTEGRATION_TYPES, PROVIDERS_BY_TYPE
from shared.integrations.integration_check import CheckedStep
from shared.operations.source_report import SourceReport


@dataclass(frozen=True)
class GalleryGroup:
    """A group of the gallery: its name in an address, its title, a word about it, and its types."""

    name: str
    title: str
    note: str
    types: tuple[str, ...]


GALLERY_GROUPS = (
    GalleryGroup("own", _("Your own"), _("nothing to sign up for"), ("webhook", "standard_webhooks")),
    GalleryGroup(
        "ads",
        _("Ads"),
        _("lead forms of the platforms"),
        ("meta_lead_ads", "google_ads", "linkedin", "tiktok", "snapchat", "pinterest", "microsoft_ads"),
    ),
    GalleryGroup(
        "forms",
        _("Forms and bookings"),
        _("signed by most of them"),
        (
            *("typeform", "jotform", "tally", "calendly", "webflow", "gravity_forms", "wpforms", "elementor"),
            *("unbounce", "netlify"),
        ),
    ),
    GalleryGroup(
        "messages",
        _("Messages and mail"),
        _("a person may have no e-mail"),
        ("whatsapp", "telegram", "viber", "intercom", "twilio", "mailgun", "sendgrid"),
    ),
    GalleryGroup("shops", _("Shops and CRM"), "", ("shopify", "hubspot")),
    GalleryGroup("automation", _("Automation"), _("whatever else they can reach"), ("zapier", "make", "n8n")),
)
# Two letters, and how a type protects what it sends.
TYPE_MARKS: Mapping[str, tuple[str, str]] = {
    "webhook": ("Wh", _("you say where the fields are")),
    "standard_webhooks": ("SW", _("signed the common way")),
    "meta_lead_ads": ("Me", _("lead forms; app and page token")),
    "google_ads": ("GA", _("a key in the lead form")),
    "linkedin": ("Li", _("lead sync; app with approval")),
    "tiktok": ("Ti", _("app secret")),
    "snapchat": ("Sn", _("secret of the webhook")),
    "pinterest": ("Pi", _("key of the subscription")),
    "microsoft_ads": ("MA", _("no webhook there: a CSV file, or Zapier and the like")),
    "typeform": ("Tf", _("secret, set by hand")),
    "jotform": ("Jf", _("unsigned; the address is the secret")),
    "tally": ("Ta", _("signing secret")),
    "calendly": ("Ca", _("bookings and routing forms")),
    "webflow": ("Wf", _("signed if an app made the webhook")),
    "gravity_forms": ("GF", _("webhooks add-on")),
    "wpforms": ("WP", _("webhooks add-on")),
    "elementor": ("El", _("action after submit")),
    "unbounce": ("Un", _("form webhook")),
    "netlify": ("Ne", _("signed, per site")),
    "whatsapp": ("WA", _("Cloud API; app secret")),
    "telegram": ("Tg", _("a bot and a secret token")),
    "viber": ("Vi", _("a bot and its token")),
    "intercom": ("Ic", _("client secret")),
    "twilio": ("Tw", _("auth token")),
    "mailgun": ("Mg", _("mail to an address of yours")),
    "sendgrid": ("SG", _("mail to an address of yours")),
    "shopify": ("Sh", _("customers and orders")),
    "hubspot": ("HS", _("client secret; the lead is fetched")),
    "zapier": ("Za", _("Webhooks by Zapier")),
    "make": ("Mk", _("HTTP module")),
    "n8n": ("n8", _("HTTP Request node")),
}
CREDENTIAL_LABELS: Mapping[str, str] = {
    "app_secret": _("App secret"),
    "verify_token": _("Verify token"),
    "page_access_token": _("Page access token"),
    "google_key": _("Webhook key"),
    "client_secret": _("Client secret"),
    "access_token": _("Access token"),
    "hmac_secret": _("Secret of the webhook integration"),
    "header_secret": _("Value of the header X-LeadHub-Secret"),
    "cryptographic_key": _("Cryptographic key of the subscription"),
    "secret_token": _("Secret token given to setWebhook"),
    "auth_token": _("Authentication token"),
    "signing_key": _("Webhook signing key"),
    "api_key": _("API key for sending"),
    "domain": _("Domain for sending"),
    "region": _("Region: us or eu"),
    "from": _("Sender’s address or number"),
    "verification_key": _("Public verification key"),
    "account_sid": _("Account SID"),
    "secret": _("Signing secret"),
    "signing_secret": _("Signing secret"),
    "jws_secret": _("JWS secret token"),
    "signature_header": _("Header with the signature; X-Webhook-Signature unless set"),
    "dataset_id": _("Dataset id"),
    "customer_id": _("Customer id of the Google Ads account"),
    "conversion_action": _("Conversion action id"),
    "login_customer_id": _("Customer id of the manager account"),
    "service_account_key": _("JSON key of the service account"),
}
TYPED_LABELS: Mapping[tuple[str, str], str] = {
    ("standard_webhooks", "secret"): _("Signing secret (whsec_…) or public key (whpk_…)"),
    ("shopify", "client_secret"): _("Client secret of the app, or the shop’s signing secret"),
    ("meta_conversions", "access_token"): _("Access token of the dataset"),
    ("webflow", "signing_secret"): _("Secret key of the webhook, or the app’s client secret"),
}
REASON_WORDS: Mapping[str, str] = {
    "missing_signature": _("no signature"),
    "bad_signature": _("wrong signature"),
    "stale": _("too old when it came"),
    "wrong_token": _("wrong token or key"),
    "replayed": _("a signature that was used before"),
    "too_many_items": _("more than 1,000 items"),
    "handshake": _("a handshake with a wrong token"),
}
REASON_ADVICE: Mapping[str, str] = {
    "missing_signature": _("The provider signs nothing. Set the secret there, or send from the provider itself."),
    "bad_signature": _("The secret here is not the one that the provider signs with. Copy it again from there."),
    "stale": _("Requests are too old when they come. Check the clock of the sender and of this machine."),
    "wrong_token": _("The token or key that comes is not the one that is set here. Copy it again."),
    "replayed": _("A signature came again with another body. If this goes on, renew the secret."),
    "too_many_items": _("Have the sender split its requests: one may hold at most 1,000 items."),
}


def type_name(type_: str) -> str:
    """Return the name of a provider, which is the same in every language."""
    return PROVIDERS_BY_TYPE[type_].type.name if type_ in PROVIDERS_BY_TYPE else type_


def type_initials(type_: str) -> str:
    """Return two letters for a provider."""
    return TYPE_MARKS[type_][0] if type_ in TYPE_MARKS else type_[:2].title()


def type_note(view: PageView, type_: str) -> str:
    """Return a few words about a provider."""
    return view.translate(TYPE_MARKS[type_][1]) if type_ in TYPE_MARKS else ""


def kind_word(view: PageView, report: SourceReport) -> str:
    """Return what a source is: the provider, a form, or a key of the API."""
    if report.type:
        return type_name(report.type)
    return view.translate("form") if report.kind == "form" else view.translate("API key")


def credential_label(view: PageView, type_: str, key: str) -> str:
    """Return the label of a credential."""
    label = TYPED_LABELS.get((type_, key)) or CREDENTIAL_LABELS.get(key)
    if label:
        return view.translate(label)
    field = INTEGRATION_TYPES[type_].credential_field(key)
    return field.label if field else key


def reason_word(view: PageView, reason: str) -> str:
    """Return why a request was refused, in a few words."""
    return view.translate(REASON_WORDS[reason]) if reason in REASON_WORDS else reason


def target_words(view: PageView) -> dict[str, str]:
    """Return the fields of a lead that a mapping may fill, with their names."""
    return {
        "first_name": view.translate("first name"),
        "last_name": view.translate("last name"),
        "full_name": view.translate("full name"),
        "email": view.translate("e-mail"),
        "phone": view.translate("phone"),
        "company": view.translate("company"),
        "job_title": view.translate("job title"),
        "country": view.translate("country"),
        "source": view.translate("source"),
        "status": view.translate("status"),
        "notes": view.translate("notes"),
        "tags": view.translate("tags"),
    }


@dataclass(frozen=True)
class DoctorLine:
    """A step of the doctor in words. `ok` is None where there is nothing to check yet."""

    ok: bool | None
    seen: Markup | str
    advice: Markup | str = ""


def doctor_line(view: PageView, type_: str, step: CheckedStep) -> DoctorLine:
    """Return a step of the doctor in the reader's language."""
    seen, advice = DOCTOR_WORDS[step.step](view, type_, step)
    return DoctorLine(step.ok, seen, "" if step.ok else advice)


def _active_words(view: PageView, _type: str, step: CheckedStep) -> tuple[str, str]:
    if step.code == "on":
        return view.translate("It is switched on."), ""
    off = view.translate("It is switched off: what comes is acknowledged and dropped.")
    return off, view.translate("Switch it on when leads shall come in.")


def _credential_words(view: PageView, type_: str, step: CheckedStep) -> tuple[str, str]:
    if step.code == "missing":
        labels = ", ".join(credential_label(view, type_, field.key) for field in step.values["missing"])
        return view.translate("Missing: %(names)s.", names=labels), view.translate("Enter it below.")
    if step.code == "unreadable":
        advice = view.translate("Enter them again, or give the service the key that it had.")
        return view.translate("The secrets cannot be decrypted."), advice
    if step.code == "unsigned":
        advice = view.translate("Set one below, so that only the provider can send.")
        return view.translate("No secret is set: the address alone protects it."), advice
    if step.code == "needless":
        return view.translate("It needs no secret but its address."), ""
    return view.translate("Its secrets are set."), ""


def _handshake_words(view: PageView, _type: str, step: CheckedStep) -> tuple[str, str]:
    age = view.formatting.age(step.values["at"])
    if step.code == "answered":
        return view.translate("The provider’s last handshake was answered %(age)s.", age=age), ""
    advice = view.translate("Enter the secret or verify token of this source at the provider, and let it check again.")
    return view.translate("The provider’s last handshake was refused %(age)s. It stops no lead.", age=age), advice


def _delivery_words(view: PageView, _type: str, step: CheckedStep) -> tuple[str, str]:
    if step.code == "none":
        advice = view.translate("Enter the address at the provider, and send a test lead from there.")
        return view.translate("Nothing has come yet."), advice
    seen = view.translate_count(
        "The last lead came %(age)s; %(n)s came within 24 hours.",
        "The last lead came %(age)s; %(n)s came within 24 hours.",
        step.values["count"],
        age=view.formatting.age(step.values["at"]),
    )
    return seen, view.translate("It is silent for longer than usual. Send a test lead from the provider.")


def _rejection_words(view: PageView, _type: str, step: CheckedStep) -> tuple[str, str]:
    if step.code == "none":
        return view.translate("No delivery was refused within a week."), ""
    reason = step.values["reason"]
    seen = view.translate_count(
        "The last refusal was %(age)s: %(reason)s. %(n)s was refused within 24 hours.",
        "The last refusal was %(age)s: %(reason)s. %(n)s were refused within 24 hours.",
        step.values["count"],
        age=view.formatting.age(step.values["at"]),
        reason=reason_word(view, reason),
    )
    return seen, view.translate(REASON_ADVICE[reason]) if reason in REASON_ADVICE else ""


def _fetch_words(view: PageView, _type: str, step: CheckedStep) -> tuple[Markup | str, Markup | str]:
    if step.code == "none":
        return view.translate("No lead waits to be fetched."), ""
    if step.code == "failed":
        said = view.translate("Leads cannot be fetched:")
        return Markup('{} <bdi class="break-anywhere">{}</bdi>').format(said, step.seen), view.translate(
            "Renew the access token below."
        )
    seen = view.translate_count(
        "%(n)s lead waits to be fetched, since %(age)s.",
        "%(n)s leads wait to be fetched, the oldest since %(age)s.",
        step.values["count"],
        age=view.formatting.age(step.values["at"]),
    )
    return seen, Markup('<bdi class="break-anywhere">{}</bdi>').format(step.advice or "")


DoctorWords = Callable[[PageView, str, CheckedStep], tuple[Markup | str, Markup | str]]
DOCTOR_WORDS: Mapping[str, DoctorWords] = {
    "active": _active_words,
    "credentials": _credential_words,
    "handshake": _handshake_words,
    "last_delivery": _delivery_words,
    "last_rejection": _rejection_words,
    "last_fetch": _fetch_words,
}
