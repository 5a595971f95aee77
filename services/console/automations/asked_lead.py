"""The lead that a reader asks about: by its number, or found by a name, an e-mail or a phone."""

import re
from dataclasses import dataclass, field

from services.console.leads.list_page import read_list_page
from services.console.leads.query import LeadListState
from services.console.leads.words import lead_name
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.leads.lead_records import LeadJson, read_leads
from shared.leads.lead_redirects import find_answering_lead
from shared.platform.errors import ServiceUnavailable

MAX_FOUND = 10
MAX_TEXT_LENGTH = 200
LEAD_NUMBER = re.compile(r"#?([1-9][0-9]{0,17})", re.ASCII)


@dataclass(frozen=True)
class AskedLead:
    """The lead that was asked for. Without it, `found` are those that the `text` may mean."""

    text: str = ""
    lead: LeadJson | None = None
    found: list[LeadJson] = field(default_factory=list)

    def name(self, view: PageView) -> str:
        """Return what the field shows."""
        return f"{lead_name(view, self.lead)} #{self.lead['id']}" if self.lead else self.text


async def read_asked_lead(view: PageView) -> AskedLead:
    """Return the lead of the query: `lead` is its number, `q` what was typed."""
    number = LEAD_NUMBER.fullmatch(view.request.query.get("lead", ""))
    text = view.request.query.get("q", "").replace("\0", "").strip()[:MAX_TEXT_LENGTH]
    if not number:
        number = LEAD_NUMBER.fullmatch(text) or re.search(r"#([1-9][0-9]{0,17})$", text, re.ASCII)
    if number and (lead := await _read_lead(view, int(number[1]))):
        return AskedLead(text, lead)
    return AskedLead(text, None, await _find_leads(view, text))


async def _read_lead(view: PageView, lead_id: int) -> LeadJson | None:
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        answering = await find_answering_lead(connection, workspace_id, lead_id)
        leads = await read_leads(connection, [(workspace_id, answering)]) if answering else {}
    return next(iter(leads.values()), None)


async def _find_leads(view: PageView, text: str) -> list[LeadJson]:
    if len(text) < 2 or not view.permits(Permission.SEE_PERSONS):
        return []
    try:
        return (await read_list_page(view, LeadListState({"search": text}), size=MAX_FOUND)).rows
    except ServiceUnavailable:  # too many large lists are read just now
        return []
