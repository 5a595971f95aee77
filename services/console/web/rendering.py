"""Pages from templates: one Jinja environment per language, and the headers that every page has."""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from services.console.web import svg
from services.console.web.bidi_controls import show_controls_in_html
from services.console.web.browser_names import browser_name
from services.console.web.docs_links import DocsPlace
from services.console.web.static_files import StaticFiles
from services.console.web.translations import Language, load_languages

CONSOLE_DIR = Path(__file__).parents[1]
SHARED_TEMPLATES = CONSOLE_DIR / "templates"
FEATURE_TEMPLATES = {path.parent.name: path for path in sorted(CONSOLE_DIR.glob("*/templates"))}
NONCE_BYTES = 18
# htmx gets its own Trusted Types policy from its extension hx-csp, which checks the nonce of each element.
# A worker cannot have a nonce; the policy `leadhub-live` makes the address of one worker and of nothing else.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; worker-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx leadhub-live"
)
PAGE_HEADERS = {
    "Vary": "Accept-Encoding",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Renderer:
    """Renders templates in every language of the console."""

    def __init__(
        self, static_files: StaticFiles, text_filters: Mapping[str, Callable[..., str]], docs: DocsPlace
    ) -> None:
        """Each of `text_filters` gets the reader's `translate` beside what a template gives it."""
        self.languages: Mapping[str, Language] = load_languages()
        self._environments = {
            code: _make_environment(language, static_files) for code, language in self.languages.items()
        }
        for code, environment in self._environments.items():
            translate = self.languages[code].translations.gettext
            environment.globals["docs_link"] = partial(docs.link_to, translate=translate)
            environment.filters |= {name: partial(text, translate=translate) for name, text in text_filters.items()}

    def drawing(self, language: Language) -> svg.Drawing:
        """Return what draws charts for a reader of that language."""
        drawing: svg.Drawing = self._environments[language.code].globals["draw"]  # type: ignore[assignment]
        return drawing

    def render(self, template: str, language: Language, values: Mapping[str, Any]) -> str:
        """Return a rendered template. `values` hold what it shows."""
        return show_controls_in_html(self._environments[language.code].get_template(template).render(values))


def page_response(html: str, nonce: str, status: int = 200) -> web.Response:
    """Return a page whose scripts bear the nonce, compressed for a browser that takes it."""
    headers = {**PAGE_HEADERS, "Content-Security-Policy": CONTENT_POLICY.format(nonce=nonce)}
    response = web.Response(text=html, status=status, content_type="text/html", headers=headers)
    response.enable_compression()  # safe here: docs/decisions/0033-console-rendered-by-the-server.md
    return response


def new_nonce() -> str:
    """Return a nonce for one response."""
    return secrets.token_urlsafe(NONCE_BYTES)


@pass_context
def _nonce_attribute(context: Context) -> Markup:
    """Return the attribute that each element with htmx attributes must have."""
    return Markup('hx-nonce="{}"').format(context["nonce"])


def _code_tag(text: object) -> Markup:
    """Return text that a machine wrote, left to right in every language."""
    return Markup('<code class="ltr">{}</code>').format(text)


def _template_loader() -> BaseLoader:
    """Return the loader of all templates: `base.html` is shared, `leads/list.html` is one of the feature `leads`."""
    features = {feature: FileSystemLoader(folder) for feature, folder in FEATURE_TEMPLATES.items()}
    return ChoiceLoader([FileSystemLoader(SHARED_TEMPLATES), PrefixLoader(features)])


def _make_environment(language: Language, static_files: StaticFiles) -> Environment:
    environment = Environment(
        loader=_template_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        auto_reload=False,
    )
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["browser_name"] = browser_name
    drawing = svg.Drawing(static_files.url("icons.svg"), right_to_left=language.is_right_to_left)
    environment.globals.update(
        language=language,
        static_url=static_files.url,
        nonced=_nonce_attribute,
        draw=drawing,
        icon=drawing.icon,
        glyph=drawing.glyph,
        state=drawing.state,
        bar=svg.bar,
        stacked_bar=svg.stacked_bar,
        sparkline=svg.sparkline,
        bar_sparkline=svg.bar_sparkline,
        tag=svg.tag,
        avatar=svg.avatar,
        code=_code_tag,
    )
    return environment
