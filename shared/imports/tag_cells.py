"""Tags in one cell of a table: separated by commas, in quotation marks where they hold one. Pure."""

import csv
import io
import re
from collections.abc import Sequence

_QUOTED_CHARACTERS = re.compile(r'[,;|"\r\n]|^\s|\s$')
_OTHER_SEPARATORS = re.compile(r"[;|\r\n]")


def tags_text(tags: Sequence[str]) -> str:
    """Return tags as one cell, from which `split_tags` reads them again."""
    return ", ".join(
        f'"{tag.replace(chr(34), chr(34) * 2)}"' if _QUOTED_CHARACTERS.search(tag) else tag for tag in tags
    )


def split_tags(cell: str) -> list[str]:
    """Return the tags of a cell. Without quotation marks, semicolons and bars separate them too."""
    if '"' not in cell:
        return [tag.strip() for tag in _OTHER_SEPARATORS.sub(",", cell).split(",") if tag.strip()]
    try:
        rows = list(csv.reader(io.StringIO(cell, newline=""), skipinitialspace=True))
    except csv.Error:
        return [cell.strip()]
    return [tag.strip() for row in rows for tag in row if tag.strip()]
