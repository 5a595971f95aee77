"""The colours of a form: whatever accent its owner likes, everything can be read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.form_pages.accent_colors import DEFAULT_ACCENT, contrast_ratio, dark_colors, light_colors
from shared.form_pages.form_stylesheet import form_stylesheet
from tests.support.form_samples import sample_form

pytestmark = pytest.mark.unit

NON_TEXT_CONTRAST = 3.0
ACCENTS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(ACCENTS)
@example("#007fb1")  # neither white nor a dark grey can be read on it
def test_every_accent_gives_readable_colours(accent: str) -> None:
    for colors in (light_colors(accent), dark_colors(accent)):
        for background in (colors.background, colors.card):
            for text in (colors.text, colors.dim_text, colors.accent, colors.error):
                assert contrast_ratio(text, background) >= 4.5, (accent, text, background)
            assert contrast_ratio(colors.line, background) >= NON_TEXT_CONTRAST, accent
        assert contrast_ratio(colors.on_fill, colors.fill) >= 4.5, accent
        assert contrast_ratio(colors.error, colors.error_wash) >= 4.5, accent
        assert contrast_ratio(colors.text, colors.error_wash) >= 4.5, accent


def test_contrast_is_that_of_wcag() -> None:
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast_ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_owners_colour_is_on_the_button_as_it_is() -> None:
    assert light_colors("#FFCC00").fill == "#ffcc00"
    assert light_colors("#FFCC00").on_fill == "#000000"


def test_a_style_sheet_has_the_modes_that_its_theme_names() -> None:
    auto, light, dark = (form_stylesheet(sample_form(theme={"mode": mode})) for mode in ("auto", "light", "dark"))
    assert "light-dark(" in auto
    assert "light-dark(" not in light + dark
    assert ":root, :host { color-scheme: light; }" in light
    assert ":root, :host { color-scheme: dark; }" in dark
    assert light_colors(DEFAULT_ACCENT).accent in light
    assert form_stylesheet(None) == auto
