"""Texts with a lead's fields in them: `Hello {{ first_name }}`, in Jinja2's language without its loops.

What an author may write is checked when it is saved: no loop, macro, call or arithmetic, and filters that cannot blow
a text up. So a text is made in time proportional to its template, and the sandbox has nothing to guard that is slow.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any

from jinja2 import ChainableUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import AfterValidator

from shared.automations.fields import READABLE
from shared.validation import said, text

LONGEST = 10_000  # characters of a template
MOST = 100_000  # characters of what is made of one; what is longer is cut

FILTERS = ("capitalize", "d", "default", "e", "escape", "first", "last", "length", "lower", "title", "trim", "upper")
TESTS = ("defined", "undefined")

NAMES = READABLE | {"custom_fields"}  # what stands at the top and, once more, under `lead`

ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
)


def _shown(value: Any) -> Any:
    """What an expression leaves in the text: nothing for null, a list with commas."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    found = ImmutableSandboxedEnvironment(
        undefined=ChainableUndefined, autoescape=html, finalize=_shown, keep_trailing_newline=True, cache_size=0
    )
    found.filters = {name: found.filters[name] for name in FILTERS}
    found.tests = {name: found.tests[name] for name in TESTS}
    found.globals = {}
    return found


_TEXT, _HTML = _environment(html=False), _environment(html=True)


def check(source: str) -> str:
    """The template, if it is one. Raises a pydantic error that says what is wrong with it."""
    try:
        tree = _TEXT.parse(source)
        for node in _all(tree):
            if not isinstance(node, ALLOWED):
                raise said(f"The {{field}} field may not use '{type(node).__name__.lower()}' in its template.")
            if (name := _named(node)) is not None and name not in NAMES:
                raise said(f"The {{field}} field names '{name}' in its template, which is no field of a lead.")
        _TEXT.from_string(source)
    except TemplateSyntaxError as error:
        problem = (error.message or "it cannot be read")[:200]
        raise said(f"The {{field}} field is no template, in line {error.lineno}: {problem}") from None
    except RecursionError:
        raise said("The {field} field is nested too deeply.") from None
    return source


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _named(node: nodes.Node) -> Any:
    """The field of a lead that a node names, None if it names none."""
    match node:
        case nodes.Name(name=name) if name != "lead":
            return name
        case nodes.Getattr(node=nodes.Name(name="lead"), attr=name):
            return name
        case nodes.Getitem(node=nodes.Name(name="lead"), arg=nodes.Const(value=name)):
            return name
        case _:
            return None


def render(source: str, lead: Mapping[str, Any], *, html: bool = False) -> str:
    """The text for a lead, given as the API shows it. Fields that it lacks leave nothing."""
    pieces, length = [], 0
    fields = _without_nulls({**lead, "custom_fields": _without_nulls(lead.get("custom_fields") or {})})
    for piece in _compiled(source, html).generate({**fields, "lead": fields}):
        pieces.append(piece)
        length += len(piece)
        if length > MOST:
            break
    return "".join(pieces)[:MOST]


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """So that `default` speaks for a field that is empty as well."""
    return {name: value for name, value in fields.items() if value is not None}


@lru_cache(maxsize=512)
def _compiled(source: str, html: bool) -> Template:
    return (_HTML if html else _TEXT).from_string(source)


TemplateText = Annotated[str, text(LONGEST, shortest=1), AfterValidator(check)]
Subject = Annotated[str, text(255, shortest=1), AfterValidator(check)]
