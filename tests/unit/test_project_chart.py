"""The Helm chart and the systemd units, by their own tools where these are there."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.env_file import SECRET_FILE_NAMES
from shared.platform.installation import PROJECT_ROOT
from shared.platform.observability import metrics

pytestmark = pytest.mark.unit
yaml: Any = pytest.importorskip("yaml")

CHART = PROJECT_ROOT / "deploy" / "helm" / "leadhub"
UNITS = PROJECT_ROOT / "deploy" / "systemd"
SERVICES = {"gateway", "api", "console", "worker", "sweeper"}
# Every part that an adopter may switch on.
EVERYTHING = (
    *("publicUrl=https://crm.example.com", "ingress.enabled=true", "ingress.host=crm.example.com"),
    *("ingress.tlsSecret=crm-tls", "gateway.autoscaling.enabled=true", "api.autoscaling.enabled=true"),
    *("worker.autoscaling.enabled=true", "proxy.networks={10.244.0.0/16}", "proxy.frontProxies={10.1.0.0/16}"),
    *("image.pullSecrets[0].name=registry", 'settings={"KEEP_DAYS": "30"}'),
)
OF_PROMETHEUS = ("monitoring.serviceMonitor=true", "monitoring.prometheusRule=true")  # kinds that its operator brings

needs_helm = pytest.mark.skipif(not shutil.which("helm"), reason="helm is not installed")


def run_helm(*arguments: str, values: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """What helm says of the chart."""
    chosen = [part for value in values for part in ("--set-json" if '"' in value else "--set", value)]
    return subprocess.run(["helm", *arguments, *chosen], capture_output=True, text=True, timeout=60, check=False)


def render(*values: str) -> list[dict[str, Any]]:
    """The objects that an installation makes."""
    ran = run_helm("template", "crm", str(CHART), values=values)
    assert ran.returncode == 0, ran.stderr
    return [one for one in yaml.safe_load_all(ran.stdout) if one]


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pods' specifications, by the names of what makes them."""
    makers = [one for one in objects if one["kind"] in ("Deployment", "Job")]
    return {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in makers}


@needs_helm
def test_helm_finds_nothing_in_the_chart() -> None:
    ran = run_helm("lint", "--strict", str(CHART), values=(*EVERYTHING, *OF_PROMETHEUS))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "[WARNING]" not in ran.stdout


@needs_helm
@pytest.mark.skipif(not shutil.which("kubernetes-validate"), reason="kubernetes-validate is not installed")
def test_every_object_is_one_that_kubernetes_knows(tmp_path: Path) -> None:
    (tmp_path / "objects.yaml").write_text(run_helm("template", "crm", str(CHART), values=EVERYTHING).stdout)
    ran = subprocess.run(
        ["kubernetes-validate", "--strict", str(tmp_path / "objects.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (ran.stdout + ran.stderr).count(" passed for resource ") == len(render(*EVERYTHING))


@needs_helm
def test_each_service_has_pods_that_are_not_root_and_change_nothing() -> None:
    found = pods(render(*EVERYTHING))
    assert found.keys() == {f"crm-{name}" for name in SERVICES | {"migrate", "proxy"}}
    for name, spec in found.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"].keys() == {"requests", "limits"}, name


@needs_helm
def test_secrets_are_files_and_stand_in_no_environment() -> None:
    for name, spec in pods(render(*EVERYTHING)).items():
        if name == "crm-proxy":
            continue
        (container,) = spec["containers"]
        variables = {one["name"]: one["value"] for one in container["env"]}
        secrets = {f"LEADHUB_{one}" for one in SECRET_FILE_NAMES}
        assert not {one.removesuffix("_FILE") for one in secrets} & variables.keys(), name
        named = {variables[one] for one in secrets & variables.keys()}
        (volume,) = [one["secret"] for one in spec["volumes"] if "secret" in one]
        assert named == {f"/run/secrets/leadhub/{item['path']}" for item in volume["items"]}, name
        assert variables["LEADHUB_KEEP_DAYS"] == "30", name
        assert variables["LEADHUB_TRUSTED_PROXIES"] == "10.244.0.0/16,10.1.0.0/16", name


@needs_helm
def test_workers_scale_by_the_age_of_the_oldest_waiting_lead() -> None:
    scaling = {one["metadata"]["name"]: one for one in render(*EVERYTHING) if one["kind"] == "HorizontalPodAutoscaler"}
    assert scaling.keys() == {"crm-gateway", "crm-api", "crm-worker"}
    (metric,) = scaling["crm-worker"]["spec"]["metrics"]
    (known,) = metrics.OLDEST_WAITING_SECONDS.collect()
    assert metric["external"]["metric"]["name"] == known.name
    fixed = {one["metadata"]["name"]: one for one in render(*EVERYTHING) if one["kind"] == "Deployment"}
    assert [name for name in scaling if "replicas" in fixed[name]["spec"]] == []


@needs_helm
def test_prometheus_finds_the_metrics_and_the_alerts() -> None:
    objects = {one["kind"]: one for one in render(*EVERYTHING, *OF_PROMETHEUS, "monitoring.labels.release=ours")}
    alerts = yaml.safe_load((PROJECT_ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))
    assert objects["PrometheusRule"]["spec"] == alerts
    assert objects["ServiceMonitor"]["metadata"]["labels"]["release"] == "ours"


@needs_helm
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("publicUrl=crm.example.com", "publicUrl"),
        ("worker.replica=3", "replica"),
        ("settings.SECRET_KEY=abc", "SECRET_KEY"),
        ("settings.KEEP_DAYS=30", "KEEP_DAYS"),
        ("image.digest=abc", "digest"),
    ],
)
def test_a_value_that_is_wrong_is_named(value: str, said: str) -> None:
    ran = run_helm("template", "crm", str(CHART), values=("publicUrl=https://crm.example.com", value))
    assert ran.returncode == 1
    assert said in ran.stderr


def test_the_charts_secrets_are_the_settings_that_may_be_files() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))["properties"]
    names = [name.removesuffix("_FILE") for name in SECRET_FILE_NAMES]
    assert schema["secret"]["properties"]["keys"]["items"]["enum"] == names
    assert schema["settings"]["propertyNames"]["not"]["enum"] == names


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """The launcher is at another place here than the one that the units name."""
    folder = shutil.copytree(UNITS, tmp_path / "units")
    for unit in folder.glob("*.service"):
        unit.write_text(unit.read_text(encoding="utf-8").replace("/opt/leadhub/leadhub", str(PROJECT_ROOT / "leadhub")))
    units = sorted(str(unit) for unit in folder.glob("leadhub*.*") if unit.is_file())
    assert {Path(unit).stem.removeprefix("leadhub-").removesuffix("@") for unit in units} == {
        *SERVICES,
        "migrate",
        "leadhub",
    }
    env = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    ran = subprocess.run(
        ["systemd-analyze", "verify", *units], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
