"""Scripts that complete commands: they know all of them, and shells take them."""

import shutil
import subprocess

import pytest
from click.testing import CliRunner

from cli.main import COMMAND_MODULES, command_line

SHELLS = ("bash", "zsh", "fish")


def script_of(shell: str) -> str:
    done = CliRunner().invoke(command_line, ["completion", shell], prog_name="leadhub")
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_command(shell: str) -> None:
    script = script_of(shell)
    for name in (*COMMAND_MODULES, "grant-account", "print-json", "rotate"):
        assert name in script
    assert "fork-server" not in script


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_a_script_of_its_shell(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run([shell, "-n"], input=script_of(shell), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("leadhub li", {"listen"}),
        ("leadhub key cr", {"create"}),
        ("./leadhub api ", {"get", "post", "patch", "delete", "--help"}),
        ("leadhub listen --f", {"--forward"}),
        ("leadhub key create --wo", {"--workspace"}),
    ],
)
def test_bash_completes_by_the_script(line: str, expected: set[str]) -> None:
    ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _leadhub; printf "%s\\n" "${COMPREPLY[@]}"'
    words = line.split(" ")
    done = subprocess.run(
        ["bash", "-c", f"{script_of('bash')}\n{ask}", "bash", *words], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) == expected


def test_shell_that_is_not_known_ends_with_2() -> None:
    assert CliRunner().invoke(command_line, ["completion", "tcsh"]).exit_code == 2
