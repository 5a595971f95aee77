"""Pairs of leads that are probably one person, as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from shared.platform.validation.types import QueryId

PairState = Literal["open", "dismissed", "merged"]


def _parse_score(value: Any) -> float:
    try:
        score = float(value) if str(value).isascii() and len(str(value)) <= 20 else -1.0
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise PydanticCustomError("score", "no score")
    return score


QueryScore = Annotated[float, BeforeValidator(_parse_score, json_schema_input_type=Annotated[float, Field(ge=0, le=1)])]


class LeadPairQuery(TypedDict, total=False):
    """Without `state` open pairs are listed. `min_score` is from 0 to 1."""

    state: PairState
    min_score: QueryScore


class DuplicateQuery(LeadPairQuery, total=False):
    """`lead_id` selects the pairs of one lead."""

    lead_id: QueryId


class PairReason(TypedDict):
    """A reason for a pair, or against it: points are bits of evidence, and each one for it doubles the odds.

    `level` is a code, such as `exact`, `nickname` or `differ`.
    """

    field: str
    level: str
    points: float
    text: str


class PairedLead(TypedDict):
    """A lead of a pair. One that was merged into the other has only its id left."""

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    company: str | None


class DuplicatePairRecord(TypedDict):
    """Two leads that are probably one person. `score` is the probability, from 0 to 1.

    `group` has the further leads that an open pair with a score of 0.9 or more names together with either of the two,
    likeliest first: up to 18, none of them dismissed with either. It is empty for a plain pair, and unless it is open.
    """

    id: int
    lead_ids: list[int]
    leads: list[PairedLead]
    group: list[PairedLead]
    score: float
    reasons: list[PairReason]
    state: PairState
    dismissed_by: str | None
    dismissed_at: datetime | None
    merge_id: int | None
    created_at: datetime
