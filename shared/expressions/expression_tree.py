"""The tree of an expression. Pure."""

from dataclasses import dataclass
from typing import Any, Union


@dataclass(frozen=True, slots=True)
class LiteralNode:
    """A value that stands in the text."""

    offset: int
    value: Any


@dataclass(frozen=True, slots=True)
class NameNode:
    """A variable."""

    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class FieldNode:
    """`of.name`."""

    offset: int
    of: "ExpressionNode"
    name: str


@dataclass(frozen=True, slots=True)
class IndexNode:
    """`of[key]`."""

    offset: int
    of: "ExpressionNode"
    key: "ExpressionNode"


@dataclass(frozen=True, slots=True)
class ListNode:
    """`[a, b]`."""

    offset: int
    items: tuple["ExpressionNode", ...]


@dataclass(frozen=True, slots=True)
class MapNode:
    """`{"key": value}`."""

    offset: int
    entries: tuple[tuple["ExpressionNode", "ExpressionNode"], ...]


@dataclass(frozen=True, slots=True)
class CallNode:
    """A function of values. The receiver of a method is the first of them."""

    offset: int
    name: str
    arguments: tuple["ExpressionNode", ...]
    is_method: bool


@dataclass(frozen=True, slots=True)
class PresenceNode:
    """`has(of.name)`."""

    offset: int
    of: "ExpressionNode"
    name: str


@dataclass(frozen=True, slots=True)
class LoopNode:
    """`over.kind(name, …)`: `all`, `exists`, `exists_one`, `filter` or `map`. Only `map` has a `result`."""

    offset: int
    kind: str
    over: "ExpressionNode"
    name: str
    condition: Union["ExpressionNode", None]
    result: Union["ExpressionNode", None]


@dataclass(frozen=True, slots=True)
class LogicNode:
    """Parts with `&&` or `||` between them."""

    offset: int
    operator: str
    parts: tuple["ExpressionNode", ...]


@dataclass(frozen=True, slots=True)
class UnaryNode:
    """`!of` or `-of`."""

    offset: int
    operator: str
    of: "ExpressionNode"


@dataclass(frozen=True, slots=True)
class OperatorNode:
    """`first + second - third`: operators of one rank, each with its operand and place, from left to right."""

    offset: int
    first: "ExpressionNode"
    steps: tuple[tuple[str, "ExpressionNode", int], ...]


@dataclass(frozen=True, slots=True)
class ChoiceNode:
    """`condition ? yes : no`."""

    offset: int
    condition: "ExpressionNode"
    yes: "ExpressionNode"
    no: "ExpressionNode"


ExpressionNode = (
    LiteralNode
    | NameNode
    | FieldNode
    | IndexNode
    | ListNode
    | MapNode
    | CallNode
    | PresenceNode
    | LoopNode
    | LogicNode
    | UnaryNode
    | OperatorNode
    | ChoiceNode
)


def child_nodes(node: ExpressionNode) -> list[ExpressionNode]:
    """Return the nodes right below a node."""
    match node:
        case FieldNode() | PresenceNode() | UnaryNode():
            return [node.of]
        case IndexNode():
            return [node.of, node.key]
        case ListNode():
            return [*node.items]
        case MapNode():
            return [part for entry in node.entries for part in entry]
        case CallNode():
            return [*node.arguments]
        case LoopNode():
            return [node.over, *(part for part in (node.condition, node.result) if part is not None)]
        case LogicNode():
            return [*node.parts]
        case OperatorNode():
            return [node.first, *(operand for _, operand, _ in node.steps)]
        case ChoiceNode():
            return [node.condition, node.yes, node.no]
    return []


def field_path(node: ExpressionNode) -> str:
    """Return a field as it is written, such as `lead.email`; an empty text for anything else."""
    if isinstance(node, NameNode):
        return node.name
    path = field_path(node.of) if isinstance(node, FieldNode) else ""
    return f"{path}.{node.name}" if isinstance(node, FieldNode) and path else ""
