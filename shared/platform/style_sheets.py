"""Style sheets of several files, which are sent as one."""

import re
from pathlib import Path

_replace_imports = re.compile(r'@import "(?P<path>[\w/.]+)"(?: layer\((?P<layer>\w+)\))?;\n').sub


def joined_style_sheet(sheet: Path) -> str:
    """Return a style sheet with each file that it imports in its place, in its cascade layer if it has one."""

    def imported(statement: re.Match[str]) -> str:
        rules = (sheet.parent / statement["path"]).read_text(encoding="utf-8")
        return f"@layer {statement['layer']} {{\n{rules}}}\n" if statement["layer"] else rules

    return _replace_imports(imported, sheet.read_text(encoding="utf-8"))
