"""The state of one page of a form: what the visitor typed, what is wrong with it, and where the page stands. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

FORM_PROBLEM_KEY = ""  # in `errors`: a problem of the whole form

ThanksKind = Literal["received", "unconfirmed", "unconfirmable", "confirmed"]


class FieldProblem(NamedTuple):
    """A reason why a value was refused: its code, and what its wording needs.

    The codes are `FIELD_PROBLEM_CODES` and `FORM_PROBLEM_CODES`. Parameters: `max` (characters of `too_long`), `max_mb`
    (MB of `file_too_large` and `files_too_large`), `types` (endings and media types of `file_type`).
    """

    code: str
    params: Mapping[str, Any] = {}  # a default that nobody changes


@dataclass(frozen=True)
class FormPageState:
    """What a page of a form shows beside the form itself.

    `values` are by field key: texts, lists of texts for several choices. `errors` are by field key; the key "" is for
    the whole form. `action` is the address that the form is sent to, `base_path` the start of the addresses of style
    sheet and script, such as `/f/abc`. `key` is the idempotency key, `token` the touch token, `honeypot` the name of
    the trap; empty ones are left out. `page_url` is the address of the page, `attribution` JSON of first and last
    touch, `source` the label under which the page was counted. `language` is what the page is shown in, as
    `choose_language` returns it. A framed page stands in a frame of another site, without a footer of its own. A trial
    says that what it sends makes no lead.
    """

    action: str
    base_path: str
    language: str
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Sequence[FieldProblem]] = field(default_factory=dict)
    key: str = ""
    token: str = ""
    honeypot: str = ""
    page_url: str = ""
    attribution: str = ""
    source: str = ""
    is_preview: bool = False
    is_framed: bool = False
    is_trial: bool = False
