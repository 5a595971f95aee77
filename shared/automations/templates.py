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

from shared.automations.fields import READABLE_FIELDS
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import text_constraints

MAX_TEMPLATE_LENGTH = 10_000  # characters of a template
MAX_FILTERED_VALUE_LENGTH = 10_000  # characters of a value that a filter sees, including nested values
MAX_RENDERED_CHARS = 100_000  # characters of a rendered text; longer texts are truncated

MAX_TREE_DEPTH = (
    15  # levels of the syntax tree: the time to compile a chain of filters grows with the cube of its length
)
MAX_TEMPLATE_PARTS = 500  # nodes of the syntax tree
MAX_COMPARISONS = 50  # a comparison may read all custom fields of a lead
MAX_TEMPLATE_SECONDS = 0.02  # processor time for one text; an ordinary one takes a thousandth of that
DEADLINE_KEY = " end"  # a variable name that no template can contain

ALLOWED_FILTERS = (
    "capitalize",
    "d",
    "default",
    "e",
    "escape",
    "first",
    "last",
    "length",
    "lower",
    "title",
    "trim",
    "upper",
)
# The time of these filters grows with the length of the value.
TIMED_FILTERS = ("capitalize", "e", "escape", "lower", "title", "trim", "upper")
ALLOWED_TESTS = ("defined", "undefined")

TEMPLATE_NAMES = READABLE_FIELDS | {"custom_fields"}  # variables, which are also members of `lead`
# The characters that Slack requires to be escaped.
SLACK_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

ALLOWED_NODES = (
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


class TemplateTooCostly(Exception):
    """A template is too much work. The message continues a sentence that names the template."""


class _LeadText(str):
    """A text from the lead, as opposed to text from the template."""

    __slots__ = ()


class _LeadFields(Mapping[str, Any]):
    """The fields or custom fields of a lead, which cannot be read after the deadline `end`."""

    def __init__(self, held: Mapping[str, Any], end: float) -> None:
        self.raw_values = held
        self._deadline = end

    def __getitem__(self, name: Any) -> Any:
        """Return a field. An empty field counts as missing, so that the filter `default` applies to it."""
        _check_time(self._deadline)
        if (value := self.raw_values[name]) is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw_values)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self.raw_values))

    def __len__(self) -> int:
        return len(self.raw_values)

    def __eq__(self, other: object) -> bool:
        return self is other  # a comparison of all fields would take too long

    __hash__ = None  # type: ignore[assignment]


def _check_time(end: float) -> None:
    if thread_time() > end:
        raise TemplateTooCostly("takes too long with this lead's values")


def _mark_lead_text(value: Any) -> Any:
    return _LeadText(value) if type(value) is str else value


def _truncate_value(value: Any, longest: int) -> Any:
    """Return the beginning of a value, with at most `longest` characters including nested values."""
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest]
    return _truncate_nested(value, [longest]) if isinstance(value, Mapping | list) else value


def _truncate_nested(value: Any, room: list[int]) -> Any:
    """Truncate a nested value. `room` holds the characters left; quotes, commas and other values count roughly."""
    if isinstance(value, str):
        value = value[: max(room[0], 0)]
    room[0] -= len(value) + 4 if isinstance(value, str) else 8
    if isinstance(value, _LeadFields):
        value = {name: held for name, held in value.raw_values.items() if held is not None}
    if isinstance(value, dict):
        return {_truncate_nested(key, room): _truncate_nested(held, room) for key, held in value.items() if room[0] > 0}
    return [_truncate_nested(held, room) for held in value if room[0] > 0] if isinstance(value, list) else value


def _finalize_text(value: Any) -> Any:
    """Convert the result of an expression to text: null becomes empty, a list is joined with commas."""
    if value is None:
        return ""
    value = _truncate_value(value, MAX_RENDERED_CHARS)
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _finalize_slack(value: Any) -> Any:
    """Convert like `_finalize_text` and escape for Slack, so that only the author can make links and mentions."""
    if type(value) is str or isinstance(value, Markup):
        return value
    return str(_finalize_text(value)).translate(SLACK_ESCAPES)


def _timed_filter(filter_: Callable[[Any], str]) -> Callable[..., str]:
    """Wrap a filter so that it starts only while there is time left, and never when a template is compiled."""

    @pass_context
    def measured(context: Context, value: Any, *options: Any, **named: Any) -> str:
        _check_time(context[DEADLINE_KEY])
        made = filter_(_truncate_value(value, MAX_FILTERED_VALUE_LENGTH), *options, **named)
        return made if type(value) is str else _mark_lead_text(made)

    return measured


def _first_item(value: Any) -> Any:
    return _take_item(value, iter(value))


def _last_item(value: Any) -> Any:
    return _take_item(value, reversed(value))


def _take_item(value: Any, items: Iterator[Any]) -> Any:
    found = next(items, None)
    return found if type(value) is str else _mark_lead_text(found)


