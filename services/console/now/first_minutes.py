"""The first minutes of a workspace: a key, a first lead that appears by itself, and a list of further steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from services.console.now.first_steps import FirstSteps, count_submissions, read_first_steps
from services.console.now.post_examples import KEY_PLACEHOLDER, post_examples
from services.console.now.sample_leads import find_sample_import, import_sample_leads
from services.console.web.access import workspace_page
from services.console.web.context import OverviewRead
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from services.console.web.single_answer import answered_once
from shared.auth.key_management import NewKey, create_workspace_key
from shared.auth.roles import Permission
from shared.imports.import_quota import ImportLimits
from shared.intake.change_author import ChangeAuthor
from shared.intake.journal import INBOUND_CHANNEL, JournalItem, Lane, NewJournalRow, append_row
from shared.operations.overview_types import Overview
from shared.platform import ids
from shared.platform.db.connections import Connection
from shared.service_app.audit import audit_details

PAGE = "first-minutes"
KEY_SCOPES, KEY_LIMIT = ("submit:leads",), 1000  # requests an hour
MAX_EXAMPLES = 200  # submissions of a workspace, beyond which examples are of no use
EXAMPLE_LEAD = {"email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "source": "website"}
# The same person in another spelling: she stays one lead.
REPEATED_LEAD = {"email": " GRACE@Example.com ", "company": "Harbour Systems", "source": "website"}


@dataclass(frozen=True)
class FirstMinutes:
    """What the page shows, read at one moment."""

    overview: Overview
    steps: FirstSteps


@dataclass(frozen=True)
class Step:
    """A step of the list. `page` is where it is done; empty for one that is done on this page."""

    title: str
    hint: str
    is_done: bool
    page: str = ""
    permission: Permission = Permission.SET_UP


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the first steps and how far this workspace is."""
    return await _render(view)


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream the steps that are done, and the lead that came last."""
    topic = "first-minutes", view.account.is_operator
    return await stream_snapshots(view, topic, lambda: _read(view, view.console.watch_overview), _render_live)


@workspace_page(Permission.ADMINISTER)
@answered_once
async def make_key(view: PageView) -> web.StreamResponse:
    """Make a key that posts leads, and show it in the examples, once."""
    problem = await confirm_recently(view, await view.read_fields())
    if problem:
        return await _render(view, 422, password_problem=problem)
    slug, name = view.workspace.workspace_slug, view.translate("First steps")
    new = NewKey(name, KEY_SCOPES, KEY_LIMIT, None)
    created = await view.console.writing(lambda connection: create_workspace_key(connection, slug, new, None))
    audit_details(
        view.request,
        object=("api_key", created.id),
        after={"name": name, "scopes": KEY_SCOPES, "rate_limit": KEY_LIMIT},
    )
    return await _render(view, made_key=created.key.secret)


@workspace_page(Permission.CHANGE_LEADS)
async def send_lead(view: PageView) -> web.StreamResponse:
    """Send an example lead the way that all leads go: through the journal and a worker."""
    workspace_id = view.workspace.workspace_id

    async def send(connection: Connection) -> None:
        steps = await read_first_steps(connection, workspace_id)
        if await count_submissions(connection, workspace_id, MAX_EXAMPLES) == MAX_EXAMPLES:
            view.redirect(view.path(), view.translate("Leads flow already: this workspace needs no example."))
        lead = REPEATED_LEAD if steps.lead_count else EXAMPLE_LEAD
        at = ids.now_ms()
        body = orjson.dumps(lead)
        item = JournalItem(ids.uuid7(at), at, workspace_id, INBOUND_CHANNEL, lead["source"], body)
        await append_row(connection, NewJournalRow.from_items(Lane.PROMPT, [item], ""))

    await view.console.writing(send)
    view.redirect(view.path(PAGE), view.translate("An example lead is on its way."))


@workspace_page(Permission.BULK_LEADS)
@answered_once
async def load_samples(view: PageView) -> web.StreamResponse:
    """Import made-up leads, once. The page of the import takes them back."""
    author = ChangeAuthor("user", view.account.account_id, view.account.name)
    limits, workspace_id = ImportLimits.from_settings(view.console.settings), view.workspace.workspace_id

    async def load(connection: Connection) -> int:
        if held_id := await find_sample_import(connection, workspace_id):
            words = view.translate("The sample leads are here. Their import takes them back.")
            view.redirect(
                view.path(PAGE), words, link=view.path(f"import/{held_id}"), label=view.translate("The import")
            )
        return await import_sample_leads(connection, workspace_id, author, limits)

    import_id = await view.console.writing(load)
    audit_details(view.request, object=("import", import_id))
    words = view.translate("Sample leads are coming in. Their import takes them back.")
    view.redirect(view.path(PAGE), words, link=view.path(f"import/{import_id}"), label=view.translate("The import"))


async def _read(view: PageView, read_overview: OverviewRead) -> FirstMinutes:
    workspace_id = view.workspace.workspace_id
    overview = await read_overview(workspace_id, with_installation=view.permits(Permission.OPERATE_INSTALLATION))
    async with view.console.reading() as connection:
        return FirstMinutes(overview, await read_first_steps(connection, workspace_id))


def _render_live(view: PageView, found: FirstMinutes) -> str:
    return view.render_text("now/_first_minutes_live.html", **_shown(view, found))


async def _render(view: PageView, status: int = 200, **shown: Any) -> web.Response:
    first_minutes = await _read(view, view.console.read_overview)
    made: Mapping[str, Any] = {"made_key": None, "password_problem": None, **shown}
    examples = post_examples(view.base_url, view.workspace.workspace_slug)
    page = {"examples": examples, "key_placeholder": KEY_PLACEHOLDER, **_shown(view, first_minutes), **made}
    return await view.render("now/first_minutes.html", status, **page)


def _shown(view: PageView, first_minutes: FirstMinutes) -> dict[str, Any]:
    steps = _steps(view, first_minutes.steps)
    return {
        "overview": first_minutes.overview,
        "workers_alive": sum(one.is_alive for one in first_minutes.overview.workers or ()),
        "steps": steps,
        "done_count": sum(step.is_done for step in steps),
        "lead_count": first_minutes.steps.lead_count,
        "latest_lead": first_minutes.steps.latest_lead,
        "first_minutes_page": PAGE,
    }


def _steps(view: PageView, done: FirstSteps) -> list[Step]:
    return [
        Step(view.translate("It runs, and you are in"), "", is_done=True),
        Step(view.translate("Post a lead"), view.translate("From a terminal, or from here."), done.lead_count > 0),
        Step(
            view.translate("Post the same one again"),
            view.translate("Another spelling, the same person: she stays one lead."),
            done.has_repeat,
        ),
        Step(view.translate("Make a form"), view.translate("Put it on a site with one line."), done.has_form, "forms"),
        Step(
            view.translate("Connect a source"),
            view.translate("Meta, Google, Typeform, Zapier and many more."),
            done.has_source,
            "sources/new",
        ),
        Step(
            view.translate("Make an automation"),
            view.translate("A mail, a task or an owner for each new lead, by itself."),
            done.has_automation,
            "automations/new",
        ),
        Step(
            view.translate("Invite somebody"),
            view.translate("A colleague sees only what their role may."),
            done.has_colleague,
            "settings/users",
            Permission.ADMINISTER,
        ),
    ]
