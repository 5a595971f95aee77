"""Scoring rules as they are shown. How they are sent is in `shared/scoring/rule_fields.py`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from shared.automations.conditions import ConditionOperator
from shared.platform.validation.types import StrictFlag
from shared.scoring.rule_fields import ScoringRuleFields
from shared.scoring.rule_management import MAX_RULES


class ScoringRuleRecord(TypedDict):
    id: int
    field: str
    operator: ConditionOperator
    value: Any
    points: int
    is_active: bool
    position: int
    created_at: datetime
    updated_at: datetime


class ScorePreviewFields(TypedDict, total=False):
    """The rules as they would be, all of them. Those that are off give no points."""

    rules: Annotated[list[ScoringRuleFields], Field(max_length=MAX_RULES)]


class RecalculationFields(TypedDict, total=False):
    with_automations: StrictFlag


class ScoreExampleRecord(TypedDict):
    lead_id: int
    before: int
    after: int


class ScorePreviewRecord(TypedDict):
    """`counted` leads were compared, the newest of all `total`: as many as two seconds allow, 50,000 at most."""

    total: int
    counted: int
    gaining: int
    losing: int
    same: int
    gains: list[ScoreExampleRecord]
    losses: list[ScoreExampleRecord]
