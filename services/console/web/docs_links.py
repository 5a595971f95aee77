"""Links to the documentation: to a page of its site, or to a file of `docs/` on a Git host. Pure."""

import posixpath
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup, escape

from shared import __version__

DOCS_VERSION = ".".join(__version__.split(".")[:2])  # a folder of the site
INDEX_NAMES = ("README", "index")


@dataclass(frozen=True)
class DocsPlace:
    """Where the documentation can be read, if anywhere: its site, which wins, or the folder `docs/`."""

    site_url: str = ""
    folder_url: str = ""

    def address_of(self, page: str) -> str:
        """Return the address of a page of `docs/`, such as `forms.md#spam`; empty if it can be read nowhere."""
        if self.site_url:
            return f"{self.site_url.rstrip('/')}/{DOCS_VERSION}/{site_path(page)}"
        return f"{self.folder_url.rstrip('/')}/{page}" if self.folder_url else ""

    def link_to(self, page: str, translate: Callable[[str], str]) -> Markup:
        """Return where more is said: a link to a page of `docs/`, or the name of its file."""
        file = Markup('<bdi class="ltr mono">docs/{}</bdi>').format(page.partition("#")[0])
        text = escape(translate("More in %(page)s")) % {"page": file}
        address = self.address_of(page)
        if not address:
            title = translate("A file of LeadHub’s documentation, which comes with the program")
            return Markup('<span class="docs-link docs-file" title="{}">{}</span>').format(title, text)
        text = escape(translate("More in the documentation")) if self.site_url else text
        link = Markup('<a class="docs-link link" href="{}" target="_blank" rel="noopener">{}</a>')
        return link.format(address, text)


def site_path(page: str) -> str:
    """Return the path of a page in a version of the site: `forms/#spam` for `forms.md#spam`."""
    file, mark, anchor = page.partition("#")
    folder, name = posixpath.split(file.removesuffix(".md"))
    path = folder if name in INDEX_NAMES else posixpath.join(folder, name)
    return f"{path}/{mark}{anchor}" if path else f"{mark}{anchor}"
