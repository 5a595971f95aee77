"""Texts with a lead's fields in them: `Hello {{ first_name }}`, in Jinja2's language without its loops.

What an author may write is checked when it is saved: no loop, macro, call or arithmetic, filters that cannot blow a
text up, and no more nesting, parts and comparisons than Jinja compiles at once. What a text costs is then a matter of
the lead's values, and no filter begins when it has taken too long: it is made in a transaction that others wait for.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from time import thread_time
from typing import Annotated, Any

from jinja2 import ChainableUndefined, Template, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import AfterValidator

from shared.automations.fields import READABLE
from shared.validation import said, text

LONGEST = 10_000  # characters of a template
MOST = 100_000  # characters of what is made of one; what is longer is cut

DEEPEST = 15  # levels of a template's tree: Jinja compiles a chain of filters in time that grows with the chain's cube
MOST_PARTS = 500  # of a template: texts, fields, filters and all else
MOST_COMPARISONS = 50  # of which one may go through all of a lead's custom fields
SECONDS = 0.02  # of the processor for one text; an ordinary one takes a thousandth of that
END = " end"  # a name that no template can write

FILTERS = ("capitalize", "d", "default", "e", "escape", "first", "last", "length", "lower", "title", "trim", "upper")
MEASURED = ("capitalize", "e", "escape", "lower", "title", "trim", "upper")  # the longer a value, the longer they take
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


class TooMuch(Exception):
    """A template asks for too much work; the message goes on from its name."""


def _shown(value: Any) -> Any:
    """What an expression leaves in the text: nothing for null, a list with commas."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _measured(filter_: Callable[[Any], str]) -> Callable[..., str]:
    """The filter, which begins only while there is time left. Jinja does not run it when it compiles."""

    @pass_context
    def measured(context: Context, value: Any, *options: Any, **named: Any) -> str:
        if thread_time() > context[END]:
            raise TooMuch("takes too long with this lead's values")
        return filter_(value, *options, **named)

    return measured


def _environment(*, html: bool) -> ImmutableSandboxedEnvironment:
    found = ImmutableSandboxedEnvironment(
        undefined=ChainableUndefined, autoescape=html, finalize=_shown, keep_trailing_newline=True, cache_size=0
    )
    found.filters = {name: found.filters[name] for name in FILTERS}
    found.filters |= {name: _measured(found.filters[name]) for name in MEASURED}
    found.tests = {name: found.tests[name] for name in TESTS}
    found.globals = {}
    return found


_TEXT, _HTML = _environment(html=False), _environment(html=True)


def check(source: str) -> str:
    """The template, if it is one. Raises a pydantic error that says what is wrong with it."""
    try:
        tree = _TEXT.parse(source)
        for node in _parts(tree):
            if not isinstance(node, ALLOWED):
                raise said(f"The {{field}} field may not use '{type(node).__name__.lower()}' in its template.")
            if (name := _named(node)) is not None and name not in NAMES:
                raise said(f"The {{field}} field names '{name}' in its template, which is no field of a lead.")
        _TEXT.from_string(tree)
    except TemplateSyntaxError as error:
        problem = (error.message or "it cannot be read")[:200]
        raise said(f"The {{field}} field is no template, in line {error.lineno}: {problem}") from None
    except TooMuch as error:
        raise said(f"The {{field}} field's template {error}.") from None
    except RecursionError:
        raise said("The {field} field is nested too deeply.") from None
    return source


def _parts(tree: nodes.Template) -> list[nodes.Node]:
    """All that a template is made of. Raises TooMuch, before it is compiled."""
    found: list[nodes.Node] = []
    level: list[nodes.Node] = [tree]
    for _ in range(DEEPEST):
        found += level
        level = [child for node in level for child in node.iter_child_nodes()]
        if len(found) + len(level) > MOST_PARTS:
            raise TooMuch(f"has over {MOST_PARTS:,} parts")
    if level:
        raise TooMuch(f"is nested over {DEEPEST} levels deep, as by filters one after the other")
    if sum(isinstance(node, nodes.Operand) for node in found) > MOST_COMPARISONS:
        raise TooMuch(f"has over {MOST_COMPARISONS} comparisons")
    return found


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
    """The text for a lead, given as the API shows it. Fields that it lacks leave nothing. Raises TooMuch."""
    pieces, length = [], 0
    fields = _without_nulls({**lead, "custom_fields": _without_nulls(lead.get("custom_fields") or {})})
    template = _compiled(source, html)
    if isinstance(template, TooMuch):
        raise TooMuch(*template.args)
    for piece in template.generate({**fields, "lead": fields, END: thread_time() + SECONDS}):
        pieces.append(piece)
        length += len(piece)
        if length > MOST:
            break
    return "".join(pieces)[:MOST]


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """So that `default` speaks for a field that is empty as well."""
    return {name: value for name, value in fields.items() if value is not None}


@lru_cache(maxsize=512)
def _compiled(source: str, html: bool) -> Template | TooMuch:
    environment = _HTML if html else _TEXT
    tree = environment.parse(source)
    try:
        _parts(tree)
    except TooMuch as error:  # it was saved when more was allowed; remembered, too: to read it takes its time
        return error.with_traceback(None)
    return environment.from_string(tree)


TemplateText = Annotated[str, text(LONGEST, shortest=1), AfterValidator(check)]
Subject = Annotated[str, text(255, shortest=1), AfterValidator(check)]
