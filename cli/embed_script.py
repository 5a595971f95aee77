"""The build of `embed.js`, the script that websites include, from its modules.

`python -m cli.embed_script` writes it. It is committed, so that LeadHub runs without Node; a test compares it with what
the build gives.
"""

import subprocess
import sys

from cli.page_linters import page_tool
from embedded.process import PROJECT_ROOT

ENTRY_FILE = PROJECT_ROOT / "shared" / "form_pages" / "scripts" / "embed.js"
SCRIPT_FILE = PROJECT_ROOT / "shared" / "form_pages" / "static" / "embed.js"
BANNER = '// Made from shared/form_pages/scripts by python -m cli.embed_script.\n"use strict";'
OPTIONS = (
    "--bundle",
    "--format=iife",
    "--minify",
    "--target=es2019",  # syntax of 2019; newer interfaces are asked for where they are used
    "--line-limit=120",  # so that changes can be compared
    f"--banner:js={BANNER}",
)


def build_script() -> bytes | None:
    """Return the script as the build gives it, or None where esbuild cannot be installed.

    Raises CalledProcessError if a module cannot be read.
    """
    esbuild = page_tool("esbuild")
    if esbuild is None:
        return None
    return subprocess.run([esbuild, str(ENTRY_FILE), *OPTIONS], check=True, capture_output=True, timeout=60).stdout


if __name__ == "__main__":
    script = build_script()
    if script is None:
        sys.exit("npm is missing, or cannot install esbuild")
    SCRIPT_FILE.write_bytes(script)
