"""Split the text of an expression into tokens. Pure."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from shared.expressions.expression_errors import SyntaxProblem, place_of

RESERVED_WORDS: Final = frozenset(
    "as break const continue else for function if import let loop package namespace return var void while".split()
)
MAX_INTEGER: Final = 2**63 - 1
MAX_TOKENS: Final = 1_000
TOKEN_PATTERN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|//[^\n]*)
    |(?P<text>[rR]?(?:\"\"\"(?s:.)*?(?<!\\)\"\"\"|'''(?s:.)*?(?<!\\)'''|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'))
    |(?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<hex>0x[0-9a-fA-F]+)
    |(?P<int>\d+)
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |(?P<mark>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
ESCAPE_PATTERN: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)"
)
PLAIN_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
CONSTANTS: Final = {"true": True, "false": False, "null": None}


class ExpressionToken(NamedTuple):
    """A token. `kind` is `value` (a literal), `name`, `mark` or `end`; `offset` counts characters from 0."""

    kind: str
    text: str
    offset: int
    value: Any = None


def read_tokens(text: str) -> list[ExpressionToken]:
    """Return the tokens of an expression, the last one of the kind `end`. Raises SyntaxProblem."""
    tokens = list(_tokens(text))
    if len(tokens) > MAX_TOKENS:
        raise SyntaxProblem("The expression is too long.", place_of(text, tokens[MAX_TOKENS].offset))
    return [*tokens, ExpressionToken("end", "", len(text))]


def _tokens(text: str) -> Iterator[ExpressionToken]:
    offset = 0
    while offset < len(text):
        match = TOKEN_PATTERN.match(text, offset)
        if match is None:
            raise SyntaxProblem(_unreadable(text[offset]), place_of(text, offset), {"mark": text[offset]})
        if match.lastgroup != "space":
            yield _token(text, str(match.lastgroup), match.group(), offset)
        offset = match.end()


def _unreadable(mark: str) -> str:
    if mark in "\"'":
        return "The text has no closing quotation mark."
    return "The character %(mark)s has no meaning here."


def _token(source: str, kind: str, text: str, offset: int) -> ExpressionToken:
    if kind == "text":
        return ExpressionToken("value", text, offset, _text_value(source, text, offset))
    if kind == "float":
        return ExpressionToken("value", text, offset, float(text))
    if kind in ("int", "hex"):
        return ExpressionToken("value", text, offset, _integer(source, text, offset))
    if kind == "name" and text in CONSTANTS:
        return ExpressionToken("value", text, offset, CONSTANTS[text])
    if kind == "name" and text in RESERVED_WORDS:
        raise SyntaxProblem("%(name)s is a reserved word.", place_of(source, offset), {"name": text})
    if kind == "name" and text == "in":
        return ExpressionToken("mark", text, offset)
    return ExpressionToken(kind, text, offset)


def _integer(source: str, text: str, offset: int) -> int:
    """Return a number of 64 bits. The parser lets the last one stand behind a minus only."""
    number = int(text, 16 if text.startswith("0x") else 10) if len(text) <= 20 else MAX_INTEGER + 2
    if number > MAX_INTEGER + 1:
        raise SyntaxProblem("The number is too large.", place_of(source, offset))
    return number


def _text_value(source: str, text: str, offset: int) -> str:
    """Return what a literal in quotation marks says."""
    is_raw = text[0] in "rR"
    quoted = text[1:] if is_raw else text
    width = 3 if quoted[:3] in ('"""', "'''") and len(quoted) >= 6 else 1
    inner = quoted[width:-width]
    if is_raw or "\\" not in inner:
        return inner

    def unescape(escape: re.Match[str]) -> str:
        plain, two, four, eight, octal = escape.groups()
        if plain:
            return PLAIN_ESCAPES.get(plain, plain)
        code = int(two or four or eight or "0", 16) if not octal else int(octal, 8)
        is_character = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
        if not is_character or not (two or four or eight or octal):
            raise SyntaxProblem("The text has an escape that is none.", place_of(source, offset))
        return chr(code)

    return ESCAPE_PATTERN.sub(unescape, inner)
