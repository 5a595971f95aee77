"""Rules about who is always allowed and who is always held: by hand, or from a submission that is held."""

from typing import Any, cast, get_args

from aiohttp import web

from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.safe_redirect import local_path
from services.console.web.single_answer import answered_once
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.forms.definition import SpamRuleKind, SpamRuleVerdict
from shared.platform.errors import ValidationFailed
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details
from shared.spam.spam_rule_management import create_rule, delete_rule, list_rules

KIND_TITLES = {
    "email": _("E-mail address"),
    "domain": _("Domain"),
    "address": _("Network address"),
    "word": _("Word or phrase"),
}
KIND_ICONS = {"email": "mail", "domain": "globe", "address": "plug", "word": "edit"}
MADE_WORDS = {
    "allow": _("%(value)s is always allowed from now on."),
    "hold": _("%(value)s is always held from now on."),
}
FORM_NAMES_SQL = "SELECT id, name FROM forms WHERE workspace_id = %s ORDER BY name, id LIMIT 500"
INVALID_RULE_WORDS = {
    "email": _("This is no e-mail address."),
    "domain": _("This is no domain. One looks like example.com."),
    "address": _("This is no network address. One looks like 203.0.113.7 or 203.0.113.0/24."),
    "word": _("Enter a word or a phrase with a letter or a digit."),
}


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the rules, with who made each and how often it decided."""
    return await _render_rules(view, {}, None)


@workspace_page(Permission.STEER_QUEUES)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a rule. What is wrong with it is said in the form."""
    fields = await view.read_fields()
    workspace_id, author = view.workspace.workspace_id, view.account.name
    kind, verdict = fields.get("kind", ""), fields.get("verdict", "")
    form_id = int(fields["form_id"]) if fields.get("form_id", "").isdigit() else None
    if kind not in get_args(SpamRuleKind) or verdict not in get_args(SpamRuleVerdict):
        return await _render_rules(view, fields, view.translate("Choose what the rule is about."))
    try:
        rule = await view.console.writing(
            lambda connection: create_rule(
                connection,
                workspace_id,
                cast("SpamRuleKind", kind),
                fields.get("value", ""),
                cast("SpamRuleVerdict", verdict),
                form_id=form_id,
                author=author,
            )
        )
    except ValidationFailed as error:
        return await _render_rules(view, fields, _problem(view, kind, error))
    audit_details(view.request, action="spam_rule.created", object=("spam_rule", rule["id"]), after={"kind": kind})
    said = view.translate(MADE_WORDS[verdict], value=rule["value"])
    view.redirect(local_path(fields["next"]) if "next" in fields else view.path("quarantine/rules"), said)


@workspace_page(Permission.STEER_QUEUES)
async def delete(view: PageView) -> web.StreamResponse:
    """Delete a rule. What it held stays held."""
    id_, workspace_id = path_id(view.request), view.workspace.workspace_id
    audit_details(view.request, action="spam_rule.deleted", object=("spam_rule", id_))
    await view.console.writing(lambda connection: delete_rule(connection, workspace_id, id_))
    view.redirect(view.path("quarantine/rules"), view.translate("The rule is deleted. What it held stays held."))


async def _render_rules(view: PageView, fields: dict[str, str], problem: str | None) -> web.Response:
    async with view.console.reading() as connection:
        rules = await list_rules(connection, view.workspace.workspace_id)
        names = await (await connection.execute(FORM_NAMES_SQL, (view.workspace.workspace_id,))).fetchall()
    forms: dict[int, str] = dict(cast("list[tuple[int, str]]", names))
    shown: dict[str, Any] = {
        "rules_by_verdict": {
            verdict: [rule for rule in rules if rule["verdict"] == verdict] for verdict in get_args(SpamRuleVerdict)
        },
        "form_names": forms,
        "kind_titles": KIND_TITLES,
        "kind_icons": KIND_ICONS,
        "sent": fields,
        "problem": problem,
    }
    return await view.render("quarantine/rules.html", 422 if problem else 200, **shown)


def _problem(view: PageView, kind: str, error: ValidationFailed) -> str:
    message = next(iter(next(iter((error.errors or {}).values()), [])), "")
    if "already" in message:
        return view.translate("There is a rule for this already.")
    if "may have" in message:
        return view.translate("There are as many rules as a workspace may have. Delete those that never decide.")
    return view.translate_choice(INVALID_RULE_WORDS, kind)
