"""The expression language: what it gives, what it refuses and where, and that nothing gets past its bounds."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.expressions.expression_errors import (
    EvaluationProblem,
    ExhaustedBudget,
    ExpressionProblem,
    SyntaxProblem,
    TextPlace,
)
from shared.expressions.expression_program import ExpressionProgram
from shared.expressions.expression_tokens import MAX_TOKENS
from tests.unit.cel_vectors import CEL_VECTORS, VECTOR_VALUES

STEPS = 1_000
DEEP = 2_000
NAMES = ("event", "lead", "data")
WORDS = [
    *("lead", "data", "event", ".tags", ".score", "[0]", "1", "2.5", '"a"', "'", "true", "null", "&&", "||", "!", "-"),
    *(
        "+",
        "*",
        "/",
        "%",
        "==",
        "<",
        "in",
        "?",
        ":",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".map(x,",
        ".exists(y,",
        "x",
        "y",
    ),
    *("size(", "has(", "string(", ".split(", ".join(", ".replace(", "//", "\n", "\\", "😀", "in", "if"),
]


def give(text: str, steps: int = STEPS, values: dict[str, Any] | None = None) -> Any:
    """What an expression gives."""
    known = VECTOR_VALUES if values is None else values
    return ExpressionProgram(text, known.keys()).evaluate(known, steps)


def place_of_problem(text: str, values: dict[str, Any]) -> TextPlace | None:
    """Where an expression is wrong or fails; None for one that gives something."""
    try:
        give(text, values=values)
    except ExpressionProblem as problem:
        return problem.place
    return None


def same(first: Any, second: Any) -> bool:
    """Whether two values are equal and of one type, as JSON has it."""
    if type(first) is not type(second):
        return False
    if isinstance(first, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    return bool(first == second or (first != first and second != second))  # not a number


@pytest.mark.parametrize(("text", "expected"), CEL_VECTORS, ids=[text for text, _ in CEL_VECTORS])
def test_an_expression_gives_what_another_implementation_of_cel_gives(text: str, expected: Any) -> None:
    assert same(give(text), expected)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("1 +", 1, 4, "missing at the end"),
        ("lead.score >\n  >= 2", 2, 3, ">= cannot stand here"),
        ("leads.score", 1, 1, "There is no leads here"),
        ('"open', 1, 1, "no closing quotation mark"),
        ("lead.name.matches('a')", 1, 11, "no function matches"),
        ("lead.tags.exists(lead, true)", 1, 18, "The name lead is taken"),
        ("lead.tags.exists(x)", 1, 19, ", is missing here"),
        ("size(1, 2)", 1, 1, "too few or too many"),
        ("has(lead)", 1, 1, "has() is asked of a field"),
        ("1 @ 2", 1, 3, "has no meaning here"),
        ("9223372036854775808", 1, 1, "too large"),
        (r'"\q"', 1, 1, "escape"),
        ("for", 1, 1, "reserved"),
        ("(1 2)", 1, 4, ") is missing here"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, line: int, column: int, said: str) -> None:
    with pytest.raises(SyntaxProblem) as refused:
        ExpressionProgram(text, NAMES)
    assert (refused.value.place.line, refused.value.place.column) == (line, column), refused.value
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lead.absent", "no field absent"),
        ("lead.tags[9]", "no such item"),
        ("lead.score.name", "Only an object has fields"),
        ("lead.name && true", "neither true nor false"),
        ("1 + 'a'", "+ is not made for these values"),
        ("1 / 0", "/ is not made for these values"),
        ("9223372036854775807 + 1", "+ is not made"),
        ("1 + 1.0", "+ is not made"),
        ("{'a': 1, 'a': 2}", "name of a field"),
        ("lead.score.exists(x, true)", "Only a list or an object"),
        ("int('1e9')", "int is not made"),
    ],
)
def test_an_expression_that_fails_says_why(text: str, said: str) -> None:
    with pytest.raises(EvaluationProblem) as failed:
        give(text)
    assert said in str(failed.value)


def test_no_error_quotes_a_value() -> None:
    secret = "grace@example.com"
    lead = {"email": secret, secret: {}}
    for text in (
        "lead[lead.email + 'x']",
        "lead.email + 1",
        "lead[lead.email].a",
        "int(lead.email)",
        "lead.email ? 1 : 2",
    ):
        with pytest.raises(EvaluationProblem) as failed:
            give(text, values={"lead": lead})
        assert secret not in f"{failed.value} {failed.value.values}"


@pytest.mark.parametrize(
    "text",
    [
        "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, true)))",
        "'aaaaaaaaaa'" + ".replace('a', 'aaaaaaaaaa')" * 8,
        "['aaaaaaaaaa']" + "".join(f".map(x{n}, x{n} + x{n} + x{n} + x{n} + x{n})" for n in range(30)) + " == []",
        "[[1,2,3]]" + "".join(f".map(x{n}, x{n} + x{n} + x{n} + x{n} + x{n})" for n in range(30)) + " == []",
        "lead.long.split('').map(x, [x, x])",
        "lead.long.contains('b') || " * 20 + "false",
        "lead.many == lead.many && lead.many.exists(x, lead.many.exists(y, x != y))",
        "lead.long.split('').join(lead.long)",
    ],
)
def test_a_bomb_runs_out_of_steps_at_once(text: str) -> None:
    lead = {"long": "a" * 250_000, "many": list(range(100_000)), "tags": ["a"] * 1_000}
    program = ExpressionProgram(text, ["lead"])
    began = time.process_time()
    with pytest.raises(ExhaustedBudget):
        program.evaluate({"lead": lead}, STEPS)
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize("text", ["(" * DEEP + "1" + ")" * DEEP, "!" * DEEP + "true", "[" * DEEP, "-" * DEEP + "1"])
def test_depth_has_a_bound(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        ExpressionProgram(text, NAMES)


@pytest.mark.parametrize("part", ["lead.", "(1)+", "true ? 1 : ", "a.b(c).", "{'a': ", "!-", "[0]"])
def test_length_and_depth_never_end_the_process(part: str) -> None:
    for count in (40, 500, 5_000):
        with pytest.raises(SyntaxProblem):
            ExpressionProgram(part * count, NAMES)


def test_long_chains_are_flat() -> None:
    count = MAX_TOKENS // 2 - 10
    assert give(" + ".join(["1"] * count)) == count
    assert give(" || ".join(["false"] * count)) is False
    assert give(f"[{', '.join(['1'] * count)}].size()") == count


def test_values_of_any_depth_are_compared_or_refused() -> None:
    deep: Any = []
    for _ in range(250):
        deep = [deep]
    with pytest.raises(ExhaustedBudget):
        give("lead == lead && " * 9 + "false == true", values={"lead": deep})


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join) | st.text(max_size=80))
def test_any_text_is_an_expression_or_refused_and_ends(text: str) -> None:
    values = {"event": "lead.created", "lead": {"tags": ["a", "b"], "score": 3}, "data": {}}
    began, lines = time.process_time(), text.split("\n")
    place = place_of_problem(text, values)
    assert time.process_time() - began < 0.2
    assert place is None or 1 <= place.line <= len(lines)
    assert place is None or 1 <= place.column <= len(lines[place.line - 1]) + 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES, JSON_VALUES)
def test_equality_is_reflexive_and_symmetric(first: Any, second: Any) -> None:
    values = {"lead": first, "data": second}
    assert give("lead == lead", values=values) is True
    assert give("lead == data", values=values) == give("data == lead", values=values)
    assert give("lead != data", values=values) is not give("lead == data", values=values)


@given(st.text(max_size=30))
def test_a_text_in_quotation_marks_is_itself(text: str) -> None:
    quoted = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").replace("\r", r"\r")
    assert give(f'"{quoted}"') == text
