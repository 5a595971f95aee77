"""Links: the first password, a new one, and joining another workspace."""

from typing import Any

from aiohttp import web

from services.console.accounts.sign_in import start_browser_session
from services.console.web.access import anonymous_page
from services.console.web.page_view import PageView, workspace_path
from services.console.web.safe_redirect import CONSOLE_HOME
from services.console.web.sent_form import SMALL_FORM_BYTES
from shared.auth.account_links import (
    AccountLinkDetails,
    InvalidLink,
    create_first_admin,
    join_by_link,
    read_link,
    set_password_by_link,
)
from shared.auth.link_delivery import LinkSender
from shared.auth.passwords import InvalidPassword
from shared.auth.sessions import hold_session
from shared.auth.sign_in import SignedIn, SignInAttempt
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.outbound.mail_setup import has_installation_mail
from shared.platform.db.connections import Connection
from shared.platform.validation.types import is_single_line

MAX_NAME_LENGTH = 100  # characters
MAX_EMAIL_LENGTH = 255  # characters


class RefusedForm(Exception):
    """The form cannot be taken; the message says why, in the reader's language."""


@anonymous_page
async def show(view: PageView) -> web.StreamResponse:
    """Show the form that a link leads to."""
    return await _render(view, await _read_link(view))


@anonymous_page
async def submit(view: PageView) -> web.StreamResponse:
    """Set the password, or join the workspace."""
    link = await _read_link(view)
    if link is None:
        return await _render(view, None)
    form = await view.read_fields(SMALL_FORM_BYTES)
    try:
        if link.purpose == "join":
            return await _join(view)
        await _set_password(view, link, form)
    except InvalidLink:
        return await _render(view, None)
    except (InvalidPassword, RefusedForm) as error:
        problem = view.translate(str(error))
        return await _render(view, link, 422, problem=problem, name=form.get("name", ""), email=form.get("email", ""))
    return await _sign_in(view, link.email or form.get("email", ""), form["password"])


@anonymous_page
async def ask_reset(view: PageView) -> web.StreamResponse:
    """Show the form of a forgotten password."""
    return await _render_forgotten(view, is_sent=False)


@anonymous_page
async def request_reset(view: PageView) -> web.StreamResponse:
    """Mail a link, and say the same to everybody."""
    email = (await view.read_form(SMALL_FORM_BYTES)).get("email", "")[:MAX_EMAIL_LENGTH]
    sender = LinkSender(view.console.settings, view.console.cipher, view.mailed_base_url)
    await view.console.writing(lambda connection: sender.request_reset(connection, email, view.client_address))
    return await _render_forgotten(view, is_sent=True)


async def _render_forgotten(view: PageView, *, is_sent: bool) -> web.Response:
    has_mail = has_installation_mail(view.console.settings)
    return await view.render("accounts/forgotten.html", is_sent=is_sent, has_mail=has_mail)


async def _read_link(view: PageView) -> AccountLinkDetails | None:
    try:
        async with view.console.reading() as connection:
            return await read_link(connection, view.request.match_info["token"])
    except InvalidLink:
        return None


async def _join(view: PageView) -> web.StreamResponse:
    if view.session is None:
        raise InvalidLink
    session, token = view.session, view.request.match_info["token"]

    async def join(connection: Connection) -> str:
        slug = await join_by_link(connection, token, session.account_id)
        await hold_session(connection, session)
        return slug

    slug = await view.console.writing(join)
    view.forget_session_cache()
    view.redirect(workspace_path(slug))


async def _set_password(view: PageView, link: AccountLinkDetails, form: dict[str, str]) -> None:
    token, password, passwords = view.request.match_info["token"], form.get("password", ""), view.console.passwords

    async def store(connection: Connection) -> int:
        if link.purpose != "first_admin":
            return await set_password_by_link(connection, passwords, token, password)
        name, email = _first_admin_fields(form)
        return await create_first_admin(connection, passwords, token, email=email, name=name, password=password)

    await view.console.writing(store)


def _first_admin_fields(form: dict[str, str]) -> tuple[str, str]:
    """Return name and email. Raises RefusedForm."""
    name, email = " ".join(form.get("name", "").split())[:MAX_NAME_LENGTH], form.get("email", "").strip()
    if not name or not is_single_line(name):
        raise RefusedForm("The name is missing.")
    try:
        normalise_email(email)
    except InvalidContact:
        raise RefusedForm("The e-mail address is not valid.") from None
    return name, email[:MAX_EMAIL_LENGTH]


async def _sign_in(view: PageView, email: str, password: str) -> web.StreamResponse:
    """Sign in with the new password. With a second factor the sign-in page asks for the code."""
    attempt = SignInAttempt(
        email=email, password=password, address=view.client_address, agent=view.request.headers.get("User-Agent", "")
    )
    result = await view.console.sign_in.sign_in(attempt)
    if isinstance(result, SignedIn):
        return start_browser_session(view, result, CONSOLE_HOME, is_kept=False)
    view.redirect("/console/sign-in", view.translate("The password is set. Sign in with it."))


async def _render(view: PageView, link: AccountLinkDetails | None, status: int = 200, **values: Any) -> web.Response:
    blank = {"problem": None, "name": "", "email": ""}
    return await view.render("accounts/welcome.html", status if link else 404, link=link, **{**blank, **values})
