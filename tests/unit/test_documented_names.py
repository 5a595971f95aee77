"""Names in backticks: what a docstring, a comment or a document names exists.

pydoclint checks sections of arguments only, and our docstrings are sentences.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.source_tree import (
    DOCUMENTED,
    DOCUMENTS,
    PRODUCT,
    ROOT,
    comments,
    docstrings,
    python_files,
    shown,
    text_of,
    tree_of,
)

pytestmark = pytest.mark.unit
OTHER_FOLDERS = ("bench", "deploy", "docs", "integrations", "migrations", "packaging", "tests")
QUOTED = re.compile(r"`([^`\n]+)`")
NAME = re.compile(r"[A-Za-z_]\w+(\.[A-Za-z_]\w*)*")
PATH = re.compile(r"\w[\w./-]*(\.(py|sql|html|js|css|toml|yml|yaml|md|json|lock|po|svg)|/[\w-]*)")
VALUE = re.compile(r"[a-z_.:/-]+")
WORDS = re.compile(r"\w+")

# Names of libraries, programs, formats and providers.
FOREIGN_NAMES = {
    *("TypedDict", "inet_aton", "mimetype", "model_fields_set", "phonenumbers", "pool_pre_ping", "preexec_fn"),
    *("SignalBackends", "json_to_recordset", "pg_notify", "send_task", "sun_path", "urlsplit", "df", "if"),
    *("Date", "Host", "Location", "Origin", "Referer", "Error", "Test", "Google_key", "delivered", "q3_fullName"),
    *("contact__email", "firstName", "solution", "utmSource", "TextQuestionAnswer", "canceled"),
    *("QoS", "ack", "ipaddress", "is_global", "core", "somaxconn"),
}
# Values and labels, as examples.
EXAMPLES = {
    *("Ad", "Bert", "Bob", "Daniel", "Danielle", "Email", "John", "Name", "Nom", "Nombre", "Partners", "Robert"),
    *("SJIS", "jon", "john", "kl", "mark", "max", "may", "obrien", "p2", "p3", "team_size", "will"),
}
# Files of a data dir and of a backup, media types, and files that CONTRIBUTING.md adds as examples.
FOREIGN_PATHS = {
    *("run/", "run/metrics", "secrets/key", "manifest.json", "leads/list.html", "leads/bulk", "data.json", "LeadHub/"),
    *("application/json", "application/pdf", "application/octet-stream", "application/x-www-form-urlencoded"),
    *("multipart/form-data", "Application/x-www-form-urlencoded"),
    *("0036_tag_places.py", "paperform.py", "test_boards_page.py", "boards/", "calendars.md", "versions.json"),
}


def code_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree except docstrings."""
    texts = {id(each.body[0]) for each in ast.walk(node) if isinstance(each, DOCUMENTED) and ast.get_docstring(each)}
    left = [node]
    while left:
        each = left.pop()
        yield each
        left += [child for child in ast.iter_child_nodes(each) if id(child) not in texts]


def words_of(node: ast.AST) -> Iterator[str]:
    """Names that a node holds, parameters included, and the words of its texts."""
    for each in code_nodes(node):
        for field in ("id", "attr", "arg", "name", "value"):
            if isinstance(text := getattr(each, field, None), str):
                yield from WORDS.findall(text)


def defined_names(path: Path) -> Iterator[str]:
    """Names that other modules may name: classes, functions, fields, constants, values, the module itself.

    One word alone is too common to count as a function or field of elsewhere.
    """
    tree = tree_of(path)
    yield from path.relative_to(ROOT).with_suffix("").parts
    for node in code_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
            fields = (each.target for each in node.body if isinstance(each, ast.AnnAssign))
            yield from (each.id for each in fields if isinstance(each, ast.Name) and "_" in each.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "_" in node.name:
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and VALUE.fullmatch(node.value):
            yield from WORDS.findall(node.value)
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from (each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and is_stored(each))


def is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


@cache
def names_of_the_product() -> set[str]:
    names = {name for path in python_files(*PRODUCT) for name in defined_names(path)}
    names |= {name for path in (ROOT / "migrations").rglob("*.sql") for name in WORDS.findall(text_of(path))}
    return names | {f"LEADHUB_{name.upper()}" for name in names} | FOREIGN_NAMES | EXAMPLES


def top_names(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        yield getattr(statement, "name", "")
        yield from WORDS.findall(" ".join(alias.name for alias in getattr(statement, "names", ())))


def documented_names(path: Path) -> Iterator[tuple[str, set[str]]]:
    """The texts of a module, each with the names that it may use besides those of the product."""
    top = {*top_names(tree_of(path))}
    for node, text in docstrings(path):
        if "`" in text:
            yield text, top | {*words_of(node)}
    yield from ((text, {*words_of(tree_of(path))}) for text in comments(path) if "`" in text)


def test_names_in_docstrings_and_comments_exist() -> None:
    """A parameter of the function, a name of its code, or one that is defined somewhere in the product."""
    stale = [
        f"{shown(path)}: {name}"
        for path in python_files(*PRODUCT)
        for text, own in documented_names(path)
        for name in QUOTED.findall(text)
        if NAME.fullmatch(name) and not PATH.fullmatch(name) and {*name.split(".")} - own - names_of_the_product()
    ]
    assert stale == []


@cache
def path_endings() -> set[str]:
    """All ends of the paths of the repository's files and folders, with and without `.py`."""
    paths = [path.relative_to(ROOT) for name in (*PRODUCT, *OTHER_FOLDERS) for path in (ROOT / name).rglob("*")]
    paths += [path.relative_to(ROOT) for path in ROOT.iterdir()]
    ends = {"/".join(path.parts[start:]) for path in paths for start in range(len(path.parts))}
    return ends | {end.removesuffix(".py") for end in ends}


def test_files_and_folders_that_texts_name_exist() -> None:
    texts = [(path, text) for path in python_files(*PRODUCT) for _, text in docstrings(path)]
    texts += [(path, text) for path in python_files(*PRODUCT) for text in comments(path)]
    stale = [
        f"{shown(path)}: {name}"
        for path, text in [*texts, *((path, text_of(path)) for path in DOCUMENTS)]
        for name in QUOTED.findall(text)
        if PATH.fullmatch(name) and name.rstrip("/") not in path_endings() and name not in FOREIGN_PATHS
    ]
    assert stale == []
