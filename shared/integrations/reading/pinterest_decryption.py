"""Decrypt leads of Pinterest with AES-256-GCM, wherever the nonce, the ciphertext and the tag stand. Pure.

Pinterest documents neither the envelope nor its encoding. The usual ones are tried: the whole body, or the items of its
JSON, as `nonce | ciphertext | tag` in bytes or base64, or with nonce and tag in members of their own. A wrong guess
cannot pass, since the tag authenticates the lead.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.integrations.reading.untrusted_json import text_at
from shared.integrations.webhook_exchange import UnreadableBody, parse_json_leniently

NONCE_SIZE = 12  # bytes
TAG_SIZE = 16  # bytes
NONCE_NAMES = ("nonce", "iv", "initialization_vector")
TAG_NAMES = ("tag", "auth_tag", "authentication_tag")
MAX_ITEMS = 1000
MAX_PART_LENGTH = 256  # characters of a nonce or a tag: it is joined to each member of its item


def decrypt_leads(body: bytes, key_text: str) -> list[Any]:
    """Return the leads of a body, with None for an item that the key does not authenticate."""
    key = _decoded(key_text)
    if len(key) != 32:
        return []
    cipher = AESGCM(key)
    for sealed in (body, _decoded(body)):
        lead = _opened(cipher, sealed)
        if lead is not None:
            return lead if isinstance(lead, list) else [lead]
    try:
        document = parse_json_leniently(body)
    except UnreadableBody:
        return []
    items = document if isinstance(document, list) else [document]
    leads: list[Any] = []
    for item in items[:MAX_ITEMS]:
        lead = _opened_item(cipher, item)
        leads.extend(lead if isinstance(lead, list) else [lead])
    return leads


def _opened_item(cipher: AESGCM, item: Any) -> Any:
    """Return the lead in a text, or in a member of an object together with the ids beside it."""
    if isinstance(item, str):
        return _opened(cipher, _decoded(item))
    if not isinstance(item, dict):
        return None
    nonce, tag = _short_part(item, NONCE_NAMES), _short_part(item, TAG_NAMES)
    for name, value in item.items():
        if isinstance(value, str) and name not in (*NONCE_NAMES, *TAG_NAMES):
            lead = _opened(cipher, nonce + _decoded(value) + tag, nonce_size=len(nonce) or NONCE_SIZE)
            if isinstance(lead, dict):
                return {**_ids(item), **lead}
            if isinstance(lead, list):
                return [{**_ids(item), **part} if isinstance(part, dict) else None for part in lead]
    return None


def _short_part(item: Mapping[str, Any], names: tuple[str, ...]) -> bytes:
    text = next(filter(None, (text_at(item, name) for name in names)), "")
    return _decoded(text) if len(text) <= MAX_PART_LENGTH else b""


def _ids(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ids and times beside a ciphertext. They say no more than which ad a lead came by."""
    return {name: value for name, value in item.items() if name.endswith("_id") or name == "created_time"}


def _opened(cipher: AESGCM, sealed: bytes, nonce_size: int = NONCE_SIZE) -> Any:
    """Return the JSON object or list that the key authenticates, or None."""
    if not 8 <= nonce_size <= 128 or len(sealed) < nonce_size + TAG_SIZE:
        return None
    try:
        lead = parse_json_leniently(cipher.decrypt(sealed[:nonce_size], sealed[nonce_size:], None))
    except (InvalidTag, UnreadableBody):
        return None
    return lead if isinstance(lead, dict | list) else None


def _decoded(text: str | bytes) -> bytes:
    """Return what base64 means, in either alphabet, with or without padding; nothing for other texts."""
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    raw = raw.strip().strip(b'"').translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except binascii.Error:
        return b""