class _TemplateEnvironment(ImmutableSandboxedEnvironment):
    """An environment in which templates read only fields and items, never attributes or methods of Python objects."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        is_held = isinstance(obj, Mapping) or (isinstance(obj, list | str) and isinstance(argument, int))
        try:
            item = obj[argument] if is_held else self.undefined(obj=obj, name=argument)
        except (LookupError, TypeError):
            return self.undefined(obj=obj, name=argument)
        return item if type(obj) is str else _mark_lead_text(item)


def _make_environment(*, html: bool = False, finalize: Callable[[Any], Any] = _finalize_text) -> _TemplateEnvironment:
    environment = _TemplateEnvironment(
        undefined=ChainableUndefined, autoescape=html, finalize=finalize, keep_trailing_newline=True, cache_size=0
    )
    environment.filters = {name: environment.filters[name] for name in ALLOWED_FILTERS} | {
        "first": _first_item,
        "last": _last_item,
    }
    environment.filters |= {name: _timed_filter(environment.filters[name]) for name in TIMED_FILTERS}
    environment.tests = {name: environment.tests[name] for name in ALLOWED_TESTS}
    environment.globals = {}
    return environment


_TEXT_ENVIRONMENT, _HTML_ENVIRONMENT, _SLACK_ENVIRONMENT = (
    _make_environment(),
    _make_environment(html=True),
    _make_environment(finalize=_finalize_slack),
)


def check_template(source: str) -> str:
    """Return the source if it is a valid template. Raises a pydantic error that describes the problem."""
    try:
        tree = _TEXT_ENVIRONMENT.parse(source)
        for node in _all_nodes(tree):
            if not isinstance(node, ALLOWED_NODES):
                raise custom_error(f"The {{field}} field may not use '{type(node).__name__.lower()}' in its template.")
            if (name := _named_field(node)) is not None and name not in TEMPLATE_NAMES:
                raise custom_error(f"The {{field}} field names '{name}' in its template, which is no field of a lead.")
        _TEXT_ENVIRONMENT.from_string(tree)
    except TemplateSyntaxError as error:
        problem = (error.message or "it cannot be read")[:200]
        raise custom_error(f"The {{field}} field is no template, in line {error.lineno}: {problem}") from None
    except TemplateTooCostly as error:
        raise custom_error(f"The {{field}} field's template {error}.") from None
    except RecursionError:
        raise custom_error("The {field} field is nested too deeply.") from None
    return source


def _all_nodes(tree: nodes.Template) -> list[nodes.Node]:
    """Return all nodes of a template. Raises TemplateTooCostly, before the template is compiled."""
    all_nodes: list[nodes.Node] = []
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_TREE_DEPTH):
        all_nodes += level
        level = [child for node in level for child in node.iter_child_nodes()]
        if len(all_nodes) + len(level) > MAX_TEMPLATE_PARTS:
            raise TemplateTooCostly(f"has over {MAX_TEMPLATE_PARTS:,} parts")
    if level:
        raise TemplateTooCostly(f"is nested over {MAX_TREE_DEPTH} levels deep, as by filters one after the other")
    if sum(isinstance(node, nodes.Operand) for node in all_nodes) > MAX_COMPARISONS:
        raise TemplateTooCostly(f"has over {MAX_COMPARISONS} comparisons")
    return all_nodes


def _named_field(node: nodes.Node) -> Any:
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


class CompiledTemplate:
    """A compiled template."""

    def __init__(self, template: Template, names: frozenset[str]) -> None:
        self._template = template
        self._names = names  # the variables it uses

    def render_for(self, lead: Mapping[str, Any], end: float = inf) -> str:
        """Render the text for a lead, given as the API shows it. Missing fields leave nothing.

        Raises TemplateTooCostly when the time for one text is used up, or this thread's processor time reaches `end`.
        """
        end = min(end, thread_time() + MAX_TEMPLATE_SECONDS)
        pieces, length = [], 0
        for piece in self._template.generate(self._render_variables(lead, end)):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_RENDERED_CHARS:
                break
            _check_time(end)
        return "".join(pieces)[:MAX_RENDERED_CHARS]

    def empty_fields(self, lead: Mapping[str, Any]) -> set[str]:
        """Return the fields that the template names and that the lead leaves empty."""
        return {name for name in self._names & READABLE_FIELDS if lead.get(name) in (None, "", [])}

    def _render_variables(self, lead: Mapping[str, Any], end: float) -> dict[str, Any]:
        custom = _LeadFields(lead.get("custom_fields") or {}, end)
        variables = {name: _mark_lead_text(lead.get(name)) for name in self._names if lead.get(name) is not None}
        if "custom_fields" in self._names:
            variables["custom_fields"] = custom
        if "lead" in self._names:
            variables["lead"] = _LeadFields({**lead, "custom_fields": custom}, end)
        return {**variables, DEADLINE_KEY: end}


def compile_template(source: str, *, html: bool = False, slack: bool = False) -> CompiledTemplate:
    """Compile a template, or take it from a cache, since compiling takes up to 25 ms. Raises TemplateTooCostly.

    For Slack, values of the lead are escaped.
    """
    compiled = _compile_cached(
        source, _SLACK_ENVIRONMENT if slack else _HTML_ENVIRONMENT if html else _TEXT_ENVIRONMENT
    )
    if isinstance(compiled, TemplateTooCostly):
        raise TemplateTooCostly(*compiled.args)
    return compiled


@lru_cache(maxsize=512)
def _compile_cached(source: str, environment: _TemplateEnvironment) -> CompiledTemplate | TemplateTooCostly:
    tree = environment.parse(source)
    try:
        names = frozenset(node.name for node in _all_nodes(tree) if isinstance(node, nodes.Name))
    except TemplateTooCostly as error:  # saved when more was allowed; cached as well, since parsing takes time
        return error.with_traceback(None)
    return CompiledTemplate(environment.from_string(tree), names)


TemplateText = Annotated[str, text_constraints(MAX_TEMPLATE_LENGTH, min_length=1), AfterValidator(check_template)]
SubjectTemplate = Annotated[str, text_constraints(255, min_length=1), AfterValidator(check_template)]
