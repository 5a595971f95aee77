"""The launcher `leadhub`, on a small project of its own: it makes an environment once, or says what is in the way."""

import ast
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.waiting import until

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).resolve().parents[2]
MAIN = "import sys\ndef main(arguments):\n    print(sys.prefix, *arguments)\n"
PRETEND = "import runpy, sys; {}; sys.argv = [{!r}, 'hello']; runpy.run_path(sys.argv[0], run_name='__main__')"
ABSENT = "no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return _project(tmp_path / "a project")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its environment, which takes seconds to make."""
    folder = _project(tmp_path_factory.mktemp("template") / "project")
    assert launch(folder, "hello").returncode == 0
    return folder


@pytest.fixture
def made(tmp_path: Path, template: Path) -> Path:
    """A project with its environment, for this test alone."""
    return Path(shutil.copytree(template, tmp_path / "made", symlinks=True))


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a real uv: the machine's, else one of this test's own."""
    if found := shutil.which("uv"):
        return str(Path(found).parent)
    folder = tmp_path_factory.mktemp("uv")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "uv"]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("there is no uv, and pip cannot install one")
    return str(folder / "bin")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the module `tiny`."""
    path = tmp_path_factory.mktemp("wheels") / "tiny-1.0-py3-none-any.whl"
    files = {
        "tiny.py": "NAME = 'tiny'\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, "tiny-1.0.dist-info/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, "tiny-1.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return path


def _project(folder: Path) -> Path:
    (folder / "cli").mkdir(parents=True)
    shutil.copy(PROJECT / "leadhub", folder)
    (folder / "cli" / "__init__.py").touch()
    (folder / "cli" / "main.py").write_text(MAIN)
    (folder / "requirements.lock").write_text("# nothing\n")
    (folder / "requirements-dev.lock").write_text("# nothing for tests\n")
    return folder


def launch(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "leadhub"), *arguments]
    return _run(command, environment)


def pretend(project: Path, what: str) -> subprocess.CompletedProcess[str]:
    """Launch under a Python that is not as it should be."""
    code = PRETEND.format(what, str(project / "leadhub"))
    return _run([sys.executable, "-c", code], {"PATH": "/nowhere"})


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_environment_is_made_by_the_first_start_only(project: Path) -> None:
    first = launch(project, "hello", "a b")
    assert first.stdout == f"{project / '.venv'} hello a b\n"
    assert "preparing the environment" in first.stderr
    second = launch(project, "hello")
    assert (second.stdout, second.stderr) == (f"{project / '.venv'} hello\n", "")
    made = {path.name for path in project.iterdir()}
    assert made == {"leadhub", "cli", "requirements.lock", "requirements-dev.lock", ".venv"}
    assert not list(project.glob("cli/__pycache__"))


@pytest.mark.extended
def test_changed_lock_is_installed_and_tests_use_a_second_lock(made: Path) -> None:
    assert "preparing" in launch(made, "test").stderr
    assert launch(made, "test").stderr == ""
    (made / "requirements.lock").write_text("# changed\n")
    assert "preparing" in launch(made, "hello").stderr
    assert launch(made, "hello").stderr == ""


@pytest.mark.extended
def test_an_environment_without_a_note_is_completed_and_an_unfinished_one_is_made_anew(made: Path) -> None:
    mark = made / ".venv" / "mark"
    mark.touch()
    (made / ".venv" / "requirements.lock.stamp").unlink()
    assert launch(made, "hello").returncode == 0
    assert mark.exists()
    (made / ".venv" / "unfinished").touch()
    assert launch(made, "hello").returncode == 0
    assert not mark.exists()


@pytest.mark.extended
def test_a_removal_that_was_cut_short_goes_on(made: Path) -> None:
    """Whatever of the environment is gone when the launcher is killed: nothing hangs, and all is made anew."""
    (made / ".venv" / "pyvenv.cfg").unlink()
    assert "preparing" in launch(made, "hello").stderr
    assert launch(made, "hello").stdout == f"{made / '.venv'} hello\n"
    (made / ".venv" / "pyvenv.cfg").write_text("")
    assert launch(made, "hello").stdout == f"{made / '.venv'} hello\n"


@pytest.mark.extended
def test_tools_for_tests_that_cannot_be_had_cost_no_service_its_environment(made: Path) -> None:
    mark = made / ".venv" / "mark"
    mark.touch()
    (made / "requirements-dev.lock").write_text("nowhere==1 --hash=sha256:00\n")
    assert launch(made, "test").returncode == 1
    assert launch(made, "hello").stdout == f"{made / '.venv'} hello\n"
    assert launch(made, "test", "--help").returncode == 0
    assert mark.exists()


