"""Users: who may sign in, with which role; inviting, changing and ending access; what each role may."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from services.console.web.role_words import PERMISSION_WORDS, ROLE_HINTS, ROLE_WORDS
from services.console.web.single_answer import answered_once
from shared.auth.account_links import InvalidLink
from shared.auth.link_delivery import LinkHandover, LinkSender
from shared.auth.link_limits import LinkLimitReached
from shared.auth.roles import ROLE_NAMES, ROLE_PERMISSIONS, Permission
from shared.auth.user_access import LAST_ADMIN_MESSAGE, AccessChange
from shared.auth.user_management import (
    ALREADY_MEMBER_MESSAGE,
    NOT_INVITED_MESSAGE,
    ManagedUser,
    change_user,
    invite_user,
    list_users,
    make_reset_link,
    sign_user_out,
)
from shared.auth.user_removal import remove_user
from shared.platform.errors import Conflict, NotFound, ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

USERS_PAGE = "settings/users"
MAX_LISTED_USERS = 500

Form = dict[str, str]
UserAction = Callable[[PageView, ManagedUser, Form], Awaitable[web.Response]]


@workspace_page(Permission.ADMINISTER)
async def show(view: PageView) -> web.StreamResponse:
    """List the users. With `invite` the dialog to invite is open, with `user` the one that manages that user."""
    query = view.request.query
    return await _render(view, is_inviting="invite" in query, asked_id=query.get("user", ""))


@workspace_page(Permission.ADMINISTER)
@answered_once
async def invite(view: PageView) -> web.StreamResponse:
    """Invite a person: the link is shown once, or it is mailed."""
    form = await _read_form(view)
    audit_details(view.request, action="user.invited", after={"role": form.get("role", "")})
    problem = await confirm_recently(view, form)
    if problem:
        return await _render(view, 422, is_inviting=True, form=form, password_problem=problem)
    role = next((name for name in ROLE_NAMES if name == form.get("role")), None)
    try:
        if role is None:
            raise ValidationFailed({"role": ["no role"]})
        invitation = await view.console.writing(
            lambda connection: invite_user(
                connection,
                _links(view),
                view.workspace.workspace_id,
                email=form.get("email", ""),
                name=form.get("name", ""),
                role=role,
            )
        )
    except ValidationFailed as error:
        return await _render(view, 422, is_inviting=True, form=form, errors=_field_problems(view, error))
    except (Conflict, InvalidLink) as error:
        return await _render(view, 422, is_inviting=True, form=form, problem=_conflict_text(view, error))
    except LinkLimitReached as error:
        return await _render(view, 429, is_inviting=True, form=form, problem=_limit_text(view, error))
    audit_details(view.request, object=("user", invitation.user_id))
    return await _show_handover(view, invitation.handover, form["name"].strip())


@workspace_page(Permission.ADMINISTER)
async def manage(view: PageView) -> web.StreamResponse:
    """Do to a user what the pressed button of the dialog says."""
    user_id, form = path_id(view.request), await _read_form(view)
    name = form.get("action", "")
    action = USER_ACTIONS.get(name)
    if action is None:
        raise NotFound
    audit_details(view.request, action=AUDIT_ACTIONS[name], object=("user", user_id))
    user = await _find_user(view, user_id)
    problem = await confirm_recently(view, form)
    if problem:
        is_removing = bool(form.get("is_sure"))
        return await _render(
            view, 422, asked_id=str(user_id), form=form, password_problem=problem, is_removing=is_removing
        )
    try:
        return await action(view, user, form)
    except (Conflict, InvalidLink) as error:
        return await _render(view, 409, asked_id=str(user_id), form=form, problem=_conflict_text(view, error))
    except LinkLimitReached as error:
        return await _render(view, 429, asked_id=str(user_id), form=form, problem=_limit_text(view, error))


async def _change_role(view: PageView, user: ManagedUser, form: Form) -> web.Response:
    role = next((name for name in ROLE_NAMES if name == form.get("role")), None)
    if role is None:
        problem = view.translate("Choose a role.")
        return await _render(view, 422, asked_id=str(user.id), form=form, problem=problem)
    audit_details(view.request, before={"role": user.role}, after={"role": role})
    await _change_access(view, user, AccessChange(role=role))
    said = view.translate("%(name)s has the role %(role)s.", name=user.name, role=view.translate(ROLE_WORDS[role]))
    view.redirect(view.path(USERS_PAGE), said)


async def _activate(view: PageView, user: ManagedUser, form: Form) -> web.Response:
    await _change_access(view, user, AccessChange(is_active=True))
    view.redirect(view.path(USERS_PAGE), view.translate("%(name)s may sign in again.", name=user.name))


async def _deactivate(view: PageView, user: ManagedUser, form: Form) -> web.Response:
    await _change_access(view, user, AccessChange(is_active=False))
    view.redirect(view.path(USERS_PAGE), view.translate("%(name)s is deactivated and signed out.", name=user.name))


async def _change_access(view: PageView, user: ManagedUser, change: AccessChange) -> None:
    workspace_id = view.workspace.workspace_id
    if change.is_active is not None:
        audit_details(view.request, before={"is_active": user.is_active}, after={"is_active": change.is_active})
    await view.console.writing(lambda connection: change_user(connection, workspace_id, user.id, change))
    view.forget_session_cache()


async def _invite_again(view: PageView, user: ManagedUser, form: Form) -> web.Response:
    workspace_id = view.workspace.workspace_id
    invitation = await view.console.writing(
        lambda connection: invite_user(
            connection, _links(view), workspace_id, email=user.email, name=user.name, role=user.role
        )
    )
    return await _show_handover(view, invitation.handover, user.name)


async def _reset_password(view: PageView, user: ManagedUser, form: Form) -> web.Response:
    workspace_id = view.workspace.workspace_id
    handover = await view.console.writing(
        lambda connection: make_reset_link(connection, _links(view), workspace_id, user.id)
    )
    return await _show_handover(view, handover, user.name, is_reset=True)


async def _sign_out(view: PageView, user: ManagedUser, form: Form) -> web.Response:
    workspace_id = view.workspace.workspace_id
    await view.console.writing(lambda connection: sign_user_out(connection, workspace_id, user.id))
    view.redirect(view.path(USERS_PAGE), view.translate("%(name)s is signed out everywhere.", name=user.name))


async def _remove(view: PageView, user: ManagedUser, form: Form) -> web.Response:
    """Take a user out, once the reader has seen what follows from it."""
    if not form.get("is_sure"):
        return await _render(view, asked_id=str(user.id), form=form, is_removing=True)
    workspace_id = view.workspace.workspace_id
    await view.console.writing(lambda connection: remove_user(connection, workspace_id, user.id))
    view.forget_session_cache()
    said = view.translate("%(name)s is taken out. Their leads and tasks are assigned to nobody.", name=user.name)
    view.redirect(view.path(USERS_PAGE), said)


USER_ACTIONS: dict[str, UserAction] = {
    "role": _change_role,
    "activate": _activate,
    "deactivate": _deactivate,
    "invite": _invite_again,
    "reset": _reset_password,
    "sign_out": _sign_out,
    "remove": _remove,
}
AUDIT_ACTIONS = {
    "role": "user.changed",
    "activate": "user.changed",
    "deactivate": "user.changed",
    "invite": "user.invited",
    "reset": "user.reset_link_made",
    "sign_out": "user.signed_out",
    "remove": "user.deleted",
}


async def _show_handover(view: PageView, handover: LinkHandover, name: str, *, is_reset: bool = False) -> web.Response:
    """Show a link, which is the only time, or say what became of it."""
    if handover.is_mailed:
        view.redirect(
            view.path(USERS_PAGE), view.translate("A mail with the link is on its way to %(name)s.", name=name)
        )
    return await _render(view, handover=handover, handed_to=name, is_reset=is_reset)


def _links(view: PageView) -> LinkSender:
    return LinkSender(view.console.settings, view.console.cipher, view.mailed_base_url)


async def _read_form(view: PageView) -> Form:
    return await view.read_fields()


async def _find_user(view: PageView, user_id: int) -> ManagedUser:
    async with view.console.reading() as connection:
        users = await list_users(connection, view.workspace.workspace_id)
    for user in users:
        if user.id == user_id:
            return user
    raise NotFound


def _field_problems(view: PageView, error: ValidationFailed) -> dict[str, str]:
    texts = {
        "email": view.translate("The e-mail address is not valid."),
        "name": view.translate("The name is missing, or longer than 255 characters."),
        "role": view.translate("Choose a role."),
    }
    return {field: texts[field] for field in error.errors or {} if field in texts}


def _conflict_text(view: PageView, error: Exception) -> str:
    texts = {
        LAST_ADMIN_MESSAGE: view.translate(
            "This is the last active admin of the workspace. Make somebody else an admin first."
        ),
        ALREADY_MEMBER_MESSAGE: view.translate("There is a user with this e-mail already."),
        NOT_INVITED_MESSAGE: view.translate("This user cannot sign in yet: invite them first."),
    }
    fallback = view.translate("This user has changed meanwhile, or is not active. Look again.")
    return texts.get(str(error), fallback)


def _limit_text(view: PageView, error: LinkLimitReached) -> str:
    if error.limit.scope == "recipient":
        return view.translate_count(
            "No mail was sent and nothing is changed: this address had %(mails)s such mails within an hour. Try again "
            "in %(n)s minute.",
            "No mail was sent and nothing is changed: this address had %(mails)s such mails within an hour. Try again "
            "in %(n)s minutes.",
            error.minutes,
            mails=view.formatting.number(error.limit.mails),
        )
    return view.translate_count(
        "No mail was sent and nothing is changed: this workspace sent %(mails)s such mails within an hour. Try again "
        "in %(n)s minute.",
        "No mail was sent and nothing is changed: this workspace sent %(mails)s such mails within an hour. Try again "
        "in %(n)s minutes.",
        error.minutes,
        mails=view.formatting.number(error.limit.mails),
    )


async def _render(
    view: PageView,
    status: int = 200,
    *,
    is_inviting: bool = False,
    asked_id: str = "",
    form: Form | None = None,
    **more: Any,
) -> web.Response:
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        users = await list_users(connection, workspace_id)
        has_mail = await _links(view).has_mail(connection, workspace_id)
    blank: dict[str, Any] = {"problem": None, "password_problem": None, "errors": {}, "is_removing": False}
    blank |= {"handover": None, "handed_to": "", "is_reset": False}
    shown = {
        "users": users[:MAX_LISTED_USERS],
        "has_more": len(users) > MAX_LISTED_USERS,
        "able_count": sum(user.can_sign_in and user.is_active for user in users),
        "invited_count": sum(user.has_open_invitation and not user.can_sign_in for user in users),
        "has_mail": has_mail,
        "is_inviting": is_inviting,
        "asked": next((user for user in users if str(user.id) == asked_id), None),
        "form": form or {},
        "role_names": ROLE_NAMES,
        "role_word": lambda role: view.translate(ROLE_WORDS[role]),
        "role_hint": lambda role: view.translate(ROLE_HINTS[role]),
        "matrix": [
            (view.translate(words), [permission in ROLE_PERMISSIONS[role] for role in ROLE_NAMES])
            for permission, words in PERMISSION_WORDS.items()
        ],
        "own_role": view.workspace.role,
        "users_page": USERS_PAGE,
        **blank,
        **more,
    }
    return await view.render("settings/users.html", status, **shown)
