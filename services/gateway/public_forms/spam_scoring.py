"""Judge a submission of a public form: from what was observed to a score, with a sentence for each signal. Pure.

A signal that honest visitors set off as well has fewer points than the default threshold, so that none holds a
submission alone. The honeypot and the rules of the workspace do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.gateway.public_forms.disposable_domains import is_disposable
from services.gateway.public_forms.text_traits import count_links, count_mixed_words, has_link, has_link_markup
from shared.forms.definition import SpamRule
from shared.spam.spam_rules import RuleSubject, deciding_rule

TRAP_SECONDS = 3.0  # seconds after the first touch before which hardly anybody has filled in a form
HASTY_SECONDS = 1.0
ALWAYS_HELD_POINTS = 100  # points of what holds alone, whatever the threshold
ADDRESS_STEPS = ((50, 35), (15, 20), (5, 10))  # (posts of an address in ten minutes, points beyond them)
TEXT_STEPS = ((10, 30), (3, 25), (1, 15))  # (other senders of a text within a day, points from them on)
LINK_STEPS = ((5, 45), (3, 35), (2, 15), (1, 4))  # (links, points from them on)
BUSY_FORM_POINTS = 10
REUSE_STEPS = ((4, 46), (1, 20))  # (other submissions with the token, points from them on)

TokenState = Literal["valid", "missing", "expired", "forged"]
ProofState = Literal["not_asked", "valid", "missing", "wrong", "reused"]


@dataclass(frozen=True, slots=True)
class ScoredSignal:
    """A signal: its code, its points, and a sentence for the people who decide."""

    code: str
    points: int
    text: str


@dataclass(frozen=True, slots=True)
class SpamEvidence:
    """Observations about one submission. The counts are of other posts, 0 while nothing is known of these.

    `touch`: the state of its token. `token_age`: seconds since the form was first touched. `token_uses`: other
    submissions with the token. `address_posts`: posts of the address to the workspace within ten minutes. `is_busy`:
    the form gets far more posts than people send. `text_senders`: other senders of the same text within a day.
    `text_forms`: other forms that got it. `texts` are written by the visitor freely, `names` are names of people.
    """

    subject: RuleSubject
    texts: Sequence[str] = ()
    names: Sequence[str] = ()
    is_trap_filled: bool = False
    touch: TokenState = "valid"
    token_age: float | None = None
    token_uses: int = 0
    proof: ProofState = "not_asked"
    address_posts: int = 0
    is_busy: bool = False
    text_senders: int = 0
    text_forms: int = 0


@dataclass(frozen=True, slots=True)
class SpamVerdict:
    """The score, its reasons with the weightiest first, and whether the submission is held. `rule` decided, if any."""

    score: int
    reasons: list[ScoredSignal] = field(default_factory=list)
    is_held: bool = False
    rule: SpamRule | None = None


def judge_spam(evidence: SpamEvidence, rules: Sequence[SpamRule], threshold: int) -> SpamVerdict:
    """Return the verdict on a submission. `threshold`: the score from which on it is held; 0: only rules hold."""
    reasons = sorted(_find_signals(evidence), key=lambda reason: -reason.points)
    score = sum(reason.points for reason in reasons)
    rule = deciding_rule(rules, evidence.subject)
    if rule is None:
        is_trapped = any(reason.points >= ALWAYS_HELD_POINTS for reason in reasons)
        return SpamVerdict(score, reasons, threshold > 0 and (is_trapped or score >= threshold))
    if rule.verdict == "hold":
        held = ScoredSignal(f"held_{rule.kind}", ALWAYS_HELD_POINTS, f"A rule holds the {rule.kind} “{rule.value}”.")
        return SpamVerdict(score + held.points, [held, *reasons], True, rule)
    allowed = ScoredSignal(f"allowed_{rule.kind}", -score, f"A rule always allows the {rule.kind} “{rule.value}”.")
    return SpamVerdict(0, [*reasons, allowed], False, rule)


def _find_signals(evidence: SpamEvidence) -> Iterator[ScoredSignal]:
    if evidence.is_trap_filled:
        yield ScoredSignal("honeypot", ALWAYS_HELD_POINTS, "A field that no visitor sees was filled in.")
    yield from _token_signals(evidence)
    yield from _proof_signals(evidence)
    yield from _rate_signals(evidence)
    yield from _text_signals(evidence)
    if is_disposable(evidence.subject.email):
        yield ScoredSignal("disposable_domain", 20, "The email address is of a provider of throw-away addresses.")


def _token_signals(evidence: SpamEvidence) -> Iterator[ScoredSignal]:
    if evidence.touch == "forged":
        yield ScoredSignal("token_forged", 35, "Its token was not made for this form.")
    elif evidence.touch != "valid":
        yield ScoredSignal("token_missing", 10, "It came without a fresh token of the form's page.")
    if points := _points_from(REUSE_STEPS, evidence.token_uses):
        yield ScoredSignal("token_reused", points, f"Its token was used for {evidence.token_uses} more.")
    age = evidence.token_age
    if age is not None and age < TRAP_SECONDS:
        points = 30 if age < HASTY_SECONDS else 20
        yield ScoredSignal("time_trap", points, f"It was sent {max(age, 0):.1f} s after the form was first touched.")


def _proof_signals(evidence: SpamEvidence) -> Iterator[ScoredSignal]:
    if evidence.proof == "missing":
        yield ScoredSignal("proof_missing", 25, "The proof of work that the form asked for is missing.")
    elif evidence.proof in ("wrong", "reused"):
        yield ScoredSignal(f"proof_{evidence.proof}", 40, f"The proof of work is {evidence.proof}.")


def _rate_signals(evidence: SpamEvidence) -> Iterator[ScoredSignal]:
    if points := _points_from([(most + 1, points) for most, points in ADDRESS_STEPS], evidence.address_posts):
        text = f"Its address sent {evidence.address_posts} more within ten minutes."
        yield ScoredSignal("address_rate", points, text)
    if evidence.is_busy and evidence.proof != "valid":
        yield ScoredSignal("form_rate", BUSY_FORM_POINTS, "The form gets far more submissions than people send.")


def _text_signals(evidence: SpamEvidence) -> Iterator[ScoredSignal]:
    links = count_links(evidence.texts)
    if points := _points_from(LINK_STEPS, links):
        text = "Its texts have a link." if links == 1 else f"Its texts have {links} links."
        yield ScoredSignal("links", points, text)
    if has_link_markup(evidence.texts):
        yield ScoredSignal("markup", 45, "Its texts have links in the code of web pages or forums.")
    if any(map(has_link, evidence.names)):
        yield ScoredSignal("link_in_name", 45, "A name has a link in it.")
    if mixed := count_mixed_words([*evidence.texts, *evidence.names]):
        text = "Words mix letters of alphabets that look alike."
        yield ScoredSignal("mixed_alphabets", 20 if mixed == 1 else 40, text)
    others = max(evidence.text_senders, evidence.text_forms)
    if points := _points_from(TEXT_STEPS, others):
        text = f"The same text came {others} more times, from others or to other forms."
        yield ScoredSignal("same_text", points, text)


def _points_from(steps: Sequence[tuple[int, int]], n: int) -> int:
    """Return the points of the first step that `n` reaches. The steps go from high to low."""
    return next((points for least, points in steps if n >= least), 0)
