"""Turn links between files of the repository into links between pages of the site. Pure."""

import posixpath
import re
from collections.abc import Sequence

from docs.site.page_sources import FRONT_PAGES, SiteTree

LINK = re.compile(r"(?P<mark>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)")
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
FOREIGN_TARGET = re.compile(r"[a-z]+:|#")


def rewrite_links(text: str, source: str, tree: SiteTree, other_trees: Sequence[SiteTree]) -> str:
    """Return a page's text for its place in a tree.

    `source` is its file in the repository. A link to a page of another language leads to that page's address. What the
    site has not, such as a file of the code, is named and not linked.
    """

    def replace(link: re.Match[str]) -> str:
        if FOREIGN_TARGET.match(link["target"]):
            return link[0]
        target = _new_target(link["target"], source, tree, other_trees)
        return f"{link['mark']}[{link['text']}]({target})" if target else link["text"]

    parts = FENCE.split(text)
    return "".join(part if place % 2 else LINK.sub(replace, part) for place, part in enumerate(parts))


def _new_target(target: str, source: str, tree: SiteTree, other_trees: Sequence[SiteTree]) -> str | None:
    path, mark, anchor = target.partition("#")
    named = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    named, place = FRONT_PAGES.get(named, named), tree.files[source]
    if named in tree.files:
        return posixpath.relpath(tree.files[named], posixpath.dirname(place) or ".") + mark + anchor
    for other in other_trees:
        if named in other.files:
            # Zensical takes a link as one between files, and adds a level for a page that becomes a folder.
            file_folder = posixpath.join(tree.folder, posixpath.dirname(place))
            address = posixpath.relpath(other.address_of(other.files[named]), file_folder)
            return f"{address}{'/' if named.endswith('.md') else ''}{mark}{anchor}"
    return None
