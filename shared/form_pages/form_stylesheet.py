"""The style sheet of a form: one for all, and the colours of its own theme. Pure."""

from functools import cache, lru_cache
from pathlib import Path

from shared.form_pages.accent_colors import DEFAULT_ACCENT, FormColors, dark_colors, light_colors
from shared.forms.definition import FormDefinition
from shared.platform.style_sheets import joined_style_sheet

STYLESHEET_FILE = Path(__file__).with_name("styles") / "form.css"
RING_ALPHA = "73"  # of the outline around what has the focus: 45 %
MAX_CACHED_SHEETS = 500
_VARIABLES = {
    "background": "background",
    "card": "card",
    "text": "text",
    "dim": "dim_text",
    "line": "line",
    "accent": "accent",
    "fill": "fill",
    "on-fill": "on_fill",
    "error": "error",
    "wash": "error_wash",
}


def form_stylesheet(form: FormDefinition | None) -> str:
    """Return the style sheet of a form, or that of pages without a form."""
    if form is None:
        return _themed_sheet(DEFAULT_ACCENT, "auto")
    theme = form.settings["theme"]
    return _themed_sheet(theme["accent"] or DEFAULT_ACCENT, theme["mode"])


@lru_cache(maxsize=MAX_CACHED_SHEETS)
def _themed_sheet(accent: str, mode: str) -> str:
    light, dark = light_colors(accent), dark_colors(accent)
    if mode != "auto":
        return f"{_base_sheet()}{_scheme_rule(mode)}{_color_rule(light if mode == 'light' else dark)}"
    # A page follows the visitor's system, and an embedded form the site around it.
    follows = (
        "@supports (color: light-dark(#000, #fff)) {\n"
        ":root { color-scheme: light dark; }\n:host { color-scheme: inherit; }\n"
        f"{_both_rule(light, dark)}}}\n"
    )
    return f"{_base_sheet()}{_color_rule(light)}{follows}"


def _scheme_rule(mode: str) -> str:
    return f":root, :host {{ color-scheme: {mode}; }}\n"


def _color_rule(colors: FormColors) -> str:
    values = {name: getattr(colors, member) for name, member in _VARIABLES.items()}
    values["ring"] = f"{colors.accent}{RING_ALPHA}"
    return _variable_rule(values)


def _both_rule(light: FormColors, dark: FormColors) -> str:
    values = {
        name: f"light-dark({getattr(light, member)}, {getattr(dark, member)})" for name, member in _VARIABLES.items()
    }
    values["ring"] = f"light-dark({light.accent}{RING_ALPHA}, {dark.accent}{RING_ALPHA})"
    return _variable_rule(values)


def _variable_rule(values: dict[str, str]) -> str:
    return f":root, :host {{ {' '.join(f'--lh-{name}: {value};' for name, value in values.items())} }}\n"


@cache
def _base_sheet() -> str:
    return joined_style_sheet(STYLESHEET_FILE)
