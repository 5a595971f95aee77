"""`GET /f/{public_id}` and what belongs to it: the hosted form, its fragment for other sites, style, script, token."""

import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

import orjson
from aiohttp import hdrs, web

from services.gateway.context import GATEWAY_CONTEXT
from services.gateway.public_forms.form_counts import FormOutcome, visit_source
from services.gateway.public_forms.form_origins import cors_headers
from services.gateway.public_forms.forms_context import PUBLIC_FORMS, issue_touch
from services.gateway.public_forms.page_access import find_form, form_page
from services.gateway.public_forms.page_cache import PageCache
from services.gateway.public_forms.page_responses import (
    CHECKED_CACHING,
    SHORT_CACHING,
    cached_response,
    form_path,
    page_response,
    request_language,
)
from services.gateway.public_forms.trial_posts import trial_token
from shared import form_pages
from shared.form_pages.field_views import prefill_values
from shared.form_pages.form_stylesheet import form_stylesheet
from shared.form_pages.page_rendering import render_form, render_fragment
from shared.form_pages.page_state import FormPageState
from shared.forms.definition import FormDefinition
from shared.forms.trial_tokens import TRIAL_PARAMETER
from shared.platform.errors import NotFound
from shared.platform.web.client_address import base_url
from shared.platform.web.responses import json_response
from shared.spam.honeypot import honeypot_name

SCRIPT_FILE = Path(form_pages.__file__).with_name("static") / "embed.js"
MAX_PAGE_URL_LENGTH = 2048  # characters

HOSTED_PAGES = web.AppKey("hosted_pages", PageCache)
FORM_FRAGMENTS = web.AppKey("form_fragments", PageCache)


def prepare_pages(app: web.Application) -> None:
    """Give the application its caches of pages."""
    app[HOSTED_PAGES] = PageCache(render_form)
    app[FORM_FRAGMENTS] = PageCache(render_fragment)


@form_page
async def show_page(request: web.Request) -> web.Response:
    """Show the hosted form. It is complete without a script: key and token are in it."""
    form = await find_form(request)
    state = new_page_state(request, form)
    html = render_form(form, state) if state.is_trial else request.app[HOSTED_PAGES].render(form, state)
    _count_visit(request, form, "view")
    return page_response(form, html)


@form_page
async def send_fragment(request: web.Request) -> web.Response:
    """Send the `<form>` to a script that shows it on another site. Key and token are the script's business."""
    form = await find_form(request)
    state = FormPageState(
        action=f"{_own_address(request)}{form_path(form)}{_language_query(request)}",
        base_path=form_path(form),
        language=request_language(request, form),
        honeypot=honeypot_name(form),
    )
    _count_visit(request, form, "view")
    html = request.app[FORM_FRAGMENTS].render(form, state)
    return cached_response(
        request, html, "text/html", CHECKED_CACHING, _site_headers(request, form, vary="Accept-Language")
    )


@form_page
async def send_stylesheet(request: web.Request) -> web.Response:
    """Send the style sheet with the form's colours."""
    form = await find_form(request)
    return cached_response(request, form_stylesheet(form), "text/css", SHORT_CACHING, _site_headers(request, form))


@form_page
async def send_plain_stylesheet(request: web.Request) -> web.Response:
    """Send the style sheet of pages that belong to no form."""
    return cached_response(request, form_stylesheet(None), "text/css", SHORT_CACHING)


@form_page
async def send_script(request: web.Request) -> web.Response:
    """Send the script. It reads from its own address which form it is for."""
    form = await find_form(request)
    # A site may demand that its scripts come with CORS, and a script has no secrets.
    headers = {**_site_headers(request, form), "Cross-Origin-Resource-Policy": "cross-origin"}
    return cached_response(request, script_text(), "text/javascript", SHORT_CACHING, headers)


@form_page
async def issue_token(request: web.Request) -> web.Response:
    """Issue a token at a visitor's first touch of the form."""
    form = await find_form(request)
    touch = await issue_touch(request.app, form)
    _count_visit(request, form, "start")
    headers = {**_site_headers(request, form), "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return json_response({"token": touch.token, "challenge": touch.challenge}, headers=headers)


@form_page
async def refuse_address(request: web.Request) -> web.Response:
    """Answer an address below `/f/` where nothing is."""
    raise NotFound


def new_page_state(request: web.Request, form: FormDefinition) -> FormPageState:
    """Return the state of a form that nobody has touched, filled from the query where its fields allow that."""
    trial = trial_token(request, form)
    address = f"{_own_address(request)}{request.path_qs}"[:MAX_PAGE_URL_LENGTH]
    query = {name: request.query.getall(name) for name in request.query}
    return FormPageState(
        action=f"{form_path(form)}{_kept_query(request, trial)}",
        base_path=form_path(form),
        language=request_language(request, form),
        values=prefill_values(form, query),
        key=uuid.uuid4().hex,
        token=request.app[PUBLIC_FORMS].tokens.make_token(form.public_id),
        honeypot=honeypot_name(form),
        page_url=address,
        attribution=_arrival(request, address),
        source=visit_source(request),
        is_framed=request.query.get("embed") == "1",
        is_trial=bool(trial),
    )


def _arrival(request: web.Request, address: str) -> str:
    """Return the attribution of a visitor without a script: this page, and the one before it."""
    referrer = request.headers.get(hdrs.REFERER, "")[:MAX_PAGE_URL_LENGTH]
    touch = {"landing_page": address, **({"referrer": referrer} if referrer else {})}
    return orjson.dumps({"last": touch}).decode()


def _language_query(request: web.Request) -> str:
    """Return the part of an address that keeps the language which the visitor asked for."""
    wanted = request.query.get("lang", "")
    return f"?lang={request_language(request, None)}" if wanted else ""


def _kept_query(request: web.Request, trial: str) -> str:
    """Return the part of an address that keeps the language, and the token of a test."""
    kept = _language_query(request)
    return f"{kept}{'&' if kept else '?'}{TRIAL_PARAMETER}={quote(trial)}" if trial else kept


def _own_address(request: web.Request) -> str:
    return base_url(request, request.app[GATEWAY_CONTEXT].settings)


def _site_headers(request: web.Request, form: FormDefinition, vary: str = "") -> Mapping[str, str]:
    """Return the headers that let a script of the form's sites read the answer."""
    headers = cors_headers(request, form, request.app[GATEWAY_CONTEXT].settings)
    varied = ", ".join(filter(None, (headers.get(hdrs.VARY, ""), vary)))
    return {**headers, hdrs.VARY: varied} if varied else headers


def _count_visit(request: web.Request, form: FormDefinition, outcome: FormOutcome) -> None:
    """Count a visit. Browsers that only fetch ahead, robots that only look, and tests of the owner are no visitors."""
    is_ahead = "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
    if request.method == hdrs.METH_GET and not is_ahead and not trial_token(request, form):
        request.app[PUBLIC_FORMS].counts.count(form, outcome, visit_source(request))


@cache
def script_text() -> str:
    """Return the script that websites include."""
    return SCRIPT_FILE.read_text(encoding="utf-8")
