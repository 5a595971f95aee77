"""The honeypot: an input with a neutral name that no field has, the same for all pages of a version."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.forms.definition import FormDefinition, complete_settings
from shared.forms.field_definition import complete_fields
from shared.spam.honeypot import honeypot_name, trap_names

pytestmark = pytest.mark.unit


def form(*labels: str, public_id: str = "abc", version: int = 3) -> FormDefinition:
    fields = complete_fields([{"key": label, "label": label, "type": "text"} for label in labels])
    return FormDefinition(1, 1, True, fields, complete_settings({}), public_id=public_id, version=version)


@given(st.text(min_size=1, max_size=12), st.integers(1, 1000))
def test_no_field_has_the_name(public_id: str, version: int) -> None:
    plain = honeypot_name(form(public_id=public_id, version=version))
    crowded = form(plain, plain.partition("_")[0], public_id=public_id, version=version)
    name = honeypot_name(crowded)
    assert name not in {field["key"] for field in crowded.fields}
    assert name == honeypot_name(crowded)
    assert "honey" not in name
    assert "trap" not in name


def test_pages_of_the_version_before_are_still_looked_at() -> None:
    now = form(version=3)
    assert trap_names(now) == (honeypot_name(now), honeypot_name(replace(now, version=2)))
    assert trap_names(form(version=1)) == (honeypot_name(form(version=1)),)
    assert honeypot_name(now) != honeypot_name(replace(now, public_id="abd"))
