"""The cause of a change of leads that somebody made in the console."""

from services.console.web.page_view import PageView
from shared.leads.edit import ChangeCause


def user_cause(view: PageView) -> ChangeCause:
    """Return the reader as the cause of a change. The id is that of the account: an operator is no user."""
    return ChangeCause("user", view.account.account_id)
