"""What the forms of the builder offer to choose from: names of the workspace, and values that occur in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.console.automations.reads import DefinitionNames, read_definition_names
from services.console.leads.reads import ListSuggestions, read_suggestions
from services.console.leads.words import FIELD_WORDS, STATUS_WORDS
from services.console.web.page_view import PageView
from shared.automations.fields import CUSTOM_FIELD_PREFIX, WRITABLE_FIELDS
from shared.platform.db.connections import Connection

PREVIEW_LEADS = 20
Choice = tuple[Any, str]

PREVIEW_LEADS_SQL = """
SELECT id, first_name, last_name, email, phone FROM leads WHERE workspace_id = %s
ORDER BY created_at DESC, id DESC LIMIT %s
"""


@dataclass(frozen=True)
class PreviewLead:
    """A lead on which a message can be previewed."""

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None


@dataclass(frozen=True)
class BuilderChoices:
    """Names and values of a workspace."""

    names: DefinitionNames
    values: ListSuggestions
    leads: Sequence[PreviewLead]
    stages: Sequence[Choice]

    @property
    def users(self) -> list[Choice]:
        """The users who are there."""
        return [(id_, name) for id_, name in self.names.users.items() if id_ not in self.names.inactive_users]

    @property
    def forms(self) -> list[Choice]:
        return list(self.names.forms.items())


async def read_builder_choices(connection: Connection, workspace_id: int) -> BuilderChoices:
    """Return what the builder offers."""
    names = await read_definition_names(connection, workspace_id)
    values = await read_suggestions(connection, workspace_id)
    rows = await (await connection.execute(PREVIEW_LEADS_SQL, (workspace_id, PREVIEW_LEADS))).fetchall()
    is_one = len(names.pipelines) == 1
    stages = [(id_, one.name if is_one else f"{one.pipeline}: {one.name}") for id_, one in names.stages.items()]
    return BuilderChoices(names, values, [PreviewLead(*row) for row in rows], stages)


def field_choices(view: PageView, choices: BuilderChoices, *, writable: bool = False) -> list[Choice]:
    """Return the fields that a condition may ask about, or that a step may set: those of leads, and their own."""
    names = [name for name in FIELD_WORDS if not writable or name in WRITABLE_FIELDS]
    own = [(f"{CUSTOM_FIELD_PREFIX}{key}", key) for key in choices.values.custom_keys]
    taken = ("status",) if writable else ()  # a step of its own sets the status
    return [(name, view.translate(FIELD_WORDS[name])) for name in names if name not in taken] + own


def value_choices(view: PageView, choices: BuilderChoices, field: str) -> list[Choice]:
    """Return the values of a field that are chosen; none for one whose values are typed."""
    if field == "status":
        return [(status, view.translate(word)) for status, word in STATUS_WORDS.items()]
    if field == "starred":
        return [("true", view.translate("yes")), ("false", view.translate("no"))]
    choices_by_field: Mapping[str, Sequence[Choice]] = {
        "assigned_user_id": choices.users,
        "pipeline_stage_id": choices.stages,
        "pipeline_id": list(choices.names.pipelines.items()),
    }
    return list(choices_by_field.get(field, ()))


def value_suggestions(choices: BuilderChoices, field: str) -> Sequence[str]:
    """Return values that occur in a field whose values are typed."""
    return {"tags": choices.values.tags, "source": choices.values.sources}.get(field, ())
