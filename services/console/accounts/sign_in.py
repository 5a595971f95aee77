"""Sign in and out."""

from typing import Any

from aiohttp import web

from services.console.web.access import SIGN_IN_PATH, account_page, anonymous_page
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import delay_sentence
from services.console.web.safe_redirect import CONSOLE_HOME, local_path
from services.console.web.sent_form import SMALL_FORM_BYTES
from services.console.web.session_cookie import (
    delete_session_cookie,
    has_secure_context,
    sent_session_token,
    set_session_cookie,
)
from shared.auth.sessions import revoke_session
from shared.auth.sign_in import CodeNeeded, SignedIn, SignInAttempt, SignInDelayed, SignInResult
from shared.auth.sign_in_throttle import DEVICE_COOKIE_SECONDS

DEVICE_COOKIE = "leadhub_device"
MAX_FORM_FIELD_LENGTH = 1000  # characters; longer texts are cut, since no password or address has as many


@anonymous_page
async def show(view: PageView) -> web.StreamResponse:
    """Show the sign-in form. A reader who has a session goes on."""
    back = local_path(view.request.query.get("next", ""))
    if view.session is not None:
        view.redirect(back)
    return await render_form(view, next=back)


@anonymous_page
async def submit(view: PageView) -> web.StreamResponse:
    """Sign in with the form."""
    form = {name: value[:MAX_FORM_FIELD_LENGTH] for name, value in (await view.read_fields(SMALL_FORM_BYTES)).items()}
    back, is_kept = local_path(form.get("next", "")), "keep" in form
    attempt = SignInAttempt(
        email=form.get("email", ""),
        password=form.get("password", ""),
        code=form.get("code", ""),
        address=view.client_address,
        agent=view.request.headers.get("User-Agent", ""),
        is_kept=is_kept,
        device_cookie=view.request.cookies.get(DEVICE_COOKIE),
    )
    result = await view.console.sign_in.sign_in(attempt)
    if isinstance(result, SignedIn):
        return start_browser_session(view, result, back, is_kept=is_kept)
    asks_code = isinstance(result, CodeNeeded)
    return await render_form(
        view,
        422 if not asks_code else 200,
        next=back,
        email=attempt.email,
        keep=is_kept,
        asks_code=asks_code,
        problem=_problem(view, result),
    )


@account_page
async def sign_out(view: PageView) -> web.StreamResponse:
    """End this session."""
    session = view.account
    await view.console.writing(lambda connection: revoke_session(connection, session.account_id, session.id))
    view.forget_session_cache()
    response = web.Response(status=303, headers={"Location": SIGN_IN_PATH})
    delete_session_cookie(response)
    return response


async def render_form(view: PageView, status: int = 200, **values: Any) -> web.Response:
    """Return the sign-in page."""
    blank = {"next": CONSOLE_HOME, "email": "", "keep": False, "asks_code": False, "problem": None}
    return await view.render("accounts/sign_in.html", status, **{**blank, **values})


def start_browser_session(view: PageView, result: SignedIn, location: str, *, is_kept: bool) -> web.Response:
    """Return a redirection that gives the browser its session."""
    is_secure = has_secure_context(view.request, view.console.settings)
    response = web.Response(status=303, headers={"Location": location})
    days = view.console.settings.session_days
    delete_session_cookie(response)
    set_session_cookie(response, result.token, is_secure=is_secure, max_age=round(days * 86_400) if is_kept else None)
    response.set_cookie(
        DEVICE_COOKIE,
        result.device_cookie,
        path=SIGN_IN_PATH,
        max_age=DEVICE_COOKIE_SECONDS,
        secure=is_secure,
        httponly=True,
        samesite="Lax",
    )
    former = sent_session_token(view.request, view.console.settings)
    if former:
        view.console.sessions.invalidate(former)
    return response


def _problem(view: PageView, result: SignInResult) -> str | None:
    if isinstance(result, CodeNeeded):
        if not result.was_wrong:
            return None
        if result.is_clock_off:
            return view.translate(
                "That code belongs to another time. Let the phone set its clock by itself, then take the next one."
            )
        return view.translate("The code is wrong, or was used before. Take the next one.")
    if isinstance(result, SignInDelayed):
        return delay_sentence(view, result)
    return view.translate("Sign-in failed: e-mail or password is wrong.")
