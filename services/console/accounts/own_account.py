"""The reader's own account: password, second factor, sessions, and how the console looks."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import segno
from aiohttp import web
from markupsafe import Markup

from services.console.web.access import account_page
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import password_problem
from services.console.web.sent_form import SMALL_FORM_BYTES
from services.console.web.session_cookie import delete_session_cookie, has_secure_context, set_session_cookie
from services.console.web.translations import mark_message as _
from shared.audit.audit_entry import AuditActor, AuditDetails, AuditEntry, write_rows
from shared.auth import second_factor
from shared.auth.accounts import rename_account
from shared.auth.passwords import InvalidPassword
from shared.auth.second_factor import CodeMismatch
from shared.auth.sessions import hold_session, list_sessions, revoke_session, revoke_sessions
from shared.auth.sign_in import PasswordAccepted
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.validation.types import is_single_line

T = TypeVar("T")

ACCOUNT_PATH = "/console/me/account"
MAX_NAME_LENGTH = 100  # characters
# The messages of `shared/auth/passwords.py`, which are translated where they are shown.
PASSWORD_RULES = frozenset(
    (
        _("The password must have at least 10 characters."),
        _("The password must have at most 200 characters."),
        _("This password is easy to guess: choose a longer one, such as a sentence."),
    )
)


@account_page
async def show(view: PageView) -> web.StreamResponse:
    """Show the account."""
    return await _render(view)


@account_page
async def rename(view: PageView) -> web.StreamResponse:
    """Change the reader's name."""
    name = " ".join((await view.read_form(SMALL_FORM_BYTES)).get("name", "").split())[:MAX_NAME_LENGTH]
    if not name:
        return await _render(view, 422, name_problem=view.translate("This field is required."))
    if not is_single_line(name):
        said = view.translate("A name is one line without control characters.")
        return await _render(view, 422, name_problem=said)

    async def store(connection: Connection) -> None:
        await rename_account(connection, view.account.account_id, name)
        await write_rows(connection, [entry.encode_row() for entry in _rename_entries(view)])

    await view.console.writing(store)
    view.forget_session_cache()
    view.redirect(ACCOUNT_PATH, view.translate("Your name is saved."))


def _rename_entries(view: PageView) -> list[AuditEntry]:
    """Return an entry for each of the reader's workspaces, whose audit logs go on to show the new name."""
    account = view.account
    return [
        AuditEntry(
            "account.rename",
            "done",
            AuditActor("user", account.account_id, account.name, member.workspace_id),
            member.workspace_id,
            details=AuditDetails(object_kind="account", object_id=str(account.account_id)),
            address=view.client_address,
        )
        for member in account.memberships.values()
    ]


@account_page
async def change_password(view: PageView) -> web.StreamResponse:
    """Change the password: other sessions end, and this one gets a new token."""
    form = await view.read_form(SMALL_FORM_BYTES)
    try:
        result = await view.console.sign_in.change_password(
            view.account, str(form.get("password", "")), str(form.get("new_password", ""))
        )
    except InvalidPassword as error:
        return await _render(view, 422, new_password_problem=view.translate(str(error)))
    if not isinstance(result, PasswordAccepted):
        return await _render(view, 422, password_problem=password_problem(view, result))
    response = web.Response(status=303, headers={"Location": ACCOUNT_PATH})
    view.forget_session_cache()
    if result.token:
        delete_session_cookie(response)
        is_secure = has_secure_context(view.request, view.console.settings)
        max_age = round(view.console.settings.session_days * 86_400) if view.account.is_kept else None
        set_session_cookie(response, result.token, is_secure=is_secure, max_age=max_age)
    return response


@account_page
async def begin_second_factor(view: PageView) -> web.StreamResponse:
    """Ask for the password again, then show the key to scan."""
    password = (await view.read_form(SMALL_FORM_BYTES)).get("password", "")
    if not view.account.is_recently_confirmed or password:
        result = await view.console.sign_in.confirm_password(view.account, password)
        if not isinstance(result, PasswordAccepted):
            return await _render(view, 422, step="password", step_problem=password_problem(view, result))
    enrolment = await _with_account_held(
        view,
        lambda connection: second_factor.begin_enrolment(connection, view.console.cipher, view.account.account_id),
    )
    return await _render(
        view, step="scan", secret=enrolment.secret, uri=enrolment.uri, code_image=_qr_code(enrolment.uri)
    )


