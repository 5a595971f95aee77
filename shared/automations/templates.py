"""Templates with the fields of a lead, such as `Hello {{ first_name }}`, in Jinja2's language without loops.

A template is checked when it is saved: no loops, macros, calls or arithmetic, only filters that cannot inflate a text,
and limited nesting, parts and comparisons, so that Jinja compiles it quickly. The cost of rendering then depends on the
values of the lead: filters see only the beginning of a long value, and no filter starts after the time is used up.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import inf
from time import thread_time
from typing import Annotated, Any

from jinja2 import ChainableUndefined, Template, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from pydantic import AfterValidator

from shared.automations.fields import READABLE
from shared.validation import said, text

LONGEST = 10_000  # characters of a template
LONGEST_VALUE = 10_000  # characters of a value that a filter sees, including nested values
MOST = 100_000  # characters of a rendered text; longer texts are truncated

DEEPEST = 15  # levels of the syntax tree: the time to compile a chain of filters grows with the cube of its length
MOST_PARTS = 500  # nodes of the syntax tree
MOST_COMPARISONS = 50  # a comparison may read all custom fields of a lead
SECONDS = 0.02  # processor time for one text; an ordinary one takes a thousandth of that
END = " end"  # a variable name that no template can contain

FILTERS = ("capitalize", "d", "default", "e", "escape", "first", "last", "length", "lower", "title", "trim", "upper")
# The time of these filters grows with the length of the value.
MEASURED = ("capitalize", "e", "escape", "lower", "title", "trim", "upper")
TESTS = ("defined", "undefined")

NAMES = READABLE | {"custom_fields"}  # variables, which are also members of `lead`
SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})  # the characters that Slack requires to be escaped

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
    """A template is too much work. The message continues a sentence that names the template."""


class _Value(str):
    """A text from the lead, as opposed to text from the template."""

    __slots__ = ()


class _Fields(Mapping[str, Any]):
    """The fields or custom fields of a lead, which cannot be read after the deadline `end`."""

    def __init__(self, held: Mapping[str, Any], end: float) -> None:
        self.held = held
        self._end = end

    def __getitem__(self, name: Any) -> Any:
        """Return a field. An empty field counts as missing, so that the filter `default` applies to it."""
        _check_time(self._end)
        if (value := self.held[name]) is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self.held))

    def __len__(self) -> int:
        return len(self.held)

    def __eq__(self, other: object) -> bool:
        return self is other  # a comparison of all fields would take too long

    __hash__ = None  # type: ignore[assignment]


def _check_time(end: float) -> None:
    if thread_time() > end:
        raise TooMuch("takes too long with this lead's values")


def _marked(value: Any) -> Any:
    return _Value(value) if type(value) is str else value


def _cut(value: Any, longest: int) -> Any:
    """Return the beginning of a value, with at most `longest` characters including nested values."""
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest]
    return _beginning(value, [longest]) if isinstance(value, Mapping | list) else value


def _beginning(value: Any, room: list[int]) -> Any:
    """Truncate a nested value. `room` holds the characters left; quotes, commas and other values count roughly."""
    if isinstance(value, str):
        value = value[: max(room[0], 0)]
    room[0] -= len(value) + 4 if isinstance(value, str) else 8
    if isinstance(value, _Fields):
        value = {name: held for name, held in value.held.items() if held is not None}
    if isinstance(value, dict):
        return {_beginning(key, room): _beginning(held, room) for key, held in value.items() if room[0] > 0}
    return [_beginning(held, room) for held in value if room[0] > 0] if isinstance(value, list) else value


def _shown(value: Any) -> Any:
    """Convert the result of an expression to text: null becomes empty, a list is joined with commas."""
    if value is None:
        return ""
    value = _cut(value, MOST)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _shown_in_slack(value: Any) -> Any:
    """Convert like `_finalize_text` and escape for Slack, so that only the author can make links and mentions."""
    if type(value) is str or isinstance(value, Markup):
        return value
    return str(_shown(value)).translate(SLACK)


def _measured(filter_: Callable[[Any], str]) -> Callable[..., str]:
    """Wrap a filter so that it starts only while there is time left, and never when a template is compiled."""

    @pass_context
    def measured(context: Context, value: Any, *options: Any, **named: Any) -> str:
        _check_time(context[END])
        made = filter_(_cut(value, LONGEST_VALUE), *options, **named)
        return made if type(value) is str else _marked(made)

    return measured


def _first(value: Any) -> Any:
    return _end_of(value, iter(value))


def _last(value: Any) -> Any:
    return _end_of(value, reversed(value))


def _end_of(value: Any, items: Iterator[Any]) -> Any:
    found = next(items, None)
    return found if type(value) is str else _marked(found)


class _Environment(ImmutableSandboxedEnvironment):
    """An environment in which templates read only fields and items, never attributes or methods of Python objects."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        is_held = isinstance(obj, Mapping) or (isinstance(obj, list | str) and isinstance(argument, int))
        try:
            found = obj[argument] if is_held else self.undefined(obj=obj, name=argument)
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=argument)
        return found if type(obj) is str else _marked(found)


