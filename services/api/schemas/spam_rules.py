"""The bodies of spam rules."""

from datetime import datetime
from typing import Annotated

from typing_extensions import TypedDict

from shared.forms.definition import SpamRuleKind, SpamRuleVerdict
from shared.platform.validation.types import RecordId, text_constraints
from shared.spam.spam_rules import MAX_RULE_LENGTH


class SpamRuleFields(TypedDict, total=False):
    """`value`: an email address, a domain, an IP address or network, or words, by the `kind`.

    Without a `form_id` the rule is for all forms of the workspace.
    """

    kind: SpamRuleKind
    value: Annotated[str, text_constraints(MAX_RULE_LENGTH, min_length=1)]
    verdict: SpamRuleVerdict
    form_id: RecordId | None


class SpamRuleRecord(TypedDict):
    """A rule. `hits`: submissions on which it decided."""

    id: int
    form_id: int | None
    verdict: SpamRuleVerdict
    kind: SpamRuleKind
    value: str
    created_by: str | None
    created_at: datetime
    hits: int
    last_hit_at: datetime | None
