"""Requests to Twilio, Slack and Mailgun. Pure."""

import base64
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import orjson

from services.workers.deliveries.messages import Call
from services.workers.deliveries.webhooks import JSON, USER_AGENT, record

FORM = "application/x-www-form-urlencoded"
MAILGUN = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
MESSAGING_SERVICE = "MG"  # prefix of such an id at Twilio

Credentials = Mapping[str, str]


def twilio(credentials: Credentials, base_url: str, phone: str, text: str) -> Call:
    """Make the request for a text message."""
    account, sender = credentials["account_sid"], credentials["from"]
    url = f"{base_url.rstrip('/')}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
    from_ = "MessagingServiceSid" if sender.startswith(MESSAGING_SERVICE) else "From"
    body = urlencode({"To": phone, from_: sender, "Body": text})
    return _form(url, (account, credentials["auth_token"]), body)


def slack(credentials: Credentials, text: str) -> Call:
    """Make the request for a message to a channel. The URL is secret."""
    url, headers = credentials["webhook_url"], {"Content-Type": JSON, "User-Agent": USER_AGENT}
    return Call(url, headers, orjson.dumps({"text": text}), record(url, headers, path=False), is_secret=True)


def mailgun(credentials: Credentials, base_url: str, fields: Mapping[str, str]) -> Call:
    """Make the request for a mail."""
    base = base_url or MAILGUN[_region(credentials)]
    url = f"{base.rstrip('/')}/v3/{quote(credentials['domain'], safe='')}/messages"
    return _form(url, ("api", credentials["api_key"]), urlencode(fields))


def _region(credentials: Credentials) -> str:
    return "eu" if credentials.get("region", "").strip().lower() == "eu" else "us"


def _form(url: str, login: tuple[str, str], body: str) -> Call:
    """Make a request with a form and a login. The operator sets the address."""
    shown = {"Content-Type": FORM, "User-Agent": USER_AGENT}
    basic = base64.b64encode(":".join(login).encode()).decode()
    return Call(url, {**shown, "Authorization": f"Basic {basic}"}, body.encode(), record(url, shown), trusted=True)
