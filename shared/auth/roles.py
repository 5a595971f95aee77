"""Roles and their permissions. The users page shows its matrix from this table."""

from enum import Enum
from typing import Final, Literal

Role = Literal["admin", "manager", "agent", "read_only"]
ROLE_NAMES: Final[tuple[Role, ...]] = ("admin", "manager", "agent", "read_only")


class Permission(Enum):
    """A right that a role has or lacks. The console has words for it: `services/console/web/role_words.py`."""

    SEE_RECORDS = "see_records"  # leads, submissions, forms, automations, sources, webhooks, queues, jobs
    SEE_PERSONS = "see_persons"  # personal fields, and payloads with their secrets masked
    CHANGE_LEADS = "change_leads"  # their tags, tasks and stages too; merge, undo, dismiss
    BULK_LEADS = "bulk_leads"  # delete, import, export, edit many
    STEER_QUEUES = "steer_queues"  # replay, fix, release, reject, resend; jobs; lanes of the workspace
    SET_UP = "set_up"  # forms, automations, sources, webhooks, conversions, pipelines, tags, scoring, suppressions
    REPORT_PERSON = "report_person"
    ADMINISTER = "administer"  # erase; users, API keys, workspace settings, audit log
    OPERATE_INSTALLATION = "operate_installation"  # its lanes, the system, all workspaces


_MANAGER_PERMISSIONS = frozenset(Permission) - {Permission.ADMINISTER, Permission.OPERATE_INSTALLATION}

ROLE_PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    "admin": _MANAGER_PERMISSIONS | {Permission.ADMINISTER},
    "manager": _MANAGER_PERMISSIONS,
    "agent": frozenset((Permission.SEE_RECORDS, Permission.SEE_PERSONS, Permission.CHANGE_LEADS)),
    "read_only": frozenset((Permission.SEE_RECORDS,)),
}


def is_permitted(role: Role | None, permission: Permission, *, is_operator: bool = False) -> bool:
    """Return whether a person may do that in a workspace.

    `role` is that of the membership, None without one. An operator has the rights of an admin in every workspace.
    """
    return is_operator or (role is not None and permission in ROLE_PERMISSIONS[role])
