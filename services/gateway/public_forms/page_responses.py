"""Answers of the public pages: HTML under a strict policy, and texts that browsers keep."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from shared.form_pages.page_messages import choose_language
from shared.forms.definition import FormDefinition

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; "
    "form-action {actions}; frame-ancestors {ancestors}; base-uri 'none'"
)
# Browsers send a page's own address as the referrer of a post: from where a form came is judged by it.
PAGE_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin-when-cross-origin"}
PRIVATE_PAGE = "private, no-cache"  # a page holds a key of its own
SHORT_CACHING = "public, max-age=300"
CHECKED_CACHING = "public, no-cache"  # kept, and asked for each time: views are counted
MAX_PACKED_TEXTS = 500
_is_host_source = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+").fullmatch  # nothing that ends a directive


class PackedText(NamedTuple):
    """A text as it is sent, with the tag that tells it from others."""

    tag: str
    plain: bytes
    compressed: bytes


def page_response(
    form: FormDefinition | None, html: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a page. With a form, the form's sites may frame it, and it may be sent on to the form's redirect."""
    policy = PAGE_POLICY.format(actions=" ".join(_action_sources(form)), ancestors=" ".join(_frame_sources(form)))
    own = {**PAGE_HEADERS, "Cache-Control": PRIVATE_PAGE, "Content-Security-Policy": policy}
    all_headers = _with_vary(own, "Accept-Language", headers)
    response = web.Response(text=html, status=status, content_type="text/html", headers=all_headers)
    response.enable_compression()
    return response


def request_language(request: web.Request, form: FormDefinition | None) -> str:
    """Return the language of the page: the parameter `lang`, otherwise the form's, otherwise the browser's."""
    own, texts = (form.settings["language"], form.owner_texts) if form else (None, [])
    return choose_language(own, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""), request.query.get("lang"), texts=texts)


def form_path(form: FormDefinition) -> str:
    """Return the path of a form's page."""
    return f"/f/{form.public_id}"


def cached_response(
    request: web.Request, text: str, media: str, caching: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a text that browsers keep, or 304 if the browser has it."""
    packed = _pack_text(text)
    own = {**PAGE_HEADERS, "Cache-Control": caching, "ETag": f'W/"{packed.tag}"'}
    all_headers = _with_vary(own, "Accept-Encoding", headers)
    if any(each.value in ("*", packed.tag) for each in request.if_none_match or ()):
        return web.Response(status=304, headers=all_headers)
    if "gzip" not in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        return web.Response(body=packed.plain, content_type=media, charset="utf-8", headers=all_headers)
    all_headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=packed.compressed, content_type=media, charset="utf-8", headers=all_headers)


@lru_cache(maxsize=MAX_PACKED_TEXTS)
def _pack_text(text: str) -> PackedText:
    """Return a text that many ask for, packed once."""
    plain = text.encode()
    return PackedText(hashlib.sha256(plain).hexdigest()[:32], plain, gzip.compress(plain, mtime=0))


def _with_vary(own: Mapping[str, str], varies_by: str, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return both kinds of headers; what the answer varies by is told for both."""
    found = {**own, **(headers or {})}
    found[hdrs.VARY] = ", ".join(filter(None, (varies_by, (headers or {}).get(hdrs.VARY))))
    return found


def _frame_sources(form: FormDefinition | None) -> list[str]:
    """Return who may show the page in a frame: the sites that may post the form, or everybody."""
    origins = form.settings["allowed_origins"] if form else []
    return ["'self'", *origins] if origins else ["*"]


def _action_sources(form: FormDefinition | None) -> list[str]:
    """Return where the page may be sent: browsers hold a redirect after a post to the same rule."""
    redirect = urlsplit((form.settings["redirect_url"] if form else None) or "")
    source = f"{redirect.scheme}://{redirect.netloc}"
    return ["'self'", *([source] if _is_host_source(source) else [])]
