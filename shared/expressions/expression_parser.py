"""Read the text of an expression into a tree, with CEL's grammar. Pure.

The depth is bounded, and the time is linear in the length: the text comes from people whom we do not trust.
"""

from collections.abc import Callable, Collection
from typing import Final

from shared.expressions.expression_errors import SyntaxProblem, place_of
from shared.expressions.expression_functions import PLAIN_FUNCTIONS, VALUE_METHODS
from shared.expressions.expression_tokens import MAX_INTEGER, ExpressionToken, read_tokens
from shared.expressions.expression_tree import (
    CallNode,
    ChoiceNode,
    ExpressionNode,
    FieldNode,
    IndexNode,
    ListNode,
    LiteralNode,
    LogicNode,
    LoopNode,
    MapNode,
    NameNode,
    OperatorNode,
    PresenceNode,
    UnaryNode,
)

MAX_DEPTH: Final = 32  # of brackets, fields of fields and signs within each other
LOOPS: Final = ("all", "exists", "exists_one", "filter", "map")
RANKS: Final = (("==", "!=", "<", "<=", ">", ">=", "in"), ("+", "-"), ("*", "/", "%"))


def parse_expression(text: str, variables: Collection[str]) -> ExpressionNode:
    """Return the tree of an expression that may name these variables. Raises SyntaxProblem."""
    parser = ExpressionParser(text, variables)
    tree = parser.parse_choice()
    parser.expect_end()
    return tree


