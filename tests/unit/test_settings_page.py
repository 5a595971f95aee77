"""The page of settings is generated, and says what the code says."""

import pytest

from docs.settings_page import PAGE, page
from shared.settings import Settings

pytestmark = pytest.mark.unit


def test_the_page_is_up_to_date() -> None:
    """If it is not: `.venv/bin/python -m docs.settings_page`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_setting_is_explained() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`LEADHUB_{name.upper()}`" in page()
