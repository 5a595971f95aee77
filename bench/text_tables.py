"""Aligned tables of text, and the numbers in them."""

from collections.abc import Sequence


def format_number(value: float) -> str:
    """Format a number with three significant digits, or as a whole number with thousands separators."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def format_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table. The first column is aligned to the left, the others to the right."""
    first, *others = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = []
    for label, *cells in (headings, *rows):
        padded = [cell.rjust(width) for cell, width in zip(cells, others, strict=True)]
        lines.append("  ".join([label.ljust(first), *padded]).rstrip())
    return "\n".join(lines)
