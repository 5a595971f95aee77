"""The gateway keeps its contract without the fast path: its files of this folder run once more, on a plain LeadHub."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.platform.installation import PROJECT_ROOT
from tests.support.stack import WITHOUT_FAST_PATH

pytestmark = pytest.mark.extended

FILES = [
    f"tests/contract/test_{name}.py"
    for name in (
        *("authentication", "bad_inputs", "batch", "dry_run", "envelope", "inbound", "limits", "odd_inputs"),
        *("protocol", "rate_limit"),
    )
]


def test_contract_of_the_gateway_holds_without_the_fast_path(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not extended", "-o", f"cache_dir={tmp_path}", *FILES]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env={**env, WITHOUT_FAST_PATH: "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
