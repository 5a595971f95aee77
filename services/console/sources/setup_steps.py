"""How a source is set up at its provider, step by step, for every type. The words of the provider stay as they are."""

import re
from collections.abc import Mapping
from itertools import pairwise

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

PROVIDER_WORDS = re.compile(r"[A-Za-z@/{][A-Za-z0-9@/{}._&→ -]*[A-Za-z0-9/}]")  # runs of Latin letters
TEST_THERE = _("Send a test from there. It appears on this page within seconds.")
PASTE_URL = _("Paste the address of this source as the URL.")
SECRET_HEADER = _("To protect it, set a secret here, and send it from there in the header X-LeadHub-Secret.")
KEEP_ADDRESS = _("Nothing is signed there, so keep the address to yourself. If it gets known, renew it here.")

SETUP_STEPS: Mapping[str, tuple[str, ...]] = {
    "meta_lead_ads": (
        _(
            "At developers.facebook.com, make an app of the type Business. Its App secret stands under App settings → "
            "Basic."
        ),
        _("Under Webhooks, choose Page, and subscribe with the address of this source and the verify token."),
        _("Subscribe the app to the field leadgen, and subscribe each page to the app."),
        _("The app needs the permissions leads_retrieval, pages_manage_metadata and pages_show_list."),
        _("Make a page access token that does not end, from a person who manages the page, and enter it here."),
        _("Send a lead with the Lead Ads Testing Tool of Meta."),
    ),
    "google_ads": (
        _("In Google Ads, open the lead form, and under “Export leads” choose the webhook integration."),
        _("Paste the address of this source as the Webhook URL, and the webhook key as the Key."),
        _("Press “Send test data”. It arrives here as a test and makes no lead."),
    ),
    "linkedin": (
        _(
            "At developer.linkedin.com, make an app, and ask for the product Lead Sync API. LinkedIn approves it by "
            "hand."
        ),
        _(
            "The client secret stands under Auth. Enter it here, with an access token that has "
            "r_marketing_leadgen_automation."
        ),
        _("Under Webhooks, add the address of this source. LinkedIn checks it at once by a challenge."),
        _("Make a lead notification for your organisation or ad account, for the type LEAD."),
    ),
    "tiktok": (
        _("In the TikTok API for Business, make an app. Its secret stands under Basic information."),
        _(
            "Make a subscription to leads by the call /subscription/subscribe/, with the address of this source as "
            "callback_url."
        ),
        _("Authorise the app for each advertiser whose leads shall come here."),
        _("Send a test lead from the lead form in TikTok Ads Manager."),
    ),
    "snapchat": (
        _("In Snapchat Ads Manager, make a webhook integration of the lead form, with the address of this source."),
        _("If Snapchat shows an hmacSecret for it, enter that here. It is shown only once."),
        _("Add the integration to each lead form whose leads shall come here."),
        TEST_THERE,
    ),
    "pinterest": (
        _("Make a subscription to leads by the Pinterest API, with the address of this source as webhook_url."),
        _("The answer has a cryptographic_key. Enter it here: the leads are encrypted with it."),
        _(
            "Pinterest does not document the form of its requests. Send a test lead, and look here whether it can be "
            "read."
        ),
    ),
    "microsoft_ads": (
        _("Microsoft Advertising has no webhook for leads. Its leads come as a CSV file, or through another service."),
        _(
            "In Zapier, Make or the like, take new leads of Microsoft Advertising, and post them to the address of "
            "this source."
        ),
        SECRET_HEADER,
    ),
    "whatsapp": (
        _(
            "At developers.facebook.com, add the product WhatsApp to your app. Its App secret stands under App "
            "settings → Basic."
        ),
        _("Under WhatsApp → Configuration, enter the address of this source as Callback URL, and the verify token."),
        _("Subscribe to the field messages."),
        _("Write to the number from another phone. The message arrives here within seconds."),
    ),
    "telegram": (
        _("Make a bot with @BotFather, and keep its token at hand. LeadHub does not need it."),
        _("Call setWebhook of the bot with the address of this source as url, and the secret token as secret_token."),
        _("Write to the bot. Let it ask for the phone number by a request_contact button, since a message has none."),
    ),
    "viber": (
        _("The authentication token stands in the Viber Admin Panel, under the account’s settings. Enter it here."),
        _(
            "Call set_webhook with the address of this source as url, and with the event types message, subscribed and "
            "conversation_started."
        ),
        _("Write to the bot. The message arrives here within seconds."),
    ),
    "mailgun": (
        _("The HTTP webhook signing key stands in Mailgun under Sending → Webhooks. Enter it here."),
        _(
            "Under Receiving → Routes, make a route for your address with the action forward to the address of this "
            "source."
        ),
        _("Send a mail to that address. It arrives here within seconds."),
    ),
    "sendgrid": (
        _("Point the MX record of a host of yours to mx.sendgrid.net."),
        _("Under Settings → Inbound Parse, add that host, with the address of this source as Destination URL."),
        _("If you turn on a security policy with signatures there, enter its public verification key here."),
        _("Send a mail to any address at that host. It arrives here within seconds."),
    ),
    "twilio": (
        _("Account SID and Auth Token stand on the first page of the Twilio Console. Enter them here."),
        _(
            "Under Phone Numbers, open the number, and paste the address of this source under “A message comes in”, "
            "with HTTP POST."
        ),
        _("Send a message to the number. It arrives here within seconds."),
    ),
    "typeform": (
        _("In Typeform, open the form, then Connect → Webhooks → Add a webhook."),
        _("Paste the address of this source as Endpoint."),
        _("Edit the webhook, and enter the secret there that is set here."),
        _("Switch the webhook on, and press “Send test request”."),
    ),
    "jotform": (
        _("In Jotform, open the form, then Settings → Integrations → Webhooks."),
        _("Paste the address of this source, and complete the integration."),
        KEEP_ADDRESS,
        _("Fill in the form once. The submission arrives here within seconds."),
    ),
    "calendly": (
        _(
            "Make a webhook subscription by the Calendly API, with the address of this source as url. It needs a paid "
            "plan."
        ),
        _("Subscribe to invitee.created, and to routing_form_submission.created if you use routing forms."),
        _("Choose a signing_key in the same call, and enter the same here."),
        _("Book a time with yourself. The booking arrives here within seconds."),
    ),
    "tally": (
        _("In Tally, open the form, then Integrations → Webhooks → Connect."),
        PASTE_URL,
        _("Add the signing secret there that is set here."),
        TEST_THERE,
    ),
    "webflow": (
        _("In Webflow, open Site settings → Apps & integrations → Webhooks, and add one for Form submission."),
        PASTE_URL,
        _(
            "A webhook made there is signed with a secret key, if Webflow shows one; one made by an app, with the "
            "app’s client secret. Enter it here."
        ),
        _("Publish the site, and fill in the form once."),
    ),
    "gravity_forms": (
        _("In WordPress, install the Webhooks Add-On of Gravity Forms."),
        _("Open the form, then Settings → Webhooks → Add New, with the address of this source, POST and JSON."),
        SECRET_HEADER,
        _("Fill in the form once. The submission arrives here within seconds."),
    ),
    "wpforms": (
        _("In WordPress, install the Webhooks addon of WPForms."),
        _("Open the form, then Settings → Webhooks, with the address of this source, POST and JSON."),
        _("Enter the Secret that stands there here. Without it nothing is taken."),
        _(
            "Under Request Body, add the fields to send, and the smart tag {entry_id} as entry_id: repeats are known "
            "by it."
        ),
    ),
    "elementor": (
        _("In Elementor, open the form, and under Actions After Submit add Webhook."),
        _("Paste the address of this source as Webhook URL, and switch on Advanced Data."),
        KEEP_ADDRESS,
        _("Fill in the form once. The submission arrives here within seconds."),
    ),
    "unbounce": (
        _("In Unbounce, open the page, then Integrations → Webhooks → Add a webhook."),
        PASTE_URL,
        KEEP_ADDRESS,
        TEST_THERE,
    ),
    "netlify": (
        _("In Netlify, open the site’s Forms → Form notifications → Add notification → HTTP POST request."),
        PASTE_URL,
        _("Enter the JWS secret token there that is set here."),
        _("Fill in the form once. The submission arrives here within seconds."),
    ),
    "hubspot": (
        _(
            "In HubSpot, make an app with the scope crm.objects.contacts.read. Its client secret and access token "
            "stand under Auth."
        ),
        _("Under Webhooks, enter the address of this source as target URL."),
        _("Subscribe to contact.creation, and to contact.privacyDeletion."),
        _("Make a contact in HubSpot. Its id arrives here, and LeadHub fetches the contact."),
    ),
    "intercom": (
        _("In the Developer Hub of Intercom, make an app. Its client secret stands under Basic information."),
        _("Under Webhooks, enter the address of this source as endpoint."),
        _("Subscribe to the topics contact.user.created, contact.lead.created and contact.email.updated."),
        TEST_THERE,
    ),
    "shopify": (
        _(
            "In Shopify, open Settings → Notifications → Webhooks → Create webhook. The signing secret stands below "
            "the list; enter it here."
        ),
        _(
            "Choose the event “Customer creation”, the format JSON, and paste the address of this source. Do the same "
            "for “Order creation”."
        ),
        _("A webhook that an app made is signed with the app’s client secret instead."),
        TEST_THERE,
    ),
    "zapier": (
        _("In Zapier, add the action “Webhooks by Zapier” → POST to your Zap."),
        _(
            "Paste the address of this source as the URL, choose the payload type json, and name the data email, "
            "phone, first_name and so on."
        ),
        SECRET_HEADER,
        TEST_THERE,
    ),
    "make": (
        _("In Make, add the module HTTP → Make a request to your scenario."),
        _(
            "Paste the address of this source as the URL, with the method POST and a JSON body: email, phone, "
            "first_name and so on."
        ),
        SECRET_HEADER,
        TEST_THERE,
    ),
    "n8n": (
        _("In n8n, add the node HTTP Request to your workflow."),
        _(
            "Paste the address of this source as the URL, with the method POST and a JSON body: email, phone, "
            "first_name and so on."
        ),
        SECRET_HEADER,
        TEST_THERE,
    ),
    "webhook": (
        _("Let the sender post JSON or a form to the address of this source."),
        _(
            "If it can sign, set the same secret on both sides: an HMAC-SHA256 of the body, in the header that is "
            "named here."
        ),
        _("After the first request, open the mapping and click on the values that belong to a lead."),
    ),
    "standard_webhooks": (
        _("At the sender, add an endpoint with the address of this source."),
        _(
            "The sender shows a signing secret that begins with whsec_, or a public key that begins with whpk_. Enter "
            "it here."
        ),
        _("After the first request, open the mapping and click on the values that belong to a lead."),
    ),
}


def setup_steps(view: PageView, type_: str) -> list[Markup]:
    """Return the steps to set up a source of a type, in the reader's language."""
    return [_isolated(view, view.translate(step)) for step in SETUP_STEPS.get(type_, ())]


def _isolated(view: PageView, text: str) -> Markup:
    """Return a step in which the provider's own words keep their direction in a text from right to left."""
    if not view.language.is_right_to_left:
        return Markup("{}").format(text)
    ends = [0, *(end for match in PROVIDER_WORDS.finditer(text) for end in match.span()), len(text)]
    pieces = [text[start:end] for start, end in pairwise(ends)]
    isolated = Markup('<bdi dir="ltr">{}</bdi>')
    return Markup("").join(isolated.format(piece) if place % 2 else piece for place, piece in enumerate(pieces))