@account_page
async def confirm_second_factor(view: PageView) -> web.StreamResponse:
    """Turn the second factor on with its first code, and show the recovery codes once."""
    form = await view.read_form(SMALL_FORM_BYTES)
    code, secret, uri = (str(form.get(name, "")) for name in ("code", "secret", "uri"))
    try:
        codes = await _with_account_held(
            view,
            lambda connection: second_factor.confirm_enrolment(
                connection, view.console.cipher, view.account.account_id, code
            ),
        )
    except CodeMismatch as error:
        problem = view.translate("That code is not the one. Take the next one.")
        if error.is_clock_off:
            problem = view.translate(
                "That code belongs to another time. Let the phone set its clock by itself, then take the next one."
            )
        return await _render(
            view, 422, step="scan", secret=secret, uri=uri, code_image=_qr_code(uri), step_problem=problem
        )
    view.forget_session_cache()
    return await _render(view, step="codes", codes=codes)


@account_page
async def renew_recovery_codes(view: PageView) -> web.StreamResponse:
    """Replace the recovery codes, after the password, and show the new ones once."""
    problem = await _password_problem(view)
    if problem is not None:
        return await _render(view, 422, step_problem=problem)
    account_id = view.account.account_id
    codes = await _with_account_held(
        view, lambda connection: second_factor.replace_recovery_codes(connection, account_id)
    )
    return await _render(view, step="codes" if codes else "", codes=codes)


@account_page
async def disable_second_factor(view: PageView) -> web.StreamResponse:
    """Turn the second factor off, after the password."""
    problem = await _password_problem(view)
    if problem is not None:
        return await _render(view, 422, step_problem=problem)
    account_id = view.account.account_id
    await _with_account_held(view, lambda connection: second_factor.disable_second_factor(connection, account_id))
    view.forget_session_cache()
    view.redirect(ACCOUNT_PATH, view.translate("The second step is off."))


@account_page
async def end_session(view: PageView) -> web.StreamResponse:
    """End one session, which may be this one."""
    session_id, account = view.request.match_info["id"], view.account
    if not session_id.isdigit() or len(session_id) > 18:
        raise NotFound
    ended = await view.console.writing(
        lambda connection: revoke_session(connection, account.account_id, int(session_id))
    )
    if not ended:
        raise NotFound
    view.redirect(ACCOUNT_PATH, view.translate("That session is signed out."))


@account_page
async def end_other_sessions(view: PageView) -> web.StreamResponse:
    """End all sessions but this one."""
    account = view.account
    await view.console.writing(
        lambda connection: revoke_sessions(connection, account.account_id, except_session_id=account.id)
    )
    view.redirect(ACCOUNT_PATH, view.translate("You are signed out everywhere else."))


async def _password_problem(view: PageView) -> str | None:
    """Return what is wrong with the password that came with a form; None if it is right."""
    password = (await view.read_form(SMALL_FORM_BYTES)).get("password", "")
    result = await view.console.sign_in.confirm_password(view.account, password)
    return None if isinstance(result, PasswordAccepted) else password_problem(view, result)


async def _with_account_held(view: PageView, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Change credentials while nobody else does. Raises SessionEnded if a link has just voided what came before."""

    async def change(connection: Connection) -> T:
        await hold_session(connection, view.account)
        return await work(connection)

    return await view.console.writing(change)


async def _render(view: PageView, status: int = 200, **values: Any) -> web.Response:
    account = view.account
    async with view.console.reading() as connection:
        sessions = await list_sessions(connection, account.account_id)
        remaining = (
            await second_factor.count_recovery_codes(connection, account.account_id) if account.has_second_factor else 0
        )
    blank = {
        "step": "",
        "secret": "",
        "uri": "",
        "codes": (),
        "code_image": None,
        "name_problem": None,
        "password_problem": None,
        "new_password_problem": None,
        "step_problem": None,
    }
    shown = {**blank, "sessions": sessions, "recovery_codes_left": remaining, **values}
    return await view.render("accounts/account.html", status, **shown)


def _qr_code(uri: str) -> Markup:
    """Return the QR code of an enrolment as SVG without inline styles."""
    if not uri:
        return Markup("")
    svg = segno.make(uri, error="m").svg_inline(
        svgclass="qr-code", lineclass=None, border=2, omitsize=True, dark="#000"
    )
    return Markup(svg)  # noqa: S704  # drawn by segno from our own text
