"""Forms: all of them with their figures of a week, and a new one from a template."""

from typing import Any

from aiohttp import web

from services.console.forms.reads import LIST_DAYS, list_forms
from services.console.forms.starters import FORM_TEMPLATES, made_form
from services.console.sources.forms import read_texts
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.single_answer import answered_once
from shared.auth.roles import Permission
from shared.forms.form_cache import forget_form
from shared.forms.form_editing import FormRow, create_form
from shared.forms.form_validation import FormSent, read_form_fields
from shared.outbound.mail_setup import can_send_mail
from shared.platform.errors import NotFound, ValidationFailed
from shared.platform.validation.schema import FieldsSchema
from shared.service_app.audit import audit_details

NEW_FORM_SCHEMA = FieldsSchema(FormSent, required=("name",))


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the forms; without any, offer the templates."""
    async with view.console.reading() as connection:
        rows = await list_forms(connection, view.workspace.workspace_id)
        has_mail = await can_send_mail(connection, view.console.settings, view.workspace.workspace_id)
    words = view.request.query.get("q", "").casefold().split()
    shown = [row for row in rows if all(word in row["name"].casefold() for word in words)]
    return await view.render(
        "forms/list.html",
        forms=shown,
        total=len(rows),
        days=LIST_DAYS,
        search=view.request.query.get("q", "")[:200],
        templates=FORM_TEMPLATES,
        has_mail=has_mail,
        may_change=view.permits(Permission.SET_UP),
    )


@workspace_page(Permission.SET_UP)
async def new(view: PageView) -> web.StreamResponse:
    """Show the templates, and ask for the name of the new form."""
    return await _render_new(view, {"template": view.request.query.get("template", "contact")})


@workspace_page(Permission.SET_UP)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a form of a template. It is live at once, with what the template says."""
    form = read_texts(await view.read_fields())
    template = FORM_TEMPLATES.get(form.get("template", ""))
    if template is None:
        raise NotFound
    workspace_id, author = view.workspace.workspace_id, view.account.name
    async with view.console.reading() as connection:
        has_mail = await can_send_mail(connection, view.console.settings, workspace_id)
    made = made_form(view, template, form.get("name", "").strip(), has_mail=has_mail)
    fields, errors = read_form_fields(made, NEW_FORM_SCHEMA)
    audit_details(view.request, action="form.created", after={"name": made["name"], "template": form["template"]})
    try:
        row: FormRow = await view.console.writing(
            lambda connection: create_form(connection, view.console.settings, workspace_id, fields, errors, author)
        )
    except ValidationFailed:
        return await _render_new(view, form, view.translate("Give it a name of 255 characters or fewer."))
    audit_details(view.request, object=("form", row["id"]))
    forget_form(view.request.app, workspace_id, row)
    said = view.translate("The form is made, and live at an address of its own. Change what you like, then publish it.")
    view.redirect(view.path(f"forms/{row['id']}"), said)


async def _render_new(view: PageView, form: dict[str, str], problem: str = "") -> web.Response:
    chosen = form.get("template", "")
    shown: dict[str, Any] = {
        "templates": FORM_TEMPLATES,
        "chosen": chosen if chosen in FORM_TEMPLATES else "contact",
        "name": form.get("name", ""),
        "problem": problem,
    }
    return await view.render("forms/new.html", 422 if problem else 200, **shown)
