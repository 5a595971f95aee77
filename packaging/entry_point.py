"""LeadHub as an installed package. The repository's folders lie below `_root`: site-packages gets one name from us.

`pyproject.toml` puts this file into the wheel as `leadhub_app/__init__.py`.
"""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line. Children of it find `_root` in PYTHONPATH."""
    sys.path.insert(0, str(Path(__file__).with_name("_root")))
    from cli.main import main as run_command

    run_command(sys.argv[1:])
