"""The password again, before keys and users change, if it was entered more than ten minutes ago."""

from collections.abc import Mapping

from services.console.web.page_view import PageView
from shared.auth.sign_in import PasswordAccepted, PasswordResult, SignInDelayed

PASSWORD_FIELD = "confirm_password"  # noqa: S105  # the name of the form's field


async def confirm_recently(view: PageView, form: Mapping[str, str]) -> str | None:
    """Return None if the password was entered lately or stands in the form, otherwise what is wrong."""
    if not view.needs_password:
        return None
    password = form.get(PASSWORD_FIELD, "")
    if not password:
        return view.translate("Enter your password again: it is over ten minutes ago.")
    result = await view.console.sign_in.confirm_password(view.account, password)
    if isinstance(result, PasswordAccepted):
        view.has_confirmed = True
        view.forget_session_cache()
        return None
    return password_problem(view, result)


def password_problem(view: PageView, result: PasswordResult) -> str:
    """Return why a password was not taken, in the reader's language."""
    return (
        delay_sentence(view, result) if isinstance(result, SignInDelayed) else view.translate("The password is wrong.")
    )


def delay_sentence(view: PageView, delayed: SignInDelayed) -> str:
    """Return how long to wait after too many attempts."""
    return view.translate_count(
        "Too many attempts failed. Try again in %(n)s second.",
        "Too many attempts failed. Try again in %(n)s seconds.",
        max(1, round(delayed.seconds)),
    )
