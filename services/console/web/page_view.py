"""A request to the console as its handlers see it: the reader, the workspace, the language, and ways to answer."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web
from markupsafe import Markup
from multidict import MultiDictProxy

from services.console.web.context import CONSOLE_CONTEXT, ConsoleContext, NavigationFigures
from services.console.web.formatting import Formatting
from services.console.web.navigation import ordered_groups, visible_entries
from services.console.web.rendering import new_nonce, page_response
from services.console.web.role_words import PERMISSION_WORDS
from services.console.web.sent_form import FORM_BYTES, read_form_body
from services.console.web.served_hosts import mailed_base_url
from services.console.web.session_cookie import has_secure_context, sent_session_token
from services.console.web.toast_cookie import TOAST_SECONDS, read_toast, sign_toast
from services.console.web.translations import Language, preferred_language
from services.console.web.translations import mark_message as _
from shared import __version__
from shared.auth.roles import Permission, is_permitted
from shared.auth.sessions import AuthenticatedSession, Membership
from shared.operations.lane_names import JOURNAL_LANES
from shared.platform.errors import Forbidden
from shared.platform.web.client_address import base_url, client_address, requested_origin

T = TypeVar("T")

TOAST_COOKIE = "leadhub_toast"
LANGUAGE_COOKIE = "leadhub_language"
THEME_COOKIE = "leadhub_theme"
ZONE_COOKIE = "leadhub_zone"
WORKSPACE_COOKIE = "leadhub_workspace"
PREFERENCE_SECONDS = 365 * 86_400
THEMES = ("light", "dark")
LANE_TITLES = {
    "waited_for": _("Waited for"),
    "prompt": _("Prompt"),
    "bulk": _("Bulk"),
    "automations": _("Automations"),
    "deliveries": _("Deliveries"),
}
UTC_PREFERENCE = "UTC"


class Redirection(Exception):
    """Ends a request with a redirection."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.headers["Location"])
        self.response = response


