"""The way from the console's address into a workspace, and all workspaces for operators."""

from aiohttp import web

from services.console.web.access import account_page, anonymous_page, workspace_page
from services.console.web.page_view import PageView, workspace_path
from shared.auth.roles import Permission

LIST_WORKSPACES_SQL = """
SELECT w.slug, w.name, w.created_at, (SELECT count(*) FROM users u WHERE u.workspace_id = w.id AND u.is_active) AS users
FROM workspaces w ORDER BY w.name, w.id
"""


@anonymous_page
async def to_console(view: PageView) -> web.StreamResponse:
    """Send a visitor of the root to the console."""
    view.redirect("/console/")


@account_page
async def first_page(view: PageView) -> web.StreamResponse:
    """Send the reader to the workspace that they saw last, and there to the page on which their work begins."""
    view.redirect(view.path(_start_page(view)) if view.membership else "/console/workspaces")


def _start_page(view: PageView) -> str:
    """Return the page that the reader's role begins with: an agent's is the list of leads, everybody else's is Now."""
    return "leads" if view.workspace.role == "agent" and not view.account.is_operator else "now"


@account_page
async def index(view: PageView) -> web.StreamResponse:
    """List all workspaces of the installation."""
    if not view.account.is_operator:
        raise view.refusal(Permission.OPERATE_INSTALLATION)
    async with view.console.reading() as connection:
        rows = await (await connection.execute(LIST_WORKSPACES_SQL)).fetchall()
    return await view.render("accounts/workspaces.html", workspaces=rows, workspace_path=workspace_path)


@workspace_page(Permission.SEE_RECORDS)
async def more(view: PageView) -> web.StreamResponse:
    """Show all pages, for the narrow screens whose bar has room for five."""
    return await view.render("accounts/more.html")