class ExpressionParser:
    """Reads one expression."""

    def __init__(self, text: str, variables: Collection[str]) -> None:
        self._text = text
        self._tokens = read_tokens(text)
        self._index = 0
        self._depth = 0
        self._names = list(variables)  # with those of the loops around

    def expect_end(self) -> None:
        """Raise SyntaxProblem if something follows."""
        if self._next.kind != "end":
            raise self._unexpected()

    def parse_choice(self) -> ExpressionNode:
        """Return the tree of `a ? b : c`, or of what has a higher rank."""
        return self._deeper(self._parse_choice)

    @property
    def _next(self) -> ExpressionToken:
        return self._tokens[self._index]

    def _take(self, *marks: str) -> ExpressionToken | None:
        """Take the next token, if it is one of these marks."""
        token = self._next
        if token.kind == "mark" and token.text in marks:
            self._index += 1
            return token
        return None

    def _expect(self, mark: str) -> ExpressionToken:
        token = self._take(mark)
        if token is None:
            raise self._unexpected(mark)
        return token

    def _expect_name(self) -> ExpressionToken:
        token = self._next
        if token.kind != "name":
            raise self._unexpected()
        self._index += 1
        return token

    def _problem(self, template: str, offset: int, **values: object) -> SyntaxProblem:
        return SyntaxProblem(template, place_of(self._text, offset), values)

    def _unexpected(self, mark: str = "") -> SyntaxProblem:
        token = self._next
        if token.kind == "end":
            return self._problem("Something is missing at the end.", token.offset)
        if mark:
            return self._problem("%(mark)s is missing here.", token.offset, mark=mark)
        return self._problem("%(text)s cannot stand here.", token.offset, text=token.text[:40])

    def _deeper(self, parse: Callable[[], ExpressionNode]) -> ExpressionNode:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._problem("This is nested too deeply.", self._next.offset)
        node = parse()
        self._depth -= 1
        return node

    def _parse_choice(self) -> ExpressionNode:
        condition = self._parse_logic("||", lambda: self._parse_logic("&&", lambda: self._parse_rank(0)))
        mark = self._take("?")
        if mark is None:
            return condition
        yes = self._parse_logic("||", lambda: self._parse_logic("&&", lambda: self._parse_rank(0)))
        self._expect(":")
        return ChoiceNode(mark.offset, condition, yes, self.parse_choice())

    def _parse_logic(self, operator: str, parse: Callable[[], ExpressionNode]) -> ExpressionNode:
        parts, offset = [parse()], self._next.offset
        while self._take(operator):
            parts.append(parse())
        return parts[0] if len(parts) == 1 else LogicNode(offset, operator, tuple(parts))

    def _parse_rank(self, rank: int) -> ExpressionNode:
        if rank == len(RANKS):
            return self._parse_sign()
        first, steps = self._parse_rank(rank + 1), []
        while mark := self._take(*RANKS[rank]):
            steps.append((mark.text, self._parse_rank(rank + 1), mark.offset))
        return OperatorNode(steps[0][2], first, tuple(steps)) if steps else first

    def _parse_sign(self) -> ExpressionNode:
        mark = self._take("!", "-")
        if mark is None:
            return self._parse_member()
        if mark.text == "-" and (number := self._negative_number(mark)):
            return number
        return UnaryNode(mark.offset, mark.text, self._deeper(self._parse_sign))

    def _negative_number(self, mark: ExpressionToken) -> LiteralNode | None:
        token, after = self._next, self._tokens[min(self._index + 1, len(self._tokens) - 1)]
        is_number = token.kind == "value" and isinstance(token.value, int | float) and not isinstance(token.value, bool)
        if not is_number or after.text in (".", "["):
            return None
        self._index += 1
        return LiteralNode(mark.offset, -token.value)

    def _parse_member(self) -> ExpressionNode:
        node, depth = self._parse_primary(), self._depth
        while mark := self._take(".", "["):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise self._problem("This is nested too deeply.", mark.offset)
            node = self._parse_field(node) if mark.text == "." else self._parse_index(node, mark)
        self._depth = depth
        return node

    def _parse_index(self, of: ExpressionNode, mark: ExpressionToken) -> ExpressionNode:
        key = self.parse_choice()
        self._expect("]")
        return IndexNode(mark.offset, of, key)

    def _parse_field(self, of: ExpressionNode) -> ExpressionNode:
        name = self._expect_name()
        if not self._take("("):
            return FieldNode(name.offset, of, name.text)
        if name.text in LOOPS:
            return self._parse_loop(of, name)
        return self._call(name, (of, *self._parse_items(")")), is_method=True)

    def _parse_loop(self, over: ExpressionNode, kind: ExpressionToken) -> ExpressionNode:
        variable = self._expect_name()
        if variable.text in self._names:
            raise self._problem("The name %(name)s is taken.", variable.offset, name=variable.text)
        self._expect(",")
        self._names.append(variable.text)
        parts = self._parse_items(")")
        self._names.pop()
        if len(parts) not in ((1, 2) if kind.text == "map" else (1,)):
            raise self._problem("%(name)s has too few or too many values.", kind.offset, name=kind.text)
        result = parts[-1] if kind.text == "map" else None
        condition = parts[0] if kind.text != "map" or len(parts) == 2 else None
        return LoopNode(kind.offset, kind.text, over, variable.text, condition, result)

    def _parse_primary(self) -> ExpressionNode:
        token = self._next
        if token.kind == "value":
            self._index += 1
            if isinstance(token.value, int) and token.value > MAX_INTEGER:
                raise self._problem("The number is too large.", token.offset)
            return LiteralNode(token.offset, token.value)
        if token.kind == "name":
            self._index += 1
            return self._parse_named(token)
        if self._take("("):
            node = self.parse_choice()
            self._expect(")")
            return node
        if self._take("["):
            return ListNode(token.offset, self._parse_items("]"))
        if self._take("{"):
            return MapNode(token.offset, self._parse_entries())
        raise self._unexpected()

    def _parse_named(self, name: ExpressionToken) -> ExpressionNode:
        if not self._take("("):
            if name.text not in self._names:
                known = ", ".join(self._names)
                raise self._problem(
                    "There is no %(name)s here. There are: %(known)s.", name.offset, name=name.text, known=known
                )
            return NameNode(name.offset, name.text)
        arguments = self._parse_items(")")
        if name.text != "has":
            return self._call(name, arguments, is_method=False)
        if len(arguments) != 1 or not isinstance(arguments[0], FieldNode):
            raise self._problem("has() is asked of a field, such as has(lead.email).", name.offset)
        return PresenceNode(name.offset, arguments[0].of, arguments[0].name)

    def _call(self, name: ExpressionToken, arguments: tuple[ExpressionNode, ...], *, is_method: bool) -> CallNode:
        known = VALUE_METHODS if is_method else PLAIN_FUNCTIONS
        if name.text not in known:
            raise self._problem("There is no function %(name)s here.", name.offset, name=name.text)
        if len(arguments) not in known[name.text].counts:
            raise self._problem("%(name)s has too few or too many values.", name.offset, name=name.text)
        return CallNode(name.offset, name.text, arguments, is_method)

    def _parse_items(self, end: str) -> tuple[ExpressionNode, ...]:
        """Return what stands with commas between up to a closing bracket. A last comma is allowed in lists."""
        items: list[ExpressionNode] = []
        while not self._take(end):
            items.append(self.parse_choice())
            if not self._take(","):
                self._expect(end)
                break
            if end == ")" and self._next.text == end:
                raise self._unexpected()
        return tuple(items)

    def _parse_entries(self) -> tuple[tuple[ExpressionNode, ExpressionNode], ...]:
        entries: list[tuple[ExpressionNode, ExpressionNode]] = []
        while not self._take("}"):
            key = self.parse_choice()
            self._expect(":")
            entries.append((key, self.parse_choice()))
            if not self._take(","):
                self._expect("}")
                break
        return tuple(entries)
