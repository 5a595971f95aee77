"""The script's conditions decide as `condition_matches` does: the same cases, in Python and in the browser."""

import itertools
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from shared import form_pages
from shared.automations.conditions import OPERATORS_WITHOUT_VALUE, condition_matches
from tests.support.console import needs_chromium

pytestmark = needs_chromium

MODULE = (Path(form_pages.__file__).with_name("scripts") / "conditions.js").read_text(encoding="utf-8")

# fmt: off
ANSWERS: list[Any] = [
    None, "", "  ", [], True, "true", "Ada", " ada ", "ADA LOVELACE", "Straße", "STRASSE", "٥", "0", "10", "9", "9.0",
    "1e1", "-3", ".5", "5.", "1_0", "+7", "1e9999", ["a"], ["A", "b"], ["10"], ["", "x"], "a", "x" * 200, "2026-11-27",
]
VALUES: list[Any] = [
    "ada", "Ada", "strasse", "10", 10, 9, True, "true", "a", "b", "x", "", "2026-11-28", "0.5", 5, "é",
]
# fmt: on


def comparisons() -> list[dict[str, Any]]:
    """Each operator with each value."""
    operators = ("equals", "not_equals", "contains", "not_contains", "greater_than", "less_than")
    found = [{"field": "custom_fields.k", "operator": name, "value": value} for name in operators for value in VALUES]
    found += [{"field": "custom_fields.k", "operator": name} for name in OPERATORS_WITHOUT_VALUE]
    found += [
        {"field": "custom_fields.k", "operator": "in", "value": list(pair)}
        for pair in itertools.combinations(VALUES, 2)
    ]
    groups = [{kind: found[:3]} for kind in ("all", "any")] + [{"not": found[0]}, {"not": {"any": found[4:6]}}]
    return [*found, *groups]


async def test_both_decide_alike(browser: Browser) -> None:
    page = await browser.new_page()
    cases = [(condition, answer) for condition in comparisons() for answer in ANSWERS]
    decide = """async ([module, cases]) => {
        const { conditionMatches } = await import(`data:text/javascript,${encodeURIComponent(module)}`);
        return cases.map(([condition, answer]) => conditionMatches(condition, () => answer));
    }"""
    decided = await page.evaluate(decide, [MODULE, cases])
    await page.close()
    differing = [
        (condition, answer, found)
        for (condition, answer), found in zip(cases, decided, strict=True)
        if found != condition_matches(condition, {"custom_fields": {"k": answer}})
    ]
    assert differing == []
