"""Rendered forms of one process, by form and language. What differs from visitor to visitor is put in afterwards."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace

from markupsafe import escape

from shared.form_pages.page_state import FormPageState
from shared.forms.definition import FormDefinition

MAX_CACHED_PAGES = 500
VISITOR_MEMBERS = ("key", "token", "page_url", "attribution", "source")  # of the state, each visitor's own

RenderPage = Callable[[FormDefinition, FormPageState], str]
CachedPageKey = tuple[str, str, bool]  # action, which names the form; language; whether framed


class PageCache:
    """The pages of untouched forms. A page is rendered again when its form changed in any respect."""

    def __init__(self, render: RenderPage) -> None:
        self._render = render
        self._pages: OrderedDict[CachedPageKey, tuple[FormDefinition, str]] = OrderedDict()  # the least used first
        # Random, so that no text of a form can be taken for one.
        self._slots = {member: f"slot-{secrets.token_hex(12)}-{member}" for member in VISITOR_MEMBERS}

    def render(self, form: FormDefinition, state: FormPageState) -> str:
        """Return the page. States with values or errors are rendered by themselves."""
        if state.values or state.errors:
            return self._render(form, state)
        page = self._cached_page(form, state)
        return self._filled(page, {member: getattr(state, member) for member in VISITOR_MEMBERS})

    def _cached_page(self, form: FormDefinition, state: FormPageState) -> str:
        key = (state.action, state.language, state.is_framed)
        cached = self._pages.get(key)
        if cached is None or cached[0] != form:
            cached = self._pages[key] = (form, self._render(form, self._with_slots(state)))
        self._pages.move_to_end(key)
        while len(self._pages) > MAX_CACHED_PAGES:
            self._pages.popitem(last=False)
        return cached[1]

    def _with_slots(self, state: FormPageState) -> FormPageState:
        return replace(state, **self._slots)  # type: ignore[arg-type]  # all of them are texts

    def _filled(self, page: str, values: Mapping[str, str]) -> str:
        for member, slot in self._slots.items():
            page = page.replace(slot, str(escape(values[member])))
        return page
