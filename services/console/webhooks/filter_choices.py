"""What a webhook can be narrowed to: the forms and stages of a workspace, and the form's fields for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.console.web.page_view import PageView
from shared.outbound.subscription_filters import MAX_SOURCES
from shared.platform.db.connections import Connection

FORMS_SQL = "SELECT id, name FROM forms WHERE workspace_id = %s ORDER BY lower(name), id LIMIT 500"
STAGES_SQL = """
SELECT s.id, p.name, s.name FROM pipeline_stages s
JOIN pipelines p ON p.workspace_id = s.workspace_id AND p.id = s.pipeline_id
WHERE s.workspace_id = %s ORDER BY p.id, s.position, s.id LIMIT 500
"""
ID_FIELDS: Final = ("form_id", "stage_id")
MAX_ID_DIGITS: Final = 18


@dataclass(frozen=True)
class FilterChoices:
    """Names by id."""

    forms: Mapping[int, str] = field(default_factory=dict)
    stages: Mapping[int, str] = field(default_factory=dict)


async def read_filter_choices(connection: Connection, workspace_id: int) -> FilterChoices:
    """Return the forms and stages of a workspace. A stage has the name of its pipeline before its own."""
    forms = await (await connection.execute(FORMS_SQL, (workspace_id,))).fetchall()
    stages = await (await connection.execute(STAGES_SQL, (workspace_id,))).fetchall()
    return FilterChoices(dict(forms), {id_: f"{pipeline}: {stage}" for id_, pipeline, stage in stages})


def sent_filters(form: Mapping[str, str]) -> dict[str, Any]:
    """Return the filters of a form as the API takes them. An id that is none is one that there is not."""
    named = [part.strip() for part in form.get("sources", "").split(",")]
    sources = [name for name in named if name][: MAX_SOURCES + 1]
    filters: dict[str, Any] = {"sources": sources or None, "tag": form.get("tag", "").strip() or None}
    for name in ID_FIELDS:
        text = form.get(name, "").strip()
        is_number = text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS
        filters[name] = (int(text) if is_number else 0) if text else None
    return filters


def shown_filters(filters: Mapping[str, Any] | None) -> dict[str, str]:
    """Return filters as the form shows them."""
    stored = filters or {}
    return {
        "sources": ", ".join(stored.get("sources") or []),
        **{name: str(stored.get(name) or "") for name in ("tag", *ID_FIELDS)},
    }


def filter_words(view: PageView, filters: Mapping[str, Any] | None, choices: FilterChoices) -> list[tuple[str, str]]:
    """Return what a webhook is narrowed to: what must be so, and the name of it."""
    stored = filters or {}
    gone = view.translate("(deleted)")
    words = [
        (view.translate("the source is"), " · ".join(stored.get("sources") or [])),
        (view.translate("the tag is"), stored.get("tag") or ""),
        (view.translate("the stage is"), choices.stages.get(stored["stage_id"], gone) if "stage_id" in stored else ""),
        (view.translate("the form is"), choices.forms.get(stored["form_id"], gone) if "form_id" in stored else ""),
    ]
    return [(label, name) for label, name in words if name]
