"""The list of automations: what each does in a sentence, whether it is on, and how its runs went."""

from aiohttp import web

from services.console.automations.reads import FAILURE_DAYS, list_automations, read_definition_names
from services.console.automations.step_words import automation_sentence
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the automations by name."""
    async with view.console.reading() as connection:
        automations = await list_automations(connection, view.workspace.workspace_id)
        names = await read_definition_names(connection, view.workspace.workspace_id)
    search = view.request.query.get("q", "")[:200]
    words = search.casefold().split()
    return await view.render(
        "automations/list.html",
        automations=[one for one in automations if all(word in one.name.casefold() for word in words)],
        total=len(automations),
        days=FAILURE_DAYS,
        search=search,
        sentence=lambda one: automation_sentence(view, names, one.trigger, one.steps),
        may_change=view.permits(Permission.SET_UP),
    )
