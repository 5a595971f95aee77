"""The source as the tests of conventions read it: files, their text and their syntax trees."""

import ast
import re
from functools import cache
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("shared", "services", "cli", "embedded", "demo")
DOCUMENTS = sorted(chain(ROOT.glob("*.md"), *(ROOT.glob(f"{name}/**/*.md") for name in ("docs", "services", "tests"))))
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def python_files(*folders: str) -> list[Path]:
    return sorted(chain.from_iterable((ROOT / folder).rglob("*.py") for folder in folders))


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def docstrings(path: Path) -> list[tuple[ast.AST, str]]:
    """The modules, classes and functions of a file that have a docstring, each with it."""
    documented = (node for node in ast.walk(tree_of(path)) if isinstance(node, DOCUMENTED))
    return [(node, text) for node in documented if (text := ast.get_docstring(node))]


def comments(path: Path) -> list[str]:
    return re.findall(r"(?:^|\s)(# .*)", text_of(path))
