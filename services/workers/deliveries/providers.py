"""Requests to Twilio, Slack and Mailgun. Pure."""

import base64
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import orjson

from services.workers.deliveries.types import HttpRequest
from services.workers.deliveries.webhook_request import JSON_CONTENT_TYPE, USER_AGENT, recorded_request

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"
MAILGUN_URLS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
MESSAGING_SERVICE_PREFIX = "MG"  # prefix of such an id at Twilio

ProviderCredentials = Mapping[str, str]


def twilio_request(credentials: ProviderCredentials, base_url: str, phone: str, text: str) -> HttpRequest:
    """Make the request for a text message."""
    account, sender = credentials["account_sid"], credentials["from"]
    url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
    from_ = "MessagingServiceSid" if sender.startswith(MESSAGING_SERVICE_PREFIX) else "From"
    body = urlencode({"To": phone, from_: sender, "Body": text})
    return _form_request(url, (account, credentials["auth_token"]), body)


def slack_request(credentials: ProviderCredentials, text: str) -> HttpRequest:
    """Make the request for a message to a channel. The URL is secret."""
    url, headers = credentials["webhook_url"], {"Content-Type": JSON_CONTENT_TYPE, "User-Agent": USER_AGENT}
    return HttpRequest(
        url, headers, orjson.dumps({"text": text}), recorded_request(url, headers, path=False), is_secret=True
    )


def mailgun_request(credentials: ProviderCredentials, base_url: str, fields: Mapping[str, str]) -> HttpRequest:
    """Make the request for a mail."""
    base = base_url or MAILGUN_URLS[_mailgun_region(credentials)]
    url = f"{base.rstrip('/')}/v3/{quote(credentials['domain'], safe='')}/messages"
    return _form_request(url, ("api", credentials["api_key"]), urlencode(fields))


def _mailgun_region(credentials: ProviderCredentials) -> str:
    return "eu" if credentials.get("region", "").strip().lower() == "eu" else "us"


def _form_request(url: str, login: tuple[str, str], body: str) -> HttpRequest:
    """Make a request with a form and a login. The operator sets the address."""
    shown = {"Content-Type": FORM_CONTENT_TYPE, "User-Agent": USER_AGENT}
    basic = base64.b64encode(":".join(login).encode()).decode()
    return HttpRequest(
        url, {**shown, "Authorization": f"Basic {basic}"}, body.encode(), recorded_request(url, shown), is_trusted=True
    )
