"""Names of values: a participle alone does not say what a value is, and may stand for three lines at most."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.support.source_tree import PRODUCT, python_files, shown, tree_of

pytestmark = pytest.mark.unit
PARTICIPLES = {"asked", "found", "given", "kept", "left", "made", "one", "read", "said", "sent", "taken", "told"}
MAX_LINES = 3  # from the first to the last that names the value
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | Comprehension
Named = ast.Name | ast.arg | ast.ExceptHandler


def within(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a scope, down to nested scopes and classes, which are the last ones."""
    left = list(ast.iter_child_nodes(scope))
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, Scope | ast.ClassDef):
            left += ast.iter_child_nodes(node)


@cache
def names_bound_in(scope: Scope) -> set[str]:
    names = {node.arg for node in within(scope) if isinstance(node, ast.arg)}
    names |= {node.id for node in within(scope) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names | {node.name for node in within(scope) if isinstance(node, ast.ExceptHandler) and node.name}


def lines_with(scope: Scope, name: str) -> Iterator[int]:
    """The lines that name a value of this scope, in nested scopes too unless these have another value of the name."""
    for node in within(scope):
        if isinstance(node, Named) and name in (getattr(node, field, None) for field in ("id", "arg", "name")):
            yield node.lineno
        if isinstance(node, Scope) and name not in names_bound_in(node):
            yield from lines_with(node, name)


def test_participles_are_no_names() -> None:
    bindings = [
        f"{shown(path)}:{min(lines)} {name}"
        for path in python_files(*PRODUCT)
        for scope in ast.walk(tree_of(path))
        if isinstance(scope, Scope)
        for name in sorted(names_bound_in(scope) & PARTICIPLES)
        if (lines := {*lines_with(scope, name)}) and max(lines) - min(lines) >= MAX_LINES
    ]
    assert bindings == []
