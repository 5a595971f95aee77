"""Handlers that make one record of a form that is sent twice at once: the second is answered as the first was."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from hashlib import sha256
from http import HTTPStatus

from aiohttp import hdrs, web

from services.console.web.page_view import PageView, Redirection
from services.console.web.repeated_forms import AnsweredForm
from services.console.web.sent_form import FORM_BYTES
from shared.service_app.audit import audit_as_continued

ANSWERED_ONCE = "is_answered_once"  # the mark of a handler

PageHandler = Callable[[PageView], Awaitable[web.StreamResponse]]


def answered_once(handler: PageHandler) -> PageHandler:
    """Answer a form that is sent twice at once by one record. It stands below the decorator that says who may."""

    @wraps(handler)
    async def answer(view: PageView) -> web.StreamResponse:
        if _is_long(view.request):
            return await handler(view)
        forms, account_id, digest = view.console.repeated_forms, view.account.account_id, await _digest(view)
        earlier = forms.find(account_id, digest)
        first_answer = await asyncio.shield(earlier.answer) if earlier else None
        if first_answer is not None:
            audit_as_continued(view.request)
            return _copy(first_answer)
        with forms.answering(account_id, digest) as form:
            return await _answer_first(handler, view, form)

    setattr(answer, ANSWERED_ONCE, True)
    return answer


async def _answer_first(handler: PageHandler, view: PageView, form: AnsweredForm) -> web.StreamResponse:
    try:
        response = await handler(view)
    except Redirection as redirection:
        form.answer.set_result(_copy(redirection.response))
        raise
    if isinstance(response, web.Response) and response.status < HTTPStatus.BAD_REQUEST:
        form.answer.set_result(_copy(response))
    return response


def _is_long(request: web.Request) -> bool:
    """Return whether a handler reads a body that is longer than a common form, in its own way."""
    return request.can_read_body and (request.content_length is None or request.content_length > FORM_BYTES)


async def _digest(view: PageView) -> bytes:
    """Return what tells forms apart: the address, and all fields in their order."""
    return sha256(repr((view.request.path_qs, list((await view.read_form()).items()))).encode()).digest()


def _copy(response: web.Response) -> web.Response:
    """Return a response with the same content: aiohttp sends each object once."""
    headers = response.headers.copy()
    headers.popall(hdrs.CONTENT_LENGTH, None)
    copied = web.Response(status=response.status, headers=headers, body=response.body)
    for name, cookie in response.cookies.items():
        copied.cookies[name] = cookie
    return copied