def _environment(*, html: bool = False, finalize: Callable[[Any], Any] = _shown) -> _Environment:
    found = _Environment(
        undefined=ChainableUndefined, autoescape=html, finalize=finalize, keep_trailing_newline=True, cache_size=0
    )
    found.filters = {name: found.filters[name] for name in FILTERS} | {"first": _first, "last": _last}
    found.filters |= {name: _measured(found.filters[name]) for name in MEASURED}
    found.tests = {name: found.tests[name] for name in TESTS}
    found.globals = {}
    return found


_TEXT, _HTML, _SLACK = _environment(), _environment(html=True), _environment(finalize=_shown_in_slack)


def check(source: str) -> str:
    """Return the source if it is a valid template. Raises a pydantic error that describes the problem."""
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
    """Return all nodes of a template. Raises TemplateTooCostly, before the template is compiled."""
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
    """Return the name of the lead field that a node reads, or None."""
    match node:
        case nodes.Name(name=name) if name != "lead":
            return name
        case nodes.Getattr(node=nodes.Name(name="lead"), attr=name):
            return name
        case nodes.Getitem(node=nodes.Name(name="lead"), arg=nodes.Const(value=name)):
            return name
        case _:
            return None


class Text:
    """A compiled template."""

    def __init__(self, template: Template, names: frozenset[str]) -> None:
        self._template = template
        self._names = names  # the variables it uses

    def fill(self, lead: Mapping[str, Any], end: float = inf) -> str:
        """Render the text for a lead, given as the API shows it. Missing fields leave nothing.

        Raises TemplateTooCostly when the time for one text is used up, or this thread's processor time reaches `end`.
        """
        end = min(end, thread_time() + SECONDS)
        pieces, length = [], 0
        for piece in self._template.generate(self._fields(lead, end)):
            pieces.append(piece)
            length += len(piece)
            if length > MOST:
                break
            _check_time(end)
        return "".join(pieces)[:MOST]

    def _fields(self, lead: Mapping[str, Any], end: float) -> dict[str, Any]:
        custom = _Fields(lead.get("custom_fields") or {}, end)
        found = {name: _marked(lead.get(name)) for name in self._names if lead.get(name) is not None}
        if "custom_fields" in self._names:
            found["custom_fields"] = custom
        if "lead" in self._names:
            found["lead"] = _Fields({**lead, "custom_fields": custom}, end)
        return {**found, END: end}


def render(source: str, lead: Mapping[str, Any], *, html: bool = False, slack: bool = False) -> str:
    """Render a template for a lead. For Slack, values of the lead are escaped. Raises TemplateTooCostly."""
    return compiled(source, html=html, slack=slack).fill(lead)


def compiled(source: str, *, html: bool = False, slack: bool = False) -> Text:
    """Compile a template, or take it from a cache, since compiling takes up to 25 ms. Raises TemplateTooCostly."""
    found = _compiled(source, _SLACK if slack else _HTML if html else _TEXT)
    if isinstance(found, TooMuch):
        raise TooMuch(*found.args)
    return found


@lru_cache(maxsize=512)
def _compiled(source: str, environment: _Environment) -> Text | TooMuch:
    tree = environment.parse(source)
    try:
        names = frozenset(node.name for node in _parts(tree) if isinstance(node, nodes.Name))
    except TooMuch as error:  # saved when more was allowed; cached as well, since parsing takes time
        return error.with_traceback(None)
    return Text(environment.from_string(tree), names)


TemplateText = Annotated[str, text(LONGEST, shortest=1), AfterValidator(check)]
Subject = Annotated[str, text(255, shortest=1), AfterValidator(check)]
