"""Roles and their permissions: the table of the contract's section 9, from which the users page shows its matrix."""

from enum import Enum
from typing import Final, Literal

Role = Literal["admin", "manager", "agent", "read_only"]
ROLE_NAMES: Final[tuple[Role, ...]] = ("admin", "manager", "agent", "read_only")


class Permission(Enum):
    """A right that a role has or lacks. The value is a sentence for the users page."""

    SEE_RECORDS = (
        "See leads, pipeline, duplicates, submissions, forms, automations, sources, webhooks, queues and jobs."
    )
    SEE_PERSONS = "See personal fields of leads, and payloads with their secrets masked."
    CHANGE_LEADS = "Change leads, their tags, tasks and stages; merge, undo and dismiss."
    BULK_LEADS = "Delete, import, export and bulk edit leads."
    STEER_QUEUES = "Replay, fix, release, reject and resend; steer jobs; pause automations and deliveries."
    SET_UP = "Set up forms, automations, sources, webhooks, pipelines, tags and scoring."
    REPORT_PERSON = "Make the report of all data that is held about a person."
    ADMINISTER = "Erase persons; manage users, API keys and workspace settings; read the audit log."
    OPERATE_INSTALLATION = "Pause lanes of the installation, see the system and all workspaces."


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
