"""The form of a subscription: a new one, whose secret is shown once, and one that exists."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from services.console.webhooks.changes import webhook_path
from services.console.webhooks.filter_choices import read_filter_choices, sent_filters, shown_filters
from services.console.webhooks.webhook_page import WEBHOOKS_PAGE, SentQuestion, render_webhook
from services.console.webhooks.words import EVENT_WORDS, form_problems, receiver_name
from shared.auth.roles import Permission
from shared.outbound.subscription_fields import (
    ALL_EVENTS,
    CHANGED_SUBSCRIPTION,
    EVENT_TYPES,
    NEW_SUBSCRIPTION,
    checked_fields,
)
from shared.outbound.subscriptions import Subscription, change_subscription, create_subscription, find_subscription
from shared.platform.errors import Conflict, FieldErrors, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

CHOSEN_AT_FIRST = ["lead.created"]
LONG_FIELDS = ("url", "description")


@workspace_page(Permission.SET_UP)
async def new(view: PageView) -> web.StreamResponse:
    """Show the form of a new subscription."""
    return await _render(view, None, {"url": "https://", "events": CHOSEN_AT_FIRST})


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a subscription and show it, with its secret, which is in this answer and never again."""
    sent_form = _sent_fields(await view.read_form())
    workspace_id, cipher, settings = view.workspace.workspace_id, view.console.cipher, view.console.settings
    try:
        fields = _checked(view, *NEW_SUBSCRIPTION.validate_fields(sent_form))
        audit_details(view.request, after=fields)
        new_one = await view.console.writing(
            lambda connection: create_subscription(connection, cipher, workspace_id, fields, settings.max_subscriptions)
        )
    except ValidationFailed as refused:
        return await _render(view, None, sent_form, form_problems(view, refused.errors or {}))
    except Conflict:
        text = view.translate(
            "The workspace has as many webhooks as it may have (%(n)s). Delete one first.",
            n=view.formatting.number(settings.max_subscriptions),
        )
        return await _render(view, None, sent_form, {"": text}, 409)
    audit_details(view.request, object=("webhook", new_one.id))
    return await render_webhook(view, new_one.id, question=SentQuestion(secret=new_one.secret))


@workspace_page(Permission.SET_UP)
async def edit(view: PageView) -> web.StreamResponse:
    """Show the form of a subscription."""
    subscription = await _find(view)
    return await _render(view, subscription, _stored_fields(subscription))


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Change the address, the events and the description of a subscription."""
    subscription, sent_form = await _find(view), _sent_fields(await view.read_form())
    workspace_id = view.workspace.workspace_id
    try:
        fields = _checked(view, *CHANGED_SUBSCRIPTION.validate_fields(sent_form))
    except ValidationFailed as refused:
        return await _render(view, subscription, sent_form, form_problems(view, refused.errors or {}))
    before = _stored_fields(subscription)
    audit_details(
        view.request,
        object=("webhook", subscription.id),
        before={name: before[name] for name in fields if before[name] != fields[name]},
        after={name: value for name, value in fields.items() if before[name] != value},
    )
    try:
        await view.console.writing(
            lambda connection: change_subscription(connection, workspace_id, subscription.id, fields)
        )
    except ValidationFailed as refused:
        return await _render(view, subscription, sent_form, form_problems(view, refused.errors or {}))
    view.redirect(webhook_path(view, subscription.id), view.translate("The webhook is saved."))


async def _find(view: PageView) -> Subscription:
    id_ = path_id(view.request)
    async with view.console.reading() as connection:
        return await find_subscription(connection, view.workspace.workspace_id, id_)


def _checked(view: PageView, fields: Mapping[str, Any], errors: FieldErrors) -> dict[str, Any]:
    return checked_fields(fields, errors, view.console.settings.allowed_targets)


def _sent_fields(form: MultiMapping[str]) -> dict[str, Any]:
    """Return the fields as the API takes them. “All events” goes before single ones."""
    events = [ALL_EVENTS] if form.get("all") else [event for event in EVENT_TYPES if event in form.getall("events", [])]
    texts = {name: form.get(name, "").strip() for name in LONG_FIELDS}
    return {**texts, "events": events, "filters": sent_filters(dict(form.items()))}


def _stored_fields(subscription: Subscription) -> dict[str, Any]:
    return {
        "url": subscription.url,
        "description": subscription.description,
        "events": subscription.events,
        "filters": subscription.filters,
    }


async def _render(
    view: PageView,
    subscription: Subscription | None,
    form: Mapping[str, Any],
    problems: Mapping[str, str] | None = None,
    status: int = 422,
) -> web.Response:
    async with view.console.reading() as connection:
        choices = await read_filter_choices(connection, view.workspace.workspace_id)
    action = webhook_path(view, subscription.id) if subscription else view.path(WEBHOOKS_PAGE)
    return await view.render(
        "webhooks/form.html",
        status if problems else 200,
        webhook=subscription,
        name=receiver_name(subscription.url, subscription.description) if subscription else "",
        form={"description": "", **form},
        problems=problems or {},
        choices=[(event, *map(view.translate, EVENT_WORDS[event])) for event in EVENT_TYPES],
        all_events=ALL_EVENTS,
        filters=shown_filters(form.get("filters")),
        filter_choices=choices,
        action=action,
        cancel=action,
    )
