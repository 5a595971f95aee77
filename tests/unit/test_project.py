"""The project's own files: what is shipped, pinned and promised."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import orjson
import pytest

from cli.env_file import SECRET_FILE_NAMES
from shared import __version__
from shared.platform.settings import Settings

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]
LOCKS = (
    *("uv.lock", "requirements.lock", "requirements-dev.lock", "requirements-docs.lock", "requirements-mcp.lock"),
    *("requirements-otel.lock", "requirements-s3.lock", "requirements-sentry.lock", "requirements-xlsx.lock"),
)
INDEX_HOSTS = {"pypi.org", "files.pythonhosted.org"}
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
SHIPPED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CODE_OF_CONDUCT.md",
    "bench/README.md",
    "demo/README.md",
    "THIRD-PARTY-NOTICES.md",
    *(str(p.relative_to(ROOT)) for p in ROOT.glob("integrations/*/README.md")),
    *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md")),
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_nothing_is_left_at_the_root() -> None:
    """Such as what a shell writes where a `>` was meant as text."""
    names = {path.name for path in ROOT.iterdir() if path.is_file() and not path.suffix and path.name[0] != "."}
    assert names == {"Dockerfile", "LICENSE", "NOTICE", "leadhub"}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host_but_the_public_indexs(name: str) -> None:
    assert set(re.findall(r"https?://([^/\s\"']+)", read(name))) <= INDEX_HOSTS


@pytest.mark.parametrize("name", LOCKS[1:])
def test_every_package_is_pinned_by_version_and_hash(name: str) -> None:
    lines = read(name).replace("\\\n", " ").splitlines()
    packages = [line for line in lines if line and not line.lstrip().startswith(("#", "--"))]
    assert packages
    assert all(re.match(r"[A-Za-z0-9._-]+(\[[^]]+\])?==\S+", line) for line in packages)
    assert all("--hash=sha256:" in line for line in packages)


def test_files_that_the_image_copies_are_sent_to_its_build() -> None:
    copied = re.findall(r"^COPY --chown=leadhub (.+) \./$", read("Dockerfile"), re.MULTILINE)
    assert {f"!{name}" for line in copied for name in line.split()} <= set(read(".dockerignore").splitlines())


def test_extras_of_the_wheel_are_the_groups_that_the_image_installs() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    extras = project["project"]["optional-dependencies"]
    assert extras == {name: project["dependency-groups"][name] for name in extras}


def test_the_version_is_the_same_everywhere() -> None:
    assert tomllib.loads(read("pyproject.toml"))["project"]["version"] == __version__
    assert f"LEADHUB_VERSION:-{__version__}" in read("compose.yaml")
    assert re.search(rf'^name = "leadhub"\nversion = "{re.escape(__version__)}"$', read("uv.lock"), re.MULTILINE)
    sections = re.findall(r"^## \[(.+)\] – (?:unreleased|\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.MULTILINE)
    assert sections[0] == __version__


@pytest.mark.parametrize("name", SHIPPED)
def test_links_between_pages_lead_somewhere(name: str) -> None:
    for target in LINK.findall(read(name)):
        assert (ROOT / name).parent.joinpath(target).exists(), target


def test_every_dependency_has_its_reason() -> None:
    """docs/decisions/0003 speaks of each package that the service needs."""
    reasons = read("docs/decisions/0003-libraries.md").lower()
    reasons += read("docs/decisions/0002-embedded-servers.md").lower()
    for requirement in tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]:
        name = re.split(r"[\[<>=;]", requirement)[0]
        assert f"`{name}`" in reasons, name


def test_every_metric_is_explained() -> None:
    names = re.findall(r'"(leadhub_[a-z_]+)"', read("shared/platform/observability/metrics.py"))
    assert names
    assert not [name for name in names if f"`{name}`" not in read("docs/operations/monitoring.md")]


@pytest.mark.parametrize("command", [["bash", "-n", ".ci/run"], ["caddy", "validate", "--config", "deploy/Caddyfile"]])
def test_ci_script_and_caddyfile_are_valid(command: list[str]) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]} here")
    found: Any = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_caddyfile_of_the_page_on_proxies_is_valid(tmp_path: Path) -> None:
    if not shutil.which("caddy"):
        pytest.skip("there is no caddy here")
    (block,) = re.findall(r"^```caddyfile\n(.*?)^```$", read("docs/operations/proxy.md"), re.MULTILINE | re.DOTALL)
    (tmp_path / "Caddyfile").write_text(block, encoding="utf-8")
    command = ["caddy", "validate", "--config", str(tmp_path / "Caddyfile")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_ci_can_be_executed() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def _prose(name: str) -> list[str]:
    """The lines of a document without its code, tables and headings."""
    text = re.sub(r"^```.*?^```$", "", read(name), flags=re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if not line.startswith(("|", "#", "    "))]


@pytest.mark.parametrize("name", SHIPPED)
def test_lines_of_a_document_fit_120_columns(name: str) -> None:
    assert not [line for line in _prose(name) if len(line) > 120 and "://" not in line]


def test_a_link_to_a_heading_leads_to_one() -> None:
    for name in SHIPPED:
        for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)", read(name)):
            page = (ROOT / name).parent / target if target else ROOT / name
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
            assert anchor in anchors, (name, target, anchor)


def test_hooks_of_commits_call_programs_of_the_environment() -> None:
    yaml: Any = pytest.importorskip("yaml")
    (repository,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        program = Path(hook["entry"].split()[0])
        assert (hook["language"], str(program.parent)) == ("system", ".venv/bin")
        assert (Path(sys.prefix) / "bin" / program.name).exists(), program


@pytest.mark.parametrize("name", ["workflows/ci.yaml", "ISSUE_TEMPLATE/bug.yml", "ISSUE_TEMPLATE/feature.yml"])
def test_files_for_the_repositorys_host_can_be_read(name: str) -> None:
    yaml: Any = pytest.importorskip("yaml")
    found = yaml.safe_load(read(f".github/{name}"))
    steps = [step.get("run") for step in found["jobs"]["test"]["steps"]] if "jobs" in found else found["body"]
    assert "bash .ci/run" in steps or all({"type", "attributes"} <= step.keys() for step in steps)


def test_the_development_container_forwards_the_port_of_up() -> None:
    assert orjson.loads(read(".devcontainer/devcontainer.json"))["forwardPorts"] == [
        Settings.model_fields["port"].default
    ]


def test_the_units_name_every_secret_that_a_file_may_hold() -> None:
    conf = (ROOT / "deploy/systemd/leadhub-.service.d/common.conf").read_text(encoding="utf-8")
    names = {name.removesuffix("_FILE").lower() for name in SECRET_FILE_NAMES}
    given = set(re.findall(r"^LoadCredential=(\w+):", conf, re.MULTILINE))
    told = set(re.findall(r"\w+", re.findall(r"that you use: (.*)\.", conf)[0]))
    assert given | told == names
    assert not given & told
