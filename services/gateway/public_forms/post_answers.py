"""Answers to a visitor's post: pages for browsers, JSON for scripts that ask for it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aiohttp import hdrs, web

from services.gateway.inbound_request import JSON_MEDIA_TYPE
from services.gateway.public_forms.form_origins import cors_headers, own_origin, sent_origin
from services.gateway.public_forms.forms_context import PUBLIC_FORMS
from services.gateway.public_forms.page_responses import form_path, page_response, request_language
from services.gateway.public_forms.posted_form import PostedForm
from services.gateway.public_forms.trial_posts import trial_token
from shared.form_pages.field_problems import problem_texts
from shared.form_pages.page_rendering import render_form, render_problem_page, render_thanks, thanks_text
from shared.form_pages.page_state import FORM_PROBLEM_KEY, FieldProblem, FormPageState, ThanksKind
from shared.forms.definition import FormDefinition
from shared.outbound.mail_setup import has_installation_mail
from shared.platform.errors import ApiError, Conflict, ServiceUnavailable, ValidationFailed
from shared.platform.settings import Settings
from shared.platform.validation.types import is_url
from shared.platform.web.response_headers import REQUEST_ID
from shared.platform.web.responses import error_body, json_response
from shared.spam.honeypot import honeypot_name

HTML_MEDIA_TYPE = "text/html"
REDIRECT_PARAMETER = "submission_id"
REPLAYED_HEADER = {"Idempotent-Replayed": "true"}
# Refusals of the whole form after which a visitor can send the same page again, by the code of their wording.
_RETRY_CODES: Mapping[type[ApiError], str] = {Conflict: "conflict", ServiceUnavailable: "unavailable"}


@dataclass(frozen=True, slots=True)
class PostAnswers:
    """The answers to one request to a form. A held submission is answered as any other."""

    request: web.Request
    settings: Settings
    form: FormDefinition

    @property
    def language(self) -> str:
        """The tag of the language that the visitor is answered in."""
        return request_language(self.request, self.form)

    def accepted(
        self, submission_id: str, post: PostedForm, *, awaits_confirmation: bool, is_replayed: bool
    ) -> web.Response:
        """Return the answer to a submission that is stored."""
        headers = {**self._cors_headers(), **(REPLAYED_HEADER if is_replayed else {})}
        kind: ThanksKind = self._awaiting_kind() if awaits_confirmation else "received"
        target = self.form.settings["redirect_url"]
        target = with_submission_id(target, submission_id) if target and not awaits_confirmation else None
        if wants_json(self.request):
            return json_response(self._accepted_body(submission_id, kind, target), 202, headers)
        if target:
            return web.Response(status=303, headers={**headers, hdrs.LOCATION: self._site_address(target)})
        html = render_thanks(
            self.form,
            self.language,
            base_path=form_path(self.form),
            kind=kind,
            reference=submission_id,
            return_url=self._return_url(post),
        )
        return page_response(self.form, html, headers=headers)

    def _site_address(self, target: str) -> str:
        """Return the address that a path has on the site where the form stands, as the script reads it there."""
        return f"{sent_origin(self.request) or ''}{target}" if target.startswith("/") else target

    def invalid(
        self, post: PostedForm, problems: Mapping[str, FieldProblem], error: ApiError | None = None
    ) -> web.Response:
        """Return the form with a message at each wrong field, and everything else kept. 422, or the error's status."""
        status = error.status if error else ValidationFailed.status
        headers = {**self._cors_headers(), **(error.headers if error else {})}
        errors = {key: [problem] for key, problem in problems.items()}
        if wants_json(self.request):
            texts = problem_texts(self.form, self.language, errors, shown_values(post.sent))
            return json_response(ValidationFailed(texts).response_body(), status, headers)
        return page_response(self.form, render_form(self.form, self._page_state(post, errors, error)), status, headers)

    def refused(self, error: ApiError, post: PostedForm) -> web.Response:
        """Return the answer to a valid post that cannot be stored: the form again, if it can be sent again."""
        code = _RETRY_CODES.get(type(error))
        if code and not wants_json(self.request):
            return self.invalid(post, {FORM_PROBLEM_KEY: FieldProblem(code)}, error)
        headers = {**self._cors_headers(), **error.headers}
        return refusal(self.request, error, form=self.form, language=self.language, headers=headers)

    def _awaiting_kind(self) -> ThanksKind:
        can_send = self.form.has_mail_integration or has_installation_mail(self.settings)
        return "unconfirmed" if can_send else "unconfirmable"

    def _accepted_body(self, submission_id: str, kind: ThanksKind, target: str | None) -> dict[str, Any]:
        return {
            "status": "accepted",
            "submission_id": submission_id,
            "lead_id": None,
            "is_duplicate": None,
            "message": thanks_text(self.form, self.language, kind),
            "redirect_url": target,
        }

    def _page_state(
        self, post: PostedForm, errors: Mapping[str, Sequence[FieldProblem]], error: ApiError | None
    ) -> FormPageState:
        is_reused = isinstance(error, Conflict)
        tokens = self.request.app[PUBLIC_FORMS].tokens
        return FormPageState(
            action=self.request.path_qs,
            base_path=form_path(self.form),
            language=self.language,
            values=shown_values(post.sent),
            errors=errors,
            key=str(uuid.uuid4()) if is_reused or not post.key else post.key,
            token=post.token or tokens.make_token(self.form.public_id),
            honeypot=honeypot_name(self.form),
            is_trial=bool(trial_token(self.request, self.form)),
            page_url=post.page_url,
            attribution=post.attribution,
            source=post.source,
        )

    def _return_url(self, post: PostedForm) -> str:
        """Return the page that the form stands on, if the browser says that the post comes from its site."""
        origin = sent_origin(self.request)
        if not is_url(post.page_url) or origin == own_origin(self.request, self.settings):
            return ""
        return post.page_url if f"{post.page_url}/".startswith(f"{origin}/") else ""

    def _cors_headers(self) -> dict[str, str]:
        return cors_headers(self.request, self.form, self.settings)


def refusal(
    request: web.Request,
    error: ApiError,
    *,
    form: FormDefinition | None = None,
    language: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return a refusal as a page, or as the API's JSON for a script."""
    if wants_json(request):
        return json_response(error_body(error, request[REQUEST_ID]), error.status, headers or error.headers)
    base_path = form_path(form) if form else ""
    html = render_problem_page(
        error.status, language or request_language(request, form), form=form, base_path=base_path
    )
    return page_response(form, html, error.status, headers or error.headers)


def wants_json(request: web.Request) -> bool:
    """Return whether a script asks: it accepts JSON and no page, or posts JSON and accepts anything."""
    accepted = ",".join(request.headers.getall(hdrs.ACCEPT, ())).lower()
    if HTML_MEDIA_TYPE in accepted:
        return False
    return JSON_MEDIA_TYPE in accepted or request.content_type == JSON_MEDIA_TYPE


def shown_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the texts, and lists of texts, that the form shows again. Files cannot be kept."""
    shown: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, list):
            shown[key] = [one for one in value if isinstance(one, str)]
        elif isinstance(value, str | bool | int | float):
            shown[key] = value if isinstance(value, str) else str(value).lower()
    return shown


def with_submission_id(address: str, submission_id: str) -> str:
    """Return an address with the submission's id as its last parameter."""
    parts = urlsplit(address)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != REDIRECT_PARAMETER]
    return urlunsplit(parts._replace(query=urlencode([*query, (REDIRECT_PARAMETER, submission_id)])))
