"""The wheel: one name in site-packages, all that a service needs below it, and an `up` that takes a lead."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from shared import __version__
from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT

pytestmark = pytest.mark.e2e
SHIPPED_FOLDERS = ("cli", "demo", "embedded", "migrations", "services", "shared")
COMMAND = "from leadhub_app import main; main()"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=PROJECT_ROOT, check=True, capture_output=True)
    [found] = folder.glob(f"leadhub-{__version__}-*.whl")
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment that has what LeadHub stands on, and not LeadHub."""
    folder = tmp_path / "environment"
    venv.create(folder, symlinks=True)
    (site_packages(folder) / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def site_packages(environment: Path) -> Path:
    [folder] = environment.glob("lib/python*/site-packages")
    return folder


def install(wheel: Path, environment: Path) -> None:
    """As pip does it with a wheel of pure Python, whose libraries are there."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages(environment))


def run(environment: Path, words: tuple[str, ...], env: Mapping[str, str]) -> "subprocess.Popen[str]":
    command = [str(environment / "bin" / "python"), "-c", COMMAND, *words]
    return subprocess.Popen(
        command,
        cwd=environment,
        env=dict(env),
        text=True,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@contextmanager
def installed_leadhub(environment: Path, env: Mapping[str, str], last_line: str) -> Iterator[tuple[str, str]]:
    """The base URL and the words of a start, up to that line."""
    port = free_port("127.0.0.1")
    process = run(environment, ("up", "--port", str(port)), env)
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if last_line in line:
                break
        yield f"http://127.0.0.1:{port}", "".join(lines)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_wheel_adds_one_name_and_has_every_file_of_the_services(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {"leadhub_app", f"leadhub-{__version__}.dist-info"}
    tracked = subprocess.run(
        ["git", "ls-files", *SHIPPED_FOLDERS], cwd=PROJECT_ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    assert {f"leadhub_app/_root/{name}" for name in tracked if name} <= set(names)
    assert not [name for name in names if name.endswith((".pyc", ".env"))]


@pytest.mark.extended
async def test_installed_it_serves_a_lead_and_keeps_it_over_an_installation(
    wheel: Path, environment: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADHUB_")}
    env = {**inherited, "XDG_STATE_HOME": str(state), "LEADHUB_METRICS_PORT": "0"}
    install(wheel, environment)
    with installed_leadhub(environment, env, "leadhub key create") as (base, words):
        assert "./leadhub" not in words
        found = re.search(r"Key: +(\S+)", words)
        assert found
        headers = {"Authorization": f"Bearer {found[1]}"}
        async with aiohttp.ClientSession(base, headers=headers) as session:
            lead = {"email": "ada@example.com"}
            answer = await session.post("/api/inbound/leads?tenant=main", json=lead, headers={"Prefer": "wait=20"})
            assert answer.status == 201, await answer.text()
            assert (await session.get("/api/documentation")).status == 200
            assert (await session.get("/console/sign-in")).status == 200
    assert (state / "leadhub" / ".leadhub").is_dir()
    install(wheel, environment)
    with installed_leadhub(environment, env, "LeadHub is ready") as (base, _):
        async with aiohttp.ClientSession(base, headers=headers) as session:
            answer = await session.get("/api/v1/leads")
            assert [each["email"] for each in (await answer.json())["data"]] == ["ada@example.com"]


@pytest.mark.extended
def test_installed_it_runs_a_drill(wheel: Path, environment: Path, tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADHUB_")}
    install(wheel, environment)
    words = ("drill", "--minutes", "0.3", "--rate", "8", "--data-dir", str(tmp_path / "state"))
    said, _ = run(environment, words, inherited).communicate(timeout=180)
    assert "Nothing was lost and nothing doubled." in said, said
    assert "\n    leadhub drill --minutes 0.3 --rate 8" in said


def test_what_needs_the_repository_says_so(wheel: Path, environment: Path) -> None:
    install(wheel, environment)
    process = run(environment, ("test",), os.environ)
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, "needs a clone of the repository" in said) == (2, True)
    helped, _ = run(environment, ("--help",), os.environ).communicate(timeout=60)
    assert "Start with `leadhub up`" in helped
    assert not re.search(r"^  (test|bench)\b", helped, re.MULTILINE)
