"""Rules of a workspace about who is always allowed and who is always held. Pure."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.forms.definition import SpamRule, SpamRuleKind
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email

MAX_RULE_LENGTH = 255  # characters of a rule's value
# The most telling kind decides where several rules match.
_KINDS_BY_WEIGHT: tuple[SpamRuleKind, ...] = ("email", "domain", "address", "word")
_DOMAIN_PATTERN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]").fullmatch
_collapse_spaces = re.compile(r"\s+").sub
# Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
_find_unspaced = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]").search


class InvalidRuleValue(ValueError):
    """A value that a rule of this kind cannot have. The text is the end of a sentence about the field."""


@dataclass(frozen=True, slots=True)
class RuleSubject:
    """What rules are compared with: the sender, the sender's address, all texts, and the hosts of links in them."""

    email: str | None
    address: str | None
    texts: Sequence[str] = ()
    link_hosts: Sequence[str] = ()


def normalise_rule_value(kind: SpamRuleKind, value: str) -> str:
    """Return the value as rules are stored and compared. Raises InvalidRuleValue."""
    text = value.strip()
    if kind == "email":
        try:
            return normalise_email(text)
        except InvalidContact:
            raise InvalidRuleValue("must be a valid email address.") from None
    if kind == "domain":
        return _normalise_domain(text)
    if kind == "address":
        try:
            return str(ipaddress.ip_network(text, strict=False)) if "/" in text else str(ipaddress.ip_address(text))
        except ValueError:
            raise InvalidRuleValue("must be an IP address or a network such as 203.0.113.0/24.") from None
    folded = fold_text(text)
    if not folded:
        raise InvalidRuleValue("must have a letter or a digit.")
    return folded


def deciding_rule(rules: Iterable[SpamRule], subject: RuleSubject) -> SpamRule | None:
    """Return the matching rule that decides: of the most telling kind, and among equals one that holds."""
    rules = list(rules)
    if not rules:
        return None
    email, text = (subject.email or "").casefold(), f" {fold_text(' '.join(subject.texts))} "
    matching = [rule for rule in rules if _rule_matches(rule, email, subject, text)]
    return min(matching, key=lambda rule: (_KINDS_BY_WEIGHT.index(rule.kind), rule.verdict != "hold"), default=None)


def fold_text(text: str) -> str:
    """Return a text in the form in which words are compared: one case, one width, words separated by one space."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(character if _is_word_part(character) else " " for character in plain)
    return _collapse_spaces(" ", words).strip()


def _is_word_part(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _rule_matches(rule: SpamRule, email: str, subject: RuleSubject, text: str) -> bool:
    if rule.kind == "email":
        return email == rule.value
    if rule.kind == "domain":
        # Anybody can put a link to an allowed domain into a text, so that links only hold.
        hosts = [email.rpartition("@")[2], *(subject.link_hosts if rule.verdict == "hold" else ())]
        return any(f".{host}".endswith(f".{rule.value}") for host in hosts)
    if rule.kind == "address":
        return bool(subject.address) and _is_in_network(str(subject.address), rule.value)
    return f" {rule.value} " in text or (bool(_find_unspaced(rule.value)) and rule.value in text)


def _is_in_network(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _normalise_domain(text: str) -> str:
    try:
        domain = text.removeprefix("@").rstrip(".").lower().encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not _DOMAIN_PATTERN(domain):
        raise InvalidRuleValue("must be a domain such as example.com.")
    return domain