@pytest.mark.extended
def test_an_environment_whose_python_is_gone_is_made_anew(made: Path) -> None:
    for python in (made / ".venv" / "bin").glob("python*"):
        python.unlink()
    assert launch(made, "hello").stdout == f"{made / '.venv'} hello\n"


@pytest.mark.extended
def test_two_first_starts_make_one_environment(project: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda word: launch(project, word), ("one", "two")))
    assert [done.returncode for done in both] == [0, 0]
    assert sum("preparing" in done.stderr for done in both) == 1


@pytest.mark.extended
def test_a_stop_meanwhile_is_clean_and_leaves_nothing_running(project: Path) -> None:
    command = [sys.executable, str(project / "leadhub"), "up"]
    env = {**os.environ, "PATH": "/nowhere"}  # uv is too quick
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"preparing" in process.stderr.readline()
        until(lambda: len(_beneath(project)) > 1, what="the environment's making")
        process.terminate()
        assert process.wait() == 0
    assert _beneath(project) == []


def _beneath(project: Path) -> list[str]:
    """The processes whose command line names the project."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += [file.read_text(errors="replace")]
    return [line for line in found if f"{project}/" in line]


def test_launcher_parses_under_every_python_3() -> None:
    ast.parse((PROJECT / "leadhub").read_text(), feature_version=(3, 4))


@pytest.mark.extended
def test_an_old_python_is_named(project: Path) -> None:
    done = pretend(project, "sys.version_info = (3, 9, 2)")
    assert done.returncode == 1
    assert (
        done.stderr == "leadhub: this is Python 3.9; LeadHub needs Python 3.11 or newer. Install one and try again.\n"
    )


@pytest.mark.extended
def test_a_python_without_ensurepip_lends_its_own_pip(project: Path) -> None:
    done = pretend(project, "sys.modules['ensurepip'] = None")
    assert done.stdout == f"{project / '.venv'} hello\n"


@pytest.mark.extended
def test_a_full_disk_is_named(project: Path) -> None:
    free = "import shutil, types; shutil.disk_usage = lambda _: types.SimpleNamespace(free=1000)"
    done = pretend(project, free)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    assert not (project / ".venv").exists()


@pytest.mark.extended
def test_a_missing_network_is_named_and_the_next_start_tries_again(project: Path) -> None:
    (project / "requirements.lock").write_text(ABSENT)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_FIND_LINKS": "", "PIP_RETRIES": "0"}
    done = launch(project, "hello", **nowhere)
    assert done.returncode == 1
    assert "the package index cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    (project / "requirements.lock").write_text("# nothing\n")
    assert launch(project, "hello").returncode == 0


def _by_uv(project: Path) -> bool:
    return "uv =" in (project / ".venv" / "pyvenv.cfg").read_text()


def _path_with(folder: str) -> str:
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.extended
def test_uv_makes_the_environment_where_it_is_on_the_path(project: Path, uv: str) -> None:
    first = launch(project, "hello", PATH=_path_with(uv))
    assert first.stdout == f"{project / '.venv'} hello\n"
    assert "preparing the environment" in first.stderr
    assert _by_uv(project)
    assert launch(project, "hello", PATH=_path_with(uv)).stderr == ""
    assert launch(project, "hello").stderr == ""  # nor does it matter to the next start that uv is gone
    (project / "requirements.lock").write_text("# changed\n")
    assert "preparing" in launch(project, "hello", PATH=_path_with(uv)).stderr


@pytest.mark.extended
@pytest.mark.parametrize("with_uv", [True, False])
def test_an_installed_file_has_the_hash_that_the_lock_names(project: Path, uv: str, wheel: Path, with_uv: bool) -> None:
    links = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent)}
    links |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheel.parent)}
    path = {"PATH": _path_with(uv) if with_uv else "/nowhere"}
    (project / "cli" / "main.py").write_text("def main(arguments):\n    import tiny\n    print(tiny.NAME)\n")
    (project / "requirements.lock").write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    refused = launch(project, "hello", **links, **path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "the packages could not be installed" in refused.stderr
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project / "requirements.lock").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    assert launch(project, "hello", **links, **path).stdout == "tiny\n"
    assert _by_uv(project) == with_uv


@pytest.mark.extended
def test_pip_makes_the_environment_where_uv_fails(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "uv"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    done = launch(project, "hello", PATH=_path_with(str(broken.parent)))
    assert done.stdout == f"{project / '.venv'} hello\n"
    assert not _by_uv(project)
