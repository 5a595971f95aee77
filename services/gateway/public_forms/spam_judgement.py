"""Judge a post: what it brings and what was observed over other posts become evidence, and this a verdict."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from services.gateway.public_forms.forms_context import PUBLIC_FORMS
from services.gateway.public_forms.posted_form import PostedForm
from services.gateway.public_forms.spam_observations import PostMarks, PostObservation
from services.gateway.public_forms.spam_scoring import ProofState, SpamEvidence, SpamVerdict, judge_spam
from services.gateway.public_forms.text_traits import link_hosts, text_fingerprint
from services.gateway.public_forms.touch_tokens import ReadProof, ReadToken
from shared.forms.definition import FormDefinition
from shared.forms.field_definition import FULL_NAME
from shared.spam.spam_rules import RuleSubject

TEXT_TYPES = ("text", "textarea")
RULED_TYPES = (*TEXT_TYPES, "url", "hidden")
NAME_TARGETS = ("first_name", "last_name", FULL_NAME)
MIN_COPIED_LETTERS = 60  # letters of a text from which on copies of it are no chance
LOCAL_NETWORKS = [
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
]
SHARED_PREFIX = 64  # bits of an IPv6 address that a household has


async def judge_post(
    app: web.Application,
    form: FormDefinition,
    post: PostedForm,
    lead: Mapping[str, Any],
    values: Mapping[str, Any],
    submission_id: str,
    address: str | None,
) -> SpamVerdict:
    """Return the verdict on a valid post. Counts the post among those that were observed."""
    parts = app[PUBLIC_FORMS]
    token = parts.tokens.read_token(form.public_id, post.token)
    proof = parts.tokens.read_proof(form.public_id, post.proof)
    texts, names = _texts_of(form, values, TEXT_TYPES), _names_of(form, values)
    email = str(lead.get("email") or "").casefold()
    digest = parts.tokens.digest_value
    copied = text_fingerprint(_texts_of(form, values, ("textarea",)))
    seen = await parts.observations.observe(
        PostMarks(
            workspace_id=form.workspace_id,
            form_id=form.id,
            submission_id=submission_id,
            address=digest(counted) if (counted := counted_address(address)) else "",
            sender=digest(email) if email else "",
            text=digest(copied) if len(copied) >= MIN_COPIED_LETTERS else "",
            token=token.nonce or "",
            proof=proof.nonce or "",
        )
    )
    free_texts = [text for text in texts if text not in names]
    ruled = _texts_of(form, values, RULED_TYPES)
    subject = RuleSubject(email or None, address, ruled, link_hosts(ruled))
    evidence = _evidence(subject, free_texts, names, post, token, proof, seen)
    verdict = judge_spam(evidence, form.spam_rules, form.hold_threshold)
    if verdict.rule:
        parts.rule_hits.add((form.workspace_id, verdict.rule.id))
    return verdict


def _evidence(
    subject: RuleSubject,
    texts: Sequence[str],
    names: Sequence[str],
    post: PostedForm,
    token: ReadToken,
    proof: ReadProof,
    seen: PostObservation,
) -> SpamEvidence:
    return SpamEvidence(
        subject=subject,
        texts=texts,
        names=names,
        is_trap_filled=post.is_trap_filled,
        touch=token.state,
        token_age=token.age,
        token_uses=seen.token_uses,
        proof=_proof_state(token, proof, seen),
        address_posts=seen.address_posts,
        is_busy=seen.is_busy,
        text_senders=seen.text_senders,
        text_forms=seen.text_forms,
    )


def _proof_state(token: ReadToken, proof: ReadProof, seen: PostObservation) -> ProofState:
    if proof.state == "valid":
        return "reused" if seen.proof_uses else "valid"
    if proof.state == "missing":
        return "missing" if token.asks_proof else "not_asked"
    return proof.state


def _texts_of(form: FormDefinition, values: Mapping[str, Any], types: Sequence[str]) -> list[str]:
    """Return the texts that a visitor wrote into fields of these types."""
    found = (values.get(field["key"]) for field in form.fields if field["type"] in types)
    return [text for text in found if isinstance(text, str) and text.strip()]


def _names_of(form: FormDefinition, values: Mapping[str, Any]) -> list[str]:
    found = (values.get(field["key"]) for field in form.fields if field["maps_to"] in NAME_TARGETS)
    return [text for text in found if isinstance(text, str)]


def counted_address(address: str | None) -> str:
    """Return an address as it is counted: of IPv6 the network, within which a visitor has any number of them.

    Addresses of local networks are not counted: all visitors share that of a proxy which the settings do not name.
    """
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if any(ip in network for network in LOCAL_NETWORKS if network.version == ip.version):
        return ""
    return str(ipaddress.ip_network((ip, SHARED_PREFIX), strict=False)) if ip.version == 6 else str(ip)
