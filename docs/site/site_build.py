"""Build the site of one version: stage the pages, have Zensical make HTML of them, and check it."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.site.api_pages import REFERENCE_FOLDER, api_page, write_reference
from docs.site.link_check import broken_links
from docs.site.link_rewriting import rewrite_links
from docs.site.page_sources import API_PAGE, PROJECT_ROOT, SiteTree, site_trees
from docs.site.site_configuration import (
    BUILT_FOLDER,
    CONFIGURATION_NAME,
    PAGES_FOLDER,
    complete_configuration,
    read_configurations,
)
from docs.site.site_sitemaps import write_sitemap
from docs.site.site_tool import BuildFailed, build_pages
from docs.site.site_versions import add_version
from shared import __version__

ASSETS_FOLDER = Path(__file__).with_name("assets")
CONSOLE_MARK = PROJECT_ROOT / "services" / "console" / "static" / "mark.svg"
LOCAL_URL = "http://127.0.0.1/"
CURRENT_VERSION = ".".join(__version__.split(".")[:2])


def build_site(output: Path, version: str = CURRENT_VERSION, url: str = LOCAL_URL) -> None:
    """Build a version into a folder, beside other versions there. Raises BuildFailed for a link that leads nowhere.

    `url` is where the folder will be published.
    """
    trees, configurations = site_trees(version), read_configurations()
    for tree in trees:
        target = output / tree.folder
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as name:
            stage_tree(Path(name), tree, trees, configurations[tree.language])
            build_pages(Path(name))
            shutil.move(Path(name) / BUILT_FOLDER, target)
        write_sitemap(output, tree.folder, url)
    for tree in trees:
        add_version((output / tree.folder).parent, version)
    if problems := broken_links(output):
        raise BuildFailed("\n".join(problems))


def stage_tree(folder: Path, tree: SiteTree, trees: Sequence[SiteTree], configuration: Mapping[str, Any]) -> None:
    """Put the pages of a tree and their configuration into an empty folder."""
    pages = folder / PAGES_FOLDER
    others = [one for one in trees if one is not tree]
    for source, place in tree.files.items():
        target = pages / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if place.endswith(".md"):
            text = (PROJECT_ROOT / source).read_text(encoding="utf-8")
            target.write_text(rewrite_links(text, source, tree, others), encoding="utf-8")
        else:
            shutil.copy(PROJECT_ROOT / source, target)
    shutil.copytree(ASSETS_FOLDER, pages / "assets")
    shutil.copy(CONSOLE_MARK, pages / "assets" / CONSOLE_MARK.name)
    if tree.language == "en":
        (pages / API_PAGE).write_text(api_page(), encoding="utf-8")
        write_reference(pages / REFERENCE_FOLDER)
    complete = complete_configuration(configuration, tree, trees)
    (folder / CONFIGURATION_NAME).write_text(json.dumps(complete, ensure_ascii=False), encoding="utf-8")
