"""A person's data: what is held on the person behind a lead, all of it as a file, and the erasure."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from services.console.leads.change_causes import user_cause
from services.console.leads.words import lead_name
from services.console.people.words import (
    GROUP_ICONS,
    GROUP_NOTES,
    GROUP_WORDS,
    REASON_WORDS,
    SENT_WORDS,
    STAYING_WORDS,
    STORED_REASONS,
)
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from services.console.web.rendering import PAGE_HEADERS
from shared.auth.roles import Permission
from shared.likeness.pair_list import PairFilter, list_pairs
from shared.people.erasure_preview import count_sent, preview_erasure
from shared.people.erasures import ErasureRequest, erase_lead, find_erasure
from shared.people.person_report import write_report
from shared.people.person_scope import PersonScope, find_person
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

MAX_REFERENCE_LENGTH = 200  # characters
MAX_SHOWN_PAIRS = 3
MAX_SHOWN_IDENTITIES = 12
BLANK_FORM = {"why": "asked", "reference": "", "tell": "1", "typed": ""}


@dataclass(frozen=True)
class ErasureForm:
    """The form of an erasure as it was sent, and what is wrong with it."""

    texts: dict[str, str]
    problem: str | None = None
    password_problem: str | None = None


@workspace_page(Permission.REPORT_PERSON)
async def show(view: PageView) -> web.StreamResponse:
    """Show where the person is held, and what an erasure would take."""
    return await _render(view, ErasureForm(BLANK_FORM))


@workspace_page(Permission.REPORT_PERSON)
async def download(view: PageView) -> web.StreamResponse:
    """Send everything that is held as one JSON document."""
    async with view.console.reading() as connection:
        person = await _find(view, connection)
        files = view.base_url.rstrip("/") + view.path("files/") + "{id}"
        document = b"".join([piece async for piece in write_report(connection, person, files)])
    name = f'attachment; filename="person-{person.lead_ids[0]}.json"'
    return web.Response(
        body=document, content_type="application/json", headers={**PAGE_HEADERS, "Content-Disposition": name}
    )


@workspace_page(Permission.ADMINISTER)
async def erase(view: PageView) -> web.StreamResponse:
    """Erase the person, if the name was typed and the password is known."""
    sent = await view.read_fields()
    form = {**BLANK_FORM, "tell": "", **sent}
    lead_id, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, action="lead.erased", object=("lead", lead_id))
    async with view.console.reading() as connection:
        person = await _find(view, connection)
    if _plain(form["typed"]) not in {_plain(_title(view, person)), f"#{person.lead_ids[0]}"}:
        problem = view.translate("Type the name exactly as it stands above, or the lead’s number.")
        return await _render(view, ErasureForm(form, problem), 422)
    if password_problem := await confirm_recently(view, form):
        return await _render(view, ErasureForm(form, password_problem=password_problem), 422)
    reference = " ".join(form["reference"].split())[:MAX_REFERENCE_LENGTH]
    why = STORED_REASONS.get(form["why"], STORED_REASONS["asked"])
    asked = ErasureRequest(user_cause(view), f"{why}: {reference}" if reference else why, form["tell"] == "1")
    erased = await view.console.writing(
        lambda connection: erase_lead(connection, view.console.cipher, workspace_id, lead_id, asked)
    )
    audit_details(view.request, reason=erased["reason"], count=erased["total"])
    view.redirect(
        view.path(f"leads/{lead_id}/person"),
        view.translate_count("%(n)s thing is erased.", "%(n)s things are erased.", erased["total"]),
    )


async def _find(view: PageView, connection: Connection) -> PersonScope:
    person = await find_person(connection, view.workspace.workspace_id, path_id(view.request))
    if person is None:
        raise NotFound
    return person


async def _render(view: PageView, form: ErasureForm, status: int = 200) -> web.Response:
    workspace_id, lead_id = view.workspace.workspace_id, path_id(view.request)
    async with view.console.reading() as connection:
        person = await find_person(connection, workspace_id, lead_id)
        if person is None:
            erasure = await find_erasure(connection, workspace_id, lead_id)
            if erasure is None:
                raise NotFound
            return await view.render("people/erased.html", erasure=erasure, lead_id=lead_id, group_words=GROUP_WORDS)
        held = [group for group in await preview_erasure(connection, person) if group.held]
        counts = await count_sent(connection, person)
        pairs = await list_pairs(
            connection, workspace_id, PairFilter(lead_id=person.lead_ids[0]), limit=MAX_SHOWN_PAIRS
        )
    return await view.render(
        "people/person.html",
        status,
        person=person,
        lead_id=person.lead_ids[0],
        name=_title(view, person),
        identities=[value for _, value in person.identities][:MAX_SHOWN_IDENTITIES],
        held=held,
        total_held=sum(group.held for group in held),
        total_goes=sum(group.goes for group in held),
        sent=[view.translate_count(*SENT_WORDS[kind], n) for kind, n in counts.items() if kind in SENT_WORDS],
        others=_other_leads(view, pairs, person),
        form=form.texts,
        problem=form.problem,
        password_problem=form.password_problem,
        words=_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "groups": GROUP_WORDS,
        "notes": GROUP_NOTES,
        "stays": STAYING_WORDS,
        "icons": GROUP_ICONS,
        "reasons": REASON_WORDS,
    }


def _title(view: PageView, person: PersonScope) -> str:
    """Return the person's name, else an identity, else the number of the lead."""
    parts = {"id": person.lead_ids[0], "first_name": person.names[0] if person.names else None}
    contacts = dict(reversed(person.identities))
    return lead_name(view, {**contacts, **parts})


def _other_leads(view: PageView, pairs: list[dict[str, Any]], person: PersonScope) -> list[dict[str, Any]]:
    """Return the leads that may be the same person and would stay."""
    return [
        {"pair": pair["id"], "id": lead["id"], "name": lead_name(view, lead)}
        for pair in pairs
        for lead in pair["leads"]
        if lead["id"] not in person.lead_ids
    ]


def _plain(text: str) -> str:
    return " ".join(text.split())
