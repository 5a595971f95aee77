"""API keys: the list, making one, which is shown once, and revoking."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis.asyncio as redis
from aiohttp import web

from services.console.settings.scope_words import OWN_CHOICE, PRESET_SCOPES, SCOPE_WORDS, scope_word, scopes_in_words
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from services.console.web.single_answer import answered_once
from shared.auth.key_management import (
    MAX_KEY_LIMIT,
    ManagedKey,
    NewKey,
    create_workspace_key,
    list_workspace_keys,
    revoke_workspace_key,
)
from shared.auth.roles import Permission
from shared.platform.errors import NotFound, ValidationFailed
from shared.platform.validation.types import is_single_line
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_details

KEYS_PAGE = "settings/keys"
MAX_LISTED_KEYS = 500
MAX_NAME_LENGTH = 100  # characters
SOON_DAYS = 14  # days before its end at which a key is marked
LIFE_DAYS = ("30", "90", "365")
BLANK_FORM = {"name": "", "preset": "form", "limit": "1000", "unlimited": "", "life": "", "until": ""}


@dataclass(frozen=True)
class SentKey:
    """The form of a new key as it was sent: its texts, and the scopes that are ticked."""

    texts: dict[str, str]
    scopes: list[str]


@workspace_page(Permission.ADMINISTER)
async def show(view: PageView) -> web.StreamResponse:
    """List the keys. With `new` the dialog to make one is open, with `revoke` the one to revoke that key."""
    return await _render(view, is_making="new" in view.request.query, asked_id=view.request.query.get("revoke", ""))


@workspace_page(Permission.ADMINISTER)
@answered_once
async def create(view: PageView) -> web.StreamResponse:
    """Make a key. It is shown in this answer and never again."""
    data = await view.read_form()
    sent_key = SentKey(
        {name: str(value) for name, value in data.items()}, [str(one) for one in data.getall("scope", [])]
    )
    errors: dict[str, str] = {}
    new = _read_new_key(view, sent_key, errors)
    problem = None if errors else await confirm_recently(view, sent_key.texts)
    if errors or problem:
        return await _render(view, 422, is_making=True, sent_key=sent_key, errors=errors, password_problem=problem)
    slug = view.workspace.workspace_slug
    try:
        created = await view.console.writing(lambda connection: create_workspace_key(connection, slug, new, None))
    except ValidationFailed:
        problem = view.translate("This key cannot be made: check its name and its limit.")
        return await _render(view, 422, is_making=True, sent_key=sent_key, errors={"name": problem})
    audit_details(
        view.request,
        action="api_key.created",
        object=("api_key", created.id),
        after={
            "name": new.name,
            "scopes": list(new.scopes),
            "rate_limit": new.rate_limit,
            "expires_at": new.expires_at,
        },
    )
    example = _example_line(view, new)
    return await _render(view, made_key=created.key.secret, made_name=new.name, example=example)


@workspace_page(Permission.ADMINISTER)
async def revoke(view: PageView) -> web.StreamResponse:
    """Revoke a key."""
    key_id, form = path_id(view.request), await view.read_fields()
    audit_details(view.request, action="api_key.deleted", object=("api_key", key_id))
    problem = await confirm_recently(view, form)
    if problem:
        return await _render(view, 422, asked_id=str(key_id), password_problem=problem)
    workspace_id = view.workspace.workspace_id
    await view.console.writing(lambda connection: revoke_workspace_key(connection, workspace_id, key_id))
    view.redirect(view.path(KEYS_PAGE), view.translate("The key is revoked. It is felt within 5 seconds."))


def _read_new_key(view: PageView, sent_key: SentKey, errors: dict[str, str]) -> NewKey:
    """Return the key that the form describes. What is wrong goes into `errors`, by field."""
    name = " ".join(sent_key.texts.get("name", "").split())
    if not 0 < len(name) <= MAX_NAME_LENGTH or not is_single_line(name):
        errors["name"] = view.translate("Name what will use the key, in 100 characters or fewer.")
    preset = sent_key.texts.get("preset", "")
    scopes = PRESET_SCOPES.get(preset) or tuple(scope for scope in sent_key.scopes if scope in SCOPE_WORDS)
    if not scopes:
        errors["scopes"] = view.translate("Tick at least one thing that the key may do.")
    return NewKey(name, scopes, _read_limit(view, sent_key.texts, errors), _read_end(view, sent_key.texts, errors))


def _read_limit(view: PageView, texts: dict[str, str], errors: dict[str, str]) -> int | None:
    if texts.get("unlimited"):
        return None
    text = texts.get("limit", "").replace(",", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= MAX_KEY_LIMIT):
        errors["limit"] = view.translate("The limit must be a whole number of 1 or more.")
        return 1
    return int(text)


def _read_end(view: PageView, texts: dict[str, str], errors: dict[str, str]) -> datetime | None:
    """Return when the key ends: None for never, the end of a day for a date."""
    life = texts.get("life", "")
    if life in LIFE_DAYS:
        return datetime.now(UTC) + timedelta(days=int(life))
    if life != "at":
        return None
    try:
        day = datetime.fromisoformat(texts.get("until", "")).replace(tzinfo=view.zone)
        end = (day + timedelta(days=1, seconds=-1)).astimezone(UTC)
    except (ValueError, OverflowError):
        end = datetime.min.replace(tzinfo=UTC)
    if end <= datetime.now(UTC):
        errors["until"] = view.translate("The last day must be today or later.")
    return end


def _example_line(view: PageView, new: NewKey) -> dict[str, str]:
    """Return the parts of a line that shows the key at work: what it does, before the key, and after it."""
    base = view.base_url.rstrip("/")
    start = f'curl -s "{base}%s" -H "Authorization: Bearer '
    if {"submit:leads", "*"} & set(new.scopes):
        path = f"/api/inbound/leads?tenant={view.workspace.workspace_slug}"
        after = '-d "email=grace@example.com" -d "first_name=Grace"'
        text = view.translate("Try it now. This line posts a lead and shows the verdict:")
        return {"text": text, "before": start % path, "after": after}
    text = view.translate("Try it now. This line shows what the key may do:")
    return {"text": text, "before": start % "/api/v1/me", "after": ""}


async def _read_counts(view: PageView, keys: list[ManagedKey]) -> dict[int, int] | None:
    """Return the requests of this hour by key. None while nobody knows, which is shown as `?`."""
    try:
        return await view.console.limit_counters.read_counts([key.id for key in keys])
    except (redis.RedisError, TimeoutError, OSError):
        return None


async def _render(
    view: PageView,
    status: int = 200,
    *,
    is_making: bool = False,
    asked_id: str = "",
    sent_key: SentKey | None = None,
    errors: dict[str, str] | None = None,
    password_problem: str | None = None,
    **new_key: Any,
) -> web.Response:
    async with view.console.reading() as connection:
        keys = await list_workspace_keys(connection, view.workspace.workspace_id, MAX_LISTED_KEYS + 1)
    chosen_key = next((key for key in keys if str(key.id) == asked_id and key.revoked_at is None), None)
    if status != 200 and asked_id and chosen_key is None:
        raise NotFound
    shown = {
        "keys": keys[:MAX_LISTED_KEYS],
        "has_more": len(keys) > MAX_LISTED_KEYS,
        "counts_this_hour": await _read_counts(view, keys),
        "soon": datetime.now(UTC) + timedelta(days=SOON_DAYS),
        "is_making": is_making,
        "asked": chosen_key,
        "form": {**BLANK_FORM, **(sent_key.texts if sent_key else {})},
        "ticked": sent_key.scopes if sent_key else [],
        "errors": errors or {},
        "password_problem": password_problem,
        "scope_names": [scope for scope in SCOPE_WORDS if scope != "*"],
        "scope_word": lambda scope: scope_word(view, scope),
        "scopes_in_words": lambda scopes: scopes_in_words(view, scopes),
        "presets": [*PRESET_SCOPES, OWN_CHOICE],
        "keys_page": KEYS_PAGE,
        **{"made_key": None, "made_name": "", "example": None, **new_key},
    }
    return await view.render("settings/api_keys.html", status, **shown)
