"""Templates of automations, rendered for a lead."""

from collections.abc import Mapping
from typing import Any

from shared.automations.templates import compile_template


def render_template(source: str, lead: Mapping[str, Any], *, html: bool = False, slack: bool = False) -> str:
    return compile_template(source, html=html, slack=slack).render_for(lead)
