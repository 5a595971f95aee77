"""The sitemap of each tree of a built site. By it the theme's switches know which pages the other tree has, too."""

from html import escape
from pathlib import Path

SITEMAP_NAME = "sitemap.xml"
SITEMAP = """\
<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{entries}
</urlset>
"""


def write_sitemap(root: Path, folder: str, url: str) -> None:
    """List the pages of a tree, such as `ar/0.1` below `root`, which will be published at `url`.

    The switches look at the paths alone, from the shortest on, so that any `url` does for them.
    """
    places = sorted(page.parent.relative_to(root).as_posix() for page in (root / folder).rglob("index.html"))
    entries = "\n".join(f"<url><loc>{escape(url.rstrip('/'))}/{escape(place)}/</loc></url>" for place in places)
    (root / folder / SITEMAP_NAME).write_text(SITEMAP.format(entries=entries), encoding="utf-8")
