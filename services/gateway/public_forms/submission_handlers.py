"""`POST /f/{public_id}`: a form filled in by a visitor, who has no key and never waits for the workers."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import hdrs, web

from services.gateway.context import GATEWAY_CONTEXT, Gateway
from services.gateway.form_values import FilledForm, InvalidForm, fill_form
from services.gateway.handlers import KEY_REUSED_MESSAGE, replayed_verdict
from services.gateway.inbound_request import idempotency_key, make_journal_item
from services.gateway.public_forms.double_opt_in_request import awaits_confirmation
from services.gateway.public_forms.form_body import form_part, visitor_of, with_verdict
from services.gateway.public_forms.form_counts import source_label
from services.gateway.public_forms.form_origins import is_origin_permitted, preflight_headers
from services.gateway.public_forms.forms_context import PUBLIC_FORMS
from services.gateway.public_forms.page_access import find_form, form_page
from services.gateway.public_forms.post_answers import PostAnswers
from services.gateway.public_forms.posted_form import PostedForm, read_post
from services.gateway.public_forms.spam_judgement import judge_post
from services.gateway.public_forms.trial_posts import trial_body, trial_token
from services.gateway.uploaded_files import comparable_values
from shared.forms.definition import FormDefinition
from shared.intake.journal import Lane
from shared.platform.errors import ApiError, Conflict, Forbidden
from shared.platform.web.client_address import client_address
from shared.platform.web.response_headers import LOG_FIELDS

FORM_ROUTE = "/f/{public_id}"
FOREIGN_SITE_MESSAGE = "This form takes submissions from its own sites only."


@form_page
async def receive_form_post(request: web.Request) -> web.Response:
    """Take a form that a visitor filled in.

    A browser gets a page: thanks, a redirect to the form's `redirect_url`, or the form with a message at each wrong
    field. A script that accepts `application/json` gets 202 or 422 as JSON. `_key` is the idempotency key where no
    header can be sent. A submission that looks like spam is answered as any other, and held for review.
    """
    gateway, form = request.app[GATEWAY_CONTEXT], await find_form(request)
    if not is_origin_permitted(request, form, gateway.settings):
        raise Forbidden(FOREIGN_SITE_MESSAGE)
    sent_key = idempotency_key(request)
    answers = PostAnswers(request, gateway.settings, form)
    try:
        async with read_post(request, gateway, form) as post:
            filled = fill_form(form, post.sent, encoded=post.is_encoded)
            part = form_part(request, form, post, filled, answers.language)
    except InvalidForm as error:
        return answers.invalid(post, error.problems)
    try:
        submission_id, is_replayed = await _store_post(request, gateway, form, post, filled, part, sent_key)
    except ApiError as error:
        return answers.refused(error, post)
    waits = awaits_confirmation(form, filled.lead) and not trial_token(request, form)
    return answers.accepted(submission_id, post, awaits_confirmation=waits, is_replayed=is_replayed)


@form_page
async def answer_preflight(request: web.Request) -> web.Response:
    """Tell a browser whether scripts of a site may post this form."""
    form = await find_form(request)
    return web.Response(status=204, headers=preflight_headers(request, form, request.app[GATEWAY_CONTEXT].settings))


async def _store_post(
    request: web.Request,
    gateway: Gateway,
    form: FormDefinition,
    post: PostedForm,
    filled: FilledForm,
    part: Mapping[str, Any],
    sent_key: str | None,
) -> tuple[str, bool]:
    """Store a post unless it repeats another. Return the submission's id, and whether it was a repeat.

    Raises Conflict for a key that was used with other values, and ServiceUnavailable if nothing durable takes it.
    """
    sent, channel = comparable_values(post.sent), f"form:{form.id}"
    item = make_journal_item(
        form.workspace_id, None, filled.lead, sent_key or post.key, channel=channel, sent_value=sent
    )
    request[LOG_FIELDS]["submission_id"] = item.id
    # Before the post is judged: a repeat is no second use of its token.
    verdict = await replayed_verdict(gateway, item)
    if verdict is not None:
        if verdict.state == "conflict":
            raise Conflict(KEY_REUSED_MESSAGE)
        return item.id, True
    item.body = await _judged_body(request, form, post, filled, part, item.id)
    await gateway.intake.submit_all([item], Lane.WAITED_FOR)
    return item.id, False


async def _judged_body(
    request: web.Request,
    form: FormDefinition,
    post: PostedForm,
    filled: FilledForm,
    part: Mapping[str, Any],
    submission_id: str,
) -> bytes:
    if trial_token(request, form):
        return trial_body(filled.lead, part)
    address = client_address(request)
    verdict = await judge_post(request.app, form, post, filled.lead, filled.values, submission_id, address)
    request[LOG_FIELDS]["spam_score"] = verdict.score
    source = _source_of(request, post, part.get("attribution", {}))
    request.app[PUBLIC_FORMS].counts.count(form, "held" if verdict.is_held else "submission", source)
    if visitor := visitor_of(request, address):
        part = {**part, "visitor": visitor}
    return orjson.dumps(with_verdict(filled.lead, part, verdict, form))


def _source_of(request: web.Request, post: PostedForm, attribution: Mapping[str, Any]) -> str:
    """Return the label under which the post is counted: that of its page view, otherwise what the post tells."""
    referrer = attribution.get("referrer") or request.headers.get(hdrs.REFERER)
    return source_label(post.source or attribution.get("utm_source"), referrer, request.host)