@dataclass
class PageView:
    """A request, its reader and its workspace. Pages for nobody in particular have neither."""

    request: web.Request
    session: AuthenticatedSession | None = None
    membership: Membership | None = None
    has_confirmed: bool = False  # the password came with this request, and was right
    _form: MultiDictProxy[str] | None = None

    @cached_property
    def console(self) -> ConsoleContext:
        return self.request.app[CONSOLE_CONTEXT]

    @cached_property
    def nonce(self) -> str:
        return new_nonce()

    @property
    def account(self) -> AuthenticatedSession:
        """The reader. Only for pages that need a session."""
        return expect(self.session)

    @property
    def workspace(self) -> Membership:
        """The workspace in the address, with the reader's role in it. Only for pages of a workspace."""
        return expect(self.membership)

    @cached_property
    def language(self) -> Language:
        """The reader's language: what they chose, otherwise what their browser asks for."""
        languages = self.console.renderer.languages
        chosen = self._preference("language", LANGUAGE_COOKIE)
        return languages.get(chosen) or preferred_language(languages, self.request.headers.get("Accept-Language", ""))

    @cached_property
    def theme(self) -> str:
        """`light`, `dark`, or an empty string for the system's."""
        chosen = self._preference("theme", THEME_COOKIE)
        return chosen if chosen in THEMES else ""

    @cached_property
    def zone(self) -> tzinfo:
        """The time zone that times are shown in: UTC if chosen, otherwise the browser's, as far as it is known."""
        if self.shows_utc:
            return UTC
        try:
            return ZoneInfo(self.request.cookies.get(ZONE_COOKIE, UTC_PREFERENCE))
        except (ValueError, OSError, KeyError):
            return UTC

    @property
    def shows_utc(self) -> bool:
        return self._preference("time_zone", "") == UTC_PREFERENCE

    @cached_property
    def formatting(self) -> Formatting:
        return Formatting(self.language, self.zone, datetime.now(UTC))

    @property
    def reader_kind(self) -> tuple[str, str, str | None, bool]:
        """What of its reader a live part depends on. It shows nothing else of them, and has no nonce."""
        role = self.membership.role if self.membership else None
        return self.language.code, str(self.zone), role, self.account.is_operator

    @property
    def reader_digest(self) -> str:
        """What tells the streams of this session from those of other people in the same browser."""
        return hashlib.sha256(repr((self.account.id, self.reader_kind)).encode()).hexdigest()[:16]

    def permits(self, permission: Permission) -> bool:
        """Return whether the reader may do something in this workspace."""
        if self.session is None:
            return False
        role = self.membership.role if self.membership else None
        return is_permitted(role, permission, is_operator=self.session.is_operator)

    def refusal(self, permission: Permission) -> Forbidden:
        """Return the error for a reader who lacks a right."""
        right = self.translate(PERMISSION_WORDS[permission])
        return Forbidden(self.translate("Needed for it: %(right)s.", right=right))

    def translate(self, message: str, **values: object) -> str:
        """Return a message in the reader's language."""
        text = self.language.translations.gettext(message)
        return text % values if values else text

    def translate_choice(self, words: Mapping[str, str], key: str, otherwise: str | None = None) -> str:
        """Return a message of a table in the reader's language. A key that is not in it stands for itself."""
        found = words.get(key)
        return self.translate(found) if found else key if otherwise is None else otherwise

    def translate_count(self, singular: str, plural: str, n: int, **values: object) -> str:
        """Return the form of a message that fits a number, which the message shows as `%(n)s`."""
        text = self.language.translations.ngettext(singular, plural, n)
        return text % {"n": self.formatting.number(n), **values}

    def may_pause(self, lane: str) -> bool:
        """Return whether the reader may pause a lane: those of the installation are the operators'."""
        return self.permits(Permission.OPERATE_INSTALLATION if lane in JOURNAL_LANES else Permission.STEER_QUEUES)

    def lane_title(self, lane: str) -> str:
        """Return the title of a lane."""
        return self.translate_choice(LANE_TITLES, lane)

    def path(self, page: str = "now", /, **query: object) -> str:
        """Return the address of a page of this workspace."""
        return workspace_path(self.workspace.workspace_slug, page, **query)

    def path_in(self, slug: str) -> str:
        """Return the address of another workspace."""
        return workspace_path(slug)

    @property
    def is_unprotected(self) -> bool:
        """Whether the page came over plain HTTP from another machine."""
        return not has_secure_context(self.request, self.console.settings)

    @property
    def is_demo(self) -> bool:
        """Whether people and traffic are made up."""
        return self.console.settings.demo

    @property
    def base_url(self) -> str:
        """What the addresses of this service start with."""
        return base_url(self.request, self.console.settings)

    @property
    def mailed_base_url(self) -> str:
        """What the addresses of this service start with in mails."""
        return mailed_base_url(self.request, self.console.settings)

    @property
    def requested_host(self) -> str:
        """The host that the reader's browser asked for, with its port."""
        return requested_origin(self.request, self.console.settings)[1]

    @property
    def client_address(self) -> str:
        """The address of the reader: the connection's, or the one that a trusted proxy reports."""
        return client_address(self.request) or ""

    @property
    def needs_password(self) -> bool:
        """Whether a form that changes keys or users asks for the password again."""
        return not (self.has_confirmed or self.account.is_recently_confirmed)

    async def read_form(self, limit: int = FORM_BYTES) -> MultiDictProxy[str]:
        """Return the fields of the form that was sent. `limit` is that of the body, in bytes."""
        if self._form is None:
            account_id = self.session.account_id if self.session else None
            self._form = await read_form_body(self.request, limit, self.console.settings.body_timeout, account_id)
        return self._form

    async def read_fields(self, limit: int = FORM_BYTES) -> dict[str, str]:
        """Return the last value of each field of the form."""
        return dict((await self.read_form(limit)).items())

    def forget_session_cache(self) -> None:
        """Read the session again at its next use, after this request has changed it."""
        token = sent_session_token(self.request, self.console.settings)
        if token:
            self.console.sessions.invalidate(token)

    @property
    def host_tag(self) -> Markup:
        """The host of this console, as text that always runs left to right."""
        return Markup('<b class="ltr">{}</b>').format(self.request.host)

    async def render(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """Return a page of a template."""
        figures = NavigationFigures()
        if self.membership:
            figures = await self.console.navigation_figures(self.membership.workspace_id)
        html = self.render_text(
            template, counts=figures.counts, pauses=figures.pauses, toast=self._taken_toast(), **values
        )
        response = page_response(html, self.nonce, status)
        if TOAST_COOKIE in self.request.cookies:
            response.del_cookie(TOAST_COOKIE, path="/console")
        if self.membership and self.request.cookies.get(WORKSPACE_COOKIE) != self.membership.workspace_slug:
            self._remember(response, WORKSPACE_COOKIE, self.membership.workspace_slug)
        return response

    def render_text(self, template: str, **values: Any) -> str:
        """Return a rendered template, for instance a part of a page."""
        is_operator = self.session is not None and self.session.is_operator
        role = self.membership.role if self.membership and not is_operator else None
        common = {
            "view": self,
            "format": self.formatting,
            "nonce": self.nonce,
            "groups": ordered_groups(role),
            "entries": list(visible_entries(self.permits)) if self.membership else [],
            "permits": self.permits,
            "Permission": Permission,
            "counts": {},
            "pauses": (),
            "lane_title": self.lane_title,
            "may_pause": self.may_pause,
            "toast": None,
            "version": __version__,
        }
        return self.console.renderer.render(template, self.language, {**common, **values})

    def redirect(self, location: str, toast: str | None = None, **toast_link: str) -> NoReturn:
        """End the request with a redirection (303). `toast` is said on the next page, with a `link` and its `label`.

        In place of a link it may have `undo`, an address to which its button posts.
        """
        response = web.Response(status=303, headers={"Location": location})
        if toast is not None:
            said = sign_toast(self.console.cipher, self._reader_id, {"text": toast, **toast_link})
            response.set_cookie(
                TOAST_COOKIE, said, path="/console", max_age=TOAST_SECONDS, httponly=True, samesite="Lax"
            )
        raise Redirection(response)

    def _remember(self, response: web.Response, cookie: str, value: str) -> None:
        response.set_cookie(cookie, value, path="/console", max_age=PREFERENCE_SECONDS, httponly=True, samesite="Lax")

    def _preference(self, name: str, cookie: str) -> str:
        stored = self.session.preferences.get(name) if self.session else None
        return str(stored or self.request.cookies.get(cookie, ""))

    @property
    def _reader_id(self) -> int:
        return self.session.account_id if self.session else 0

    def _taken_toast(self) -> Mapping[str, str] | None:
        return read_toast(self.console.cipher, self._reader_id, self.request.cookies.get(TOAST_COOKIE, ""))


def workspace_path(slug: str, page: str = "now", /, **query: object) -> str:
    """Return the address of a page of a workspace."""
    given = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items() if value is not None)
    return f"/console/{quote(slug, safe='')}/{page}{f'?{given}' if given else ''}"


def expect(value: T | None) -> T:
    """Return a value that the decorator of the handler guarantees. Raises RuntimeError if it is missing."""
    if value is None:
        raise RuntimeError("the handler's decorator does not provide this")
    return value


def last_membership(request: web.Request, session: AuthenticatedSession) -> Membership | None:
    """Return the workspace that the reader saw last, otherwise their first one."""
    last = request.cookies.get(WORKSPACE_COOKIE, "")
    return session.memberships.get(last) or next(iter(session.memberships.values()), None)
