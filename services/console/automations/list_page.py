"""The list of automations: what each does in a sentence, whether it is on, and how its runs went; and a new one."""

from typing import Final

from aiohttp import web

from services.console.automations.builder_view import builder_path
from services.console.automations.reads import FAILURE_DAYS, list_automations, read_definition_names
from services.console.automations.recipes import AUTOMATION_RECIPES, made_definition
from services.console.automations.step_words import automation_sentence
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.automations.automation_drafts import create_draft
from shared.platform.errors import Conflict, NotFound
from shared.service_app.audit import audit_details

MAX_NAME_LENGTH = 255
FIRST_RECIPE = "welcome"
PAGE_AUTOMATIONS: Final = 50
MAX_PAGE_DIGITS: Final = 6


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the automations by name; without any, offer the recipes."""
    async with view.console.reading() as connection:
        automations = await list_automations(connection, view.workspace.workspace_id)
        names = await read_definition_names(connection, view.workspace.workspace_id)
    search = view.request.query.get("q", "")[:200]
    words = search.casefold().split()
    named = [one for one in automations if all(word in one.name.casefold() for word in words)]
    number = _page_number(view, len(named))
    first = (number - 1) * PAGE_AUTOMATIONS
    return await view.render(
        "automations/list.html",
        automations=named[first : first + PAGE_AUTOMATIONS],
        total=len(automations),
        named_count=len(named),
        first=first + 1,
        page_number=number,
        page_path=lambda n: view.path("automations", **({"q": search} if search else {}), n=n),
        days=FAILURE_DAYS,
        search=search,
        recipes=AUTOMATION_RECIPES,
        sentence=lambda one: automation_sentence(view, names, one.trigger, one.steps),
        may_change=view.permits(Permission.SET_UP),
    )


@workspace_page(Permission.SET_UP)
async def new(view: PageView) -> web.StreamResponse:
    """Show the recipes, and ask for the name of the new automation."""
    return await _render_new(view, view.request.query.get("recipe", FIRST_RECIPE))


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Begin an automation by a recipe. It does nothing before it is published."""
    form = await view.read_fields()
    recipe = AUTOMATION_RECIPES.get(form.get("recipe", ""))
    if recipe is None:
        raise NotFound
    name = " ".join(form.get("name", "").replace("\0", "").encode(errors="replace").decode().split())
    audit_details(view.request, action="automation.created", after={"name": name, "recipe": form["recipe"]})
    if len(name) > MAX_NAME_LENGTH:
        problem = view.translate("Give it a name of 255 characters or fewer.")
        return await _render_new(view, form["recipe"], name, problem)
    workspace_id, most, author = view.workspace.workspace_id, view.console.settings.max_automations, view.account.name
    async with view.console.reading() as connection:
        names = await read_definition_names(connection, workspace_id)
    definition = made_definition(view, recipe, name, names)
    try:
        id_ = await view.console.writing(
            lambda connection: create_draft(connection, workspace_id, definition, most, author)
        )
    except Conflict:
        problem = view.translate_count(
            "The workspace may have %(n)s automation: delete one first.",
            "The workspace may have %(n)s automations: delete one first.",
            most,
        )
        return await _render_new(view, form["recipe"], name, problem, 409)
    audit_details(view.request, object=("automation", id_))
    said = view.translate("This is a draft: change what you like, then publish it. Until then it does nothing.")
    view.redirect(builder_path(view, id_), said)


def _page_number(view: PageView, count: int) -> int:
    """Return which page of so many automations is shown: the last one for a number beyond it."""
    text = view.request.query.get("n", "")
    asked = int(text) if text.isascii() and text.isdigit() and len(text) < MAX_PAGE_DIGITS else 1
    return max(1, min(asked, -(-count // PAGE_AUTOMATIONS)))


async def _render_new(
    view: PageView, chosen: str, name: str = "", problem: str = "", status: int = 422
) -> web.Response:
    return await view.render(
        "automations/new.html",
        status if problem else 200,
        recipes=AUTOMATION_RECIPES,
        chosen=chosen if chosen in AUTOMATION_RECIPES else FIRST_RECIPE,
        name=name[: MAX_NAME_LENGTH + 1],
        problem=problem,
    )
