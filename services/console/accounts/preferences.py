"""Theme, language, times and keys: kept with the account and, before a sign-in, in cookies."""

from typing import Any

from aiohttp import web

from services.console.web.access import anonymous_page
from services.console.web.page_view import LANGUAGE_COOKIE, PREFERENCE_SECONDS, THEME_COOKIE, PageView
from services.console.web.safe_redirect import local_path
from services.console.web.sent_form import SMALL_FORM_BYTES
from shared.auth.accounts import change_preferences
from shared.platform.errors import BadRequest

COOKIES = {"theme": THEME_COOKIE, "language": LANGUAGE_COOKIE}
UNKNOWN_PREFERENCE_MESSAGE = "There is no such preference."


@anonymous_page
async def change(view: PageView) -> web.StreamResponse:
    """Change what the form names, and return to the page."""
    form = await view.read_form(SMALL_FORM_BYTES)
    changes: dict[str, Any] = {
        name: form[name] == "on" if name == "single_keys" else str(form[name])
        for name in ("theme", "language", "time_zone", "single_keys")
        if name in form
    }
    if "language" in changes and changes["language"] not in view.console.renderer.languages:
        raise BadRequest(UNKNOWN_PREFERENCE_MESSAGE)
    if view.session is not None:
        account_id = view.session.account_id
        try:
            await view.console.writing(lambda connection: change_preferences(connection, account_id, changes))
        except ValueError:
            raise BadRequest(UNKNOWN_PREFERENCE_MESSAGE) from None
        view.forget_session_cache()
    response = web.Response(status=303, headers={"Location": local_path(str(form.get("next", "")))})
    for name, cookie in COOKIES.items():
        if name in changes:
            response.set_cookie(
                cookie, changes[name], path="/console", max_age=PREFERENCE_SECONDS, httponly=True, samesite="Lax"
            )
    return response
