"""The form of a subscription: a new one, whose secret is shown once, and one that exists."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from services.console.web.access import workspace_page
from services.console.web.confirmation_fields import typed_digits
from services.console.web.form_marks import MARK_FIELD, mark_values, outdated_problem
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from services.console.webhooks.changes import webhook_path
from services.console.webhooks.expression_words import expression_problems
from services.console.webhooks.filter_choices import read_filter_choices, sent_filters, shown_filters
from services.console.webhooks.webhook_page import WEBHOOKS_PAGE, SentQuestion, render_webhook
from services.console.webhooks.words import EVENT_WORDS, form_problems, receiver_name
from shared.auth.roles import Permission
from shared.outbound.subscription_fields import (
    ALL_EVENTS,
    CHANGED_SUBSCRIPTION,
    EVENT_TYPES,
    EXPRESSION_CHECKS,
    NEW_SUBSCRIPTION,
    checked_fields,
)
from shared.outbound.subscriptions import Subscription, change_subscription, create_subscription, find_subscription
from shared.platform.errors import Conflict, FieldErrors, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

CHOSEN_AT_FIRST = ["lead.created"]
LONG_FIELDS = ("url", "description")
NEW_PREVIEW_PAGE = f"{WEBHOOKS_PAGE}/preview"
MAX_RATE_DIGITS = 6
OPTIONAL_FIELDS = ("description", "filter_expression", "body_expression", "max_per_minute")


@workspace_page(Permission.SET_UP)
async def new(view: PageView) -> web.StreamResponse:
    """Show the form of a new subscription."""
    return await render_form(view, None, {"url": "https://", "events": CHOSEN_AT_FIRST})


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a subscription and show it, with its secret, which is in this answer and never again."""
    sent_form = sent_fields(await view.read_form())
    workspace_id, cipher, settings = view.workspace.workspace_id, view.console.cipher, view.console.settings
    try:
        fields = _checked(view, *NEW_SUBSCRIPTION.validate_fields(sent_form))
        audit_details(view.request, after=fields)
        new_one = await view.console.writing(
            lambda connection: create_subscription(connection, cipher, workspace_id, fields, settings.max_subscriptions)
        )
    except ValidationFailed as refused:
        return await render_form(view, None, sent_form, _problems(view, sent_form, refused))
    except Conflict:
        text = view.translate(
            "The workspace has as many webhooks as it may have (%(n)s). Delete one first.",
            n=view.formatting.number(settings.max_subscriptions),
        )
        return await render_form(view, None, sent_form, {"": text}, 409)
    audit_details(view.request, object=("webhook", new_one.id))
    return await render_webhook(view, new_one.id, question=SentQuestion(secret=new_one.secret))


@workspace_page(Permission.SET_UP)
async def edit(view: PageView) -> web.StreamResponse:
    """Show the form of a subscription."""
    subscription = await _find(view)
    return await render_form(view, subscription, _stored_fields(subscription))


@workspace_page(Permission.SET_UP)
async def change(view: PageView) -> web.StreamResponse:
    """Change the address, the events and the description of a subscription."""
    subscription, form = await _find(view), await view.read_form()
    sent_form, before = sent_fields(form), _stored_fields(subscription)
    workspace_id = view.workspace.workspace_id
    if problem := outdated_problem(view, form.get(MARK_FIELD, ""), before):
        return await render_form(view, subscription, sent_form, {"": problem}, 409)
    try:
        fields = _checked(view, *CHANGED_SUBSCRIPTION.validate_fields(sent_form))
    except ValidationFailed as refused:
        return await render_form(view, subscription, sent_form, _problems(view, sent_form, refused))
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
        return await render_form(view, subscription, sent_form, _problems(view, sent_form, refused))
    view.redirect(webhook_path(view, subscription.id), view.translate("The webhook is saved."))


def _problems(view: PageView, form: Mapping[str, Any], refused: ValidationFailed) -> dict[str, str]:
    return {**form_problems(view, refused.errors or {}), **expression_problems(view, form)}


async def _find(view: PageView) -> Subscription:
    id_ = path_id(view.request)
    async with view.console.reading() as connection:
        return await find_subscription(connection, view.workspace.workspace_id, id_)


def _checked(view: PageView, fields: Mapping[str, Any], errors: FieldErrors) -> dict[str, Any]:
    return checked_fields(fields, errors, view.console.settings.allowed_targets)


def sent_fields(form: MultiMapping[str]) -> dict[str, Any]:
    """Return the fields as the API takes them. “All events” goes before single ones."""
    events = [ALL_EVENTS] if form.get("all") else [event for event in EVENT_TYPES if event in form.getall("events", [])]
    texts = {name: form.get(name, "").strip() for name in LONG_FIELDS}
    rate = form.get("max_per_minute", "").strip()
    return {
        **texts,
        "events": events,
        "filters": sent_filters(dict(form.items())),
        **{name: form.get(name, "").replace("\r\n", "\n").strip() or None for name in EXPRESSION_CHECKS},
        "max_per_minute": sent_rate(rate) if rate else None,
    }


def sent_rate(text: str) -> int:
    """Return the number that was typed; 0, which no rate may be, for anything else."""
    digits = typed_digits(text)
    return int(digits) if digits == text and len(digits) <= MAX_RATE_DIGITS else 0


def _stored_fields(subscription: Subscription) -> dict[str, Any]:
    return {
        "url": subscription.url,
        "description": subscription.description,
        "events": subscription.events,
        "filters": subscription.filters,
        "filter_expression": subscription.filter_expression,
        "body_expression": subscription.body_expression,
        "max_per_minute": subscription.max_per_minute,
    }


async def render_form(
    view: PageView,
    subscription: Subscription | None,
    form: Mapping[str, Any],
    problems: Mapping[str, str] | None = None,
    status: int = 422,
    *,
    preview: Any = None,
) -> web.Response:
    """Return the form, with what is wrong with it, and what the last events would become."""
    async with view.console.reading() as connection:
        choices = await read_filter_choices(connection, view.workspace.workspace_id)
    action = webhook_path(view, subscription.id) if subscription else view.path(WEBHOOKS_PAGE)
    return await view.render(
        "webhooks/form.html",
        status if problems else 200,
        webhook=subscription,
        mark=mark_values(_stored_fields(subscription)) if subscription else "",
        name=receiver_name(subscription.url, subscription.description) if subscription else "",
        form={**dict.fromkeys(OPTIONAL_FIELDS), **form},
        problems=problems or {},
        choices=[(event, *map(view.translate, EVENT_WORDS[event])) for event in EVENT_TYPES],
        all_events=ALL_EVENTS,
        filters=shown_filters(form.get("filters")),
        filter_choices=choices,
        action=action,
        cancel=action,
        preview=preview,
        preview_path=webhook_path(view, subscription.id, "preview") if subscription else view.path(NEW_PREVIEW_PAGE),
    )
