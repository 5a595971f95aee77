"""A garbage collection takes the processor's time of nobody's text and nobody's phone."""

import gc
from collections.abc import Iterator
from time import thread_time
from typing import Any

import pytest

from shared.automations.rendering_budget import MAX_RUN_RENDER_SECONDS, RenderingBudget
from shared.leads import phone_normalization

pytestmark = pytest.mark.unit

LONGER = 2 * max(MAX_RUN_RENDER_SECONDS, phone_normalization.PHONE_CPU_BUDGET_SECONDS)


@pytest.fixture
def slow_collections() -> Iterator[None]:
    """Every hundred objects a collection begins that takes longer than a text or a phone may."""

    def take_time(phase: str, _: Any) -> None:
        end = thread_time() + LONGER
        while phase == "start" and thread_time() < end:
            pass

    before = gc.get_threshold()
    gc.callbacks.append(take_time)
    gc.set_threshold(100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(take_time)


@pytest.mark.usefixtures("slow_collections")
def test_texts_are_rendered_while_garbage_is_collected() -> None:
    texts, lead = RenderingBudget(), {"first_name": "Ada", "custom_fields": {"plan": ["a", "b"]}}
    made = [
        texts.render_text("{{ first_name|upper }} {{ custom_fields.plan|first }}", lead, slack=False) for _ in range(3)
    ]
    assert made == ["ADA a"] * 3
    assert gc.isenabled()


@pytest.mark.usefixtures("slow_collections")
def test_a_phone_is_read_while_garbage_is_collected() -> None:
    phone_normalization._parse_phone.cache_clear()
    assert phone_normalization.normalise_phone("001 201 555 0123", "DE").e164 == "+12015550123"
    assert gc.isenabled()
