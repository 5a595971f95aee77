"""Roles and what each may, in words. The matrix is made from `shared/auth/roles.py`."""

from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission, Role

ROLE_WORDS: dict[Role, str] = {
    "admin": _("Admin"),
    "manager": _("Manager"),
    "agent": _("Agent"),
    "read_only": _("Read only"),
}
ROLE_HINTS: dict[Role, str] = {
    "admin": _("everything in this workspace, erasing and keys included"),
    "manager": _("all but users, keys, settings and erasing"),
    "agent": _("works on leads and tasks; sees the rest"),
    "read_only": _("sees, changes nothing; persons’ fields are masked"),
}
# A test compares the keys with all permissions.
PERMISSION_WORDS = {
    Permission.SEE_RECORDS: _(
        "See leads, pipeline, duplicates, submissions, forms, automations, sources, webhooks, queues and jobs"
    ),
    Permission.SEE_PERSONS: _("See persons’ fields, and payloads with their secrets masked"),
    Permission.CHANGE_LEADS: _("Change leads, their tags, tasks and stages; merge, undo, dismiss"),
    Permission.BULK_LEADS: _("Delete, import, export and bulk edit leads"),
    Permission.STEER_QUEUES: _(
        "Replay, fix, release, mark as spam, send again; jobs; pause automations and deliveries"
    ),
    Permission.SET_UP: _(
        "Set up forms, automations, sources, webhooks, conversions, pipelines, tags, scoring and who gets no mail"
    ),
    Permission.REPORT_PERSON: _("Make the report of all data that is held about a person"),
    Permission.ADMINISTER: _("Erase persons; users, API keys, workspace settings, audit log"),
    Permission.OPERATE_INSTALLATION: _("Lanes of the installation, the system, all workspaces (operators only)"),
}
