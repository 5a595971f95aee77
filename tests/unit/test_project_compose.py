"""compose.yaml, by its own rules; and by Docker's where there is a Docker."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings

pytestmark = pytest.mark.unit
yaml: Any = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {"migrate", "gateway", "api", "worker", "sweeper"}
THEIRS = {"postgres", "broker", "spool", "proxy"}
LASTING = sorted((OURS | THEIRS) - {"migrate"})
SECRET = re.compile(r"password|secret|token|credential", re.IGNORECASE)
GIVEN = {"POSTGRES_PASSWORD": "a", "LEADHUB_SECRET_KEY": "b", "LEADHUB_PUBLIC_URL": "https://crm.example.com"}
COMPOSE = (["docker-compose"], ["docker", "compose"])
# One process a container, whose number --scale says, and its port is the proxy's; `hints` is for the bench.
NOT_IN_CONTAINERS = {"port", "web", "workers", "process_name", "hints"}
OWN = {"DATABASE_URL", "BROKER_URL", "REDIS_URL", "SPOOL_URL", "HOST", "DATA_DIR", "METRICS_DIR", "METRICS_PORT"}
FROM_OUTSIDE = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")


def test_every_part_of_the_design_is_there() -> None:
    assert set(SERVICES) == OURS | THEIRS


@pytest.mark.parametrize("name", LASTING)
def test_it_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "always"
    assert service["healthcheck"].keys() >= {"test", "interval", "timeout", "retries"}


def test_migrations_run_once_ahead_of_every_service() -> None:
    assert SERVICES["migrate"]["restart"] == "on-failure"
    for name in OURS - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_it_has_limits(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert limits.keys() >= {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_its_image_is_pinned_by_tag(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"\d+\.\d+", tag)


@pytest.mark.parametrize("name", sorted(OURS))
def test_ours_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "ports" not in service


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["proxy"]["networks"] == ["frontend"]
    assert FILE["networks"]["backend"] == {"internal": True}


def test_who_sends_can_reach_the_world_and_who_stores_cannot() -> None:
    ways_out = {name for name, network in FILE["networks"].items() if not (network or {}).get("internal")}
    reaching = {name for name, service in SERVICES.items() if ways_out & {*service["networks"]}}
    assert reaching == {"worker", "sweeper", "gateway", "api", "proxy"}


def test_no_secret_is_written_down() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert FROM_OUTSIDE.fullmatch(str(value)), f"{name}: {variable}"
            if credentials := re.search(r"//[^/:@]+:([^@]*)@", str(value)):
                assert FROM_OUTSIDE.fullmatch(credentials[1]), f"{name}: {variable}"


def test_every_setting_reaches_the_services() -> None:
    """From .env or the environment: but for what the file says itself, of the containers' own network and folders."""
    wanted = {f"LEADHUB_{name.upper()}" for name in Settings.model_fields if name not in NOT_IN_CONTAINERS}
    for name in OURS:
        given = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
        assert given.keys() == wanted, name
        passed_on = {key for key, value in given.items() if value.startswith(f"${{{key}:")}
        assert wanted - passed_on == {f"LEADHUB_{own}" for own in OWN}, name


def test_the_spool_is_on_the_disk_before_it_answers_and_the_broker_drops_nothing() -> None:
    spool, broker = (" ".join(SERVICES[name]["command"]) for name in ("spool", "broker"))
    assert "--appendonly yes --appendfsync always" in spool
    assert SERVICES["spool"]["volumes"]
    assert all("--maxmemory-policy noeviction" in command for command in (spool, broker))


def test_the_example_names_every_variable_that_must_be_set() -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert wanted == set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE))


def test_the_proxy_divides_the_work_and_hides_the_figures() -> None:
    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    assert "@gateway path /api/inbound /api/inbound/* /api/v1/health\n" in text
    assert "method POST\n\t\tpath /api/v1/forms/*/submissions\n" in text
    assert "@metrics path /metrics /metrics/*\n" in text
    assert text.index("handle @metrics") < text.index("handle @gateway") < text.index("handle @api")


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "FROM python:3.13-slim" in lines
    assert lines.index("USER leadhub") < lines.index('ENTRYPOINT ["./leadhub"]')


def docker_reads_it(**given: str) -> "subprocess.CompletedProcess[str]":
    """What Docker's Compose, which needs no engine for it, makes of the file with those variables."""
    compose = next((words for words in COMPOSE if shutil.which(words[0])), None)
    if compose is None:
        pytest.skip("there is no Docker Compose here")
    given |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [*compose, "config"]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


def test_docker_reads_it() -> None:
    found = docker_reads_it(**GIVEN, LEADHUB_KEEP_DAYS="7")
    assert found.returncode == 0, found.stderr
    read = yaml.safe_load(found.stdout)["services"]
    assert {str(read[name]["environment"]["LEADHUB_KEEP_DAYS"]) for name in OURS} == {"7"}


@pytest.mark.parametrize("missing", GIVEN)
def test_docker_says_what_is_missing(missing: str) -> None:
    found = docker_reads_it(**{name: value for name, value in GIVEN.items() if name != missing})
    assert found.returncode != 0
    assert missing in found.stderr
