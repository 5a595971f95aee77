"""The console is ordered by feature, and its routes do not hide one another."""

import re

import pytest

from services.console.app import CONSOLE_ROUTES, FEATURES
from services.console.web.rendering import CONSOLE_DIR

pytestmark = pytest.mark.unit

MAX_COMPOSITION_LINES = 60


def test_the_console_is_ordered_by_feature() -> None:
    assert len((CONSOLE_DIR / "app.py").read_text().splitlines()) < MAX_COMPOSITION_LINES
    features = {path.parent.name for path in CONSOLE_DIR.glob("*/routes.py")}
    assert features == {path.parent.name for path in CONSOLE_DIR.glob("*/templates")}
    assert features == {feature.__name__.split(".")[-2] for feature in FEATURES}


def test_no_route_of_the_console_hides_a_later_one() -> None:
    patterns = [(route.method, re.sub(r"\{\w+\}", "[^{}/]+", route.path)) for route in CONSOLE_ROUTES]
    hidden = [
        f"{route.method} {route.path} behind {pattern}"
        for number, route in enumerate(CONSOLE_ROUTES)
        for method, pattern in patterns[:number]
        if method == route.method and re.fullmatch(pattern, route.path)
    ]
    assert hidden == []
