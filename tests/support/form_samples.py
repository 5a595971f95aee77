"""A form with a field of every kind, as the pages and their tests need it, and a reader of pages."""

from html.parser import HTMLParser
from typing import Any

from shared.form_pages.page_state import FormPageState
from shared.forms.definition import FormDefinition, complete_settings
from shared.forms.field_definition import complete_fields

EVERY_FIELD: list[dict[str, Any]] = [
    {"key": "name", "label": "Your name", "type": "text", "required": True, "maps_to": "full_name", "prefill": True},
    {"key": "mail", "label": "Work e-mail", "type": "email", "required": True, "placeholder": "you@company.com"},
    {"key": "tel", "label": "Phone", "type": "phone", "help": "Only if we may call."},
    {"key": "budget", "label": "Budget", "type": "number"},
    {"key": "start", "label": "Start", "type": "date"},
    {"key": "site", "label": "Your site", "type": "url"},
    {"key": "country", "label": "Country", "type": "select", "options": ["Norway", "Oman"], "prefill": True},
    {"key": "story", "label": "Story", "type": "textarea"},
    {
        "key": "topics",
        "label": "Topics",
        "type": "multiselect",
        "options": ["News", "Sales"],
        "prefill": True,
        "step": 2,
    },
    {
        "key": "seats",
        "label": "Seats",
        "type": "radio",
        "options": ["1–5", "6–20", "more"],
        "required": True,
        "step": 2,
    },
    {"key": "call", "label": "Call me back", "type": "checkbox", "step": 2},
    {
        "key": "hours",
        "label": "When?",
        "type": "checkbox",
        "options": ["Morning", "Evening"],
        "required": True,
        "show_if": {"field": "call", "operator": "equals", "value": True},
        "step": 2,
    },
    {"key": "plan", "label": "Drawing", "type": "file", "accept": [".pdf", "image/*"], "max_size_mb": 5, "step": 2},
    {"key": "partner", "label": "Partner", "type": "hidden", "prefill": True, "step": 2},
    {
        "key": "agree",
        "label": "Your agreement",
        "type": "consent",
        "required": True,
        "consent_text": "I agree to this. [How we use it](https://example.com/privacy)",
        "step": 2,
    },
]


def sample_form(fields: list[dict[str, Any]] | None = None, **settings: Any) -> FormDefinition:
    """A form of the fields, or of one of every kind."""
    return FormDefinition(
        id=1,
        workspace_id=1,
        is_active=True,
        fields=complete_fields(EVERY_FIELD if fields is None else fields),
        settings=complete_settings(settings),
        public_id="abc",
        name="Ask for prices",
        version=3,
        workspace_name="Acme",
    )


def sample_state(**members: Any) -> FormPageState:
    """A page of that form that nobody has touched."""
    return FormPageState(**{"action": "/f/abc", "base_path": "/f/abc", "language": "en", **members})


class PageReader(HTMLParser):
    """The tags of a page with their attributes, in order, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        """The attributes of the controls of that name."""
        return [attributes for _, attributes in self.tags if attributes.get("name") == name]

    def tagged(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of that kind."""
        return [attributes for found, attributes in self.tags if found == tag]

    def element(self, id_: str) -> dict[str, str | None]:
        """The attributes of the one element with that id."""
        (found,) = [attributes for _, attributes in self.tags if attributes.get("id") == id_]
        return found
