"""The kinds of jobs, and how they are named to people."""

from collections.abc import Mapping
from typing import Any, Final, Literal

# Of jobs over rows that a filter finds.
JobKind = Literal["replay", "release", "reject", "deliveries", "edit", "delete", "stage_removal", "rescore"]
AnyJobKind = Literal[
    "replay", "release", "reject", "deliveries", "backfill", "edit", "delete", "stage_removal", "rescore", "import"
]
RESCORE_KIND: Final = "rescore"  # counts the scores of leads again
REMOVAL_KIND: Final = "stage_removal"  # moves the leads of a stage to another, and deletes the stage

# How jobs are told: a dry run of an import stores nothing, and an undo takes an import back.
ToldKind = Literal[AnyJobKind, "import_dry_run", "import_undo"]


def told_kind(kind: AnyJobKind, filters: Mapping[str, Any]) -> ToldKind:
    """Return what a job is told as, by its kind and filter."""
    if kind == "import" and filters.get("dry_run"):
        return "import_dry_run"
    return "import_undo" if kind == "import" and "undo" in filters else kind
