"""Scopes of API keys in words, and the sets of them that most keys need."""

from collections.abc import Iterable

from babel.lists import format_list

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.auth.key_format import ALL_SCOPES

SCOPE_WORDS = {
    "submit:leads": _("post leads"),
    "read:leads": _("read leads"),
    "write:leads": _("change leads"),
    "delete:leads": _("delete leads"),
    "read:pipelines": _("read pipelines"),
    "write:pipelines": _("change pipelines"),
    "read:tags": _("read tags"),
    "write:tags": _("change tags"),
    "read:forms": _("read forms"),
    "write:forms": _("change forms"),
    "delete:forms": _("delete forms"),
    "read:automations": _("read automations"),
    "write:automations": _("change automations"),
    "delete:automations": _("delete automations"),
    "read:integrations": _("read integrations"),
    "write:integrations": _("change integrations"),
    "read:users": _("read users"),
    "write:users": _("change users"),
    "delete:users": _("delete users"),
    "read:operations": _("read queues, causes and jobs"),
    "write:operations": _("replay, release, pause and steer jobs"),
    "*": _("everything"),
}
READ_SCOPES = frozenset(scope for scope in ALL_SCOPES if scope.startswith("read:"))
PRESET_SCOPES = {"form": ("submit:leads",), "read": tuple(sorted(READ_SCOPES)), "all": ("*",)}
OWN_CHOICE = "own"


def scope_word(view: PageView, scope: str) -> str:
    """Return one scope in the reader's language."""
    return view.translate(SCOPE_WORDS[scope]) if scope in SCOPE_WORDS else scope


def scopes_in_words(view: PageView, scopes: Iterable[str]) -> str:
    """Return what a key may do, in the reader's language."""
    scope_set = set(scopes)
    if "*" in scope_set:
        return scope_word(view, "*")
    words = [scope_word(view, scope) for scope in SCOPE_WORDS if scope in scope_set and scope not in READ_SCOPES]
    if scope_set >= READ_SCOPES:
        words = [view.translate("read everything"), *words]
    else:
        words += [scope_word(view, scope) for scope in SCOPE_WORDS if scope in scope_set & READ_SCOPES]
    words += sorted(scope_set - SCOPE_WORDS.keys())
    return format_list(words, style="unit", locale=view.language.code)
