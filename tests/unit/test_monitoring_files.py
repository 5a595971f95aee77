"""Dashboards and alert rules: their form, their metrics, and when each alert fires."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from services.workers.alarms.alarm_rules import ALARM_RULES
from shared.operations import alarm_thresholds
from shared.platform.installation import PROJECT_ROOT
from tests.support.dashboards import DASHBOARD_FILES, DASHBOARD_SCHEMA, dashboard_queries, read_dashboard

pytestmark = pytest.mark.unit
yaml: Any = pytest.importorskip("yaml")

ALERTS_FILE = PROJECT_ROOT / "deploy" / "alerts.yml"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS_FILE.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
METRICS = set(
    re.findall(
        r'"(leadhub_[a-z_]+)"', (PROJECT_ROOT / "shared/platform/observability/metrics.py").read_text(encoding="utf-8")
    )
)
DEAD = 'leadhub_ledger{state="dead"}'
CHECKED, FRESH = "leadhub_alarms_checked_timestamp_seconds", "0+15x80"  # a sample every 15 s, from the time 0 on

# By alert: its series while it is bad and while all is well, a moment at which it does not fire yet, and the first at
# which it does.
CASES: list[tuple[str, dict[str, str], dict[str, str], str, str]] = [
    ("LeadHubPostgresqlAway", {"leadhub_postgresql_up": "0x80"}, {"leadhub_postgresql_up": "1x80"}, "15s", "30s"),
    ("LeadHubUnaccounted", {"leadhub_unaccounted": "-2x80"}, {"leadhub_unaccounted": "0x80"}, "105s", "2m"),
    (
        "LeadHubOldestWaiting",
        {"leadhub_oldest_waiting_seconds": "11x80"},
        {"leadhub_oldest_waiting_seconds": "10x80"},
        "45s",
        "1m",
    ),
    ("LeadHubNoWorkers", {"leadhub_workers": "0x80"}, {"leadhub_workers": "1x80"}, "45s", "1m"),
    ("LeadHubDeadLetters", {DEAD: "5x4 6x80"}, {DEAD: "5x80"}, "1m", "75s"),
    ("LeadHubSpooling", {"leadhub_spooled": "1x80"}, {"leadhub_spooled": "0x80"}, "45s", "1m"),
    (
        "LeadHubDiskFull",
        {"leadhub_data_dir_used_ratio": "0.91x80"},
        {"leadhub_data_dir_used_ratio": "0.9x80"},
        "285s",
        "5m",
    ),
    (
        "LeadHubDiffering",
        {"leadhub_differing_settings": "1x80"},
        {"leadhub_differing_settings": "1x40 0x40"},  # for as long as a process that is gone is compared
        "885s",
        "15m",
    ),
    ("LeadHubRefusing", {"leadhub_refused_total": "7x4 9x80"}, {"leadhub_refused_total": "7x80"}, "1m", "75s"),
    ("LeadHubSweeperSilent", {CHECKED: "0x80"}, {CHECKED: FRESH}, "4m", "255s"),
    ("LeadHubSweeperSilent", {}, {CHECKED: FRESH}, "105s", "2m"),
]


def run_promtool(*words: str) -> None:
    if not shutil.which("promtool"):
        pytest.skip("there is no promtool here")
    found = subprocess.run(["promtool", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def firing_test(series: dict[str, str], at: dict[str, list[str]]) -> dict[str, Any]:
    """A test of promtool: the names of the alerts that fire at each time."""
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in RULES}
    return {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'ALERTS{alertstate="firing"}',
                "eval_time": time,
                "exp_samples": [
                    {
                        "labels": f'ALERTS{{alertname="{name}",alertstate="firing",severity="{severities[name]}"}}',
                        "value": 1,
                    }
                    for name in names
                ],
            }
            for time, names in at.items()
        ],
    }


@pytest.mark.parametrize("path", DASHBOARD_FILES, ids=lambda path: path.stem)
def test_dashboard_has_the_form_that_grafana_imports(path: Path) -> None:
    board = read_dashboard(path)
    errors = [error.message for error in jsonschema_rs.validator_for(DASHBOARD_SCHEMA).iter_errors(board)]
    assert errors == []
    assert board["uid"] == path.stem
    assert [id_ for id_, n in Counter(panel["id"] for panel in board["panels"]).items() if n > 1] == []


@pytest.mark.parametrize("path", DASHBOARD_FILES, ids=lambda path: path.stem)
def test_panels_do_not_overlap(path: Path) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in read_dashboard(path)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]


def test_dashboards_and_alerts_name_metrics_that_exist() -> None:
    expressions = [expression for _, expression in dashboard_queries()] + [rule["expr"] for rule in RULES]
    named = set(re.findall(r"leadhub_[a-z_]+", " ".join(expressions)))
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} - METRICS == set()
    assert METRICS - {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} == set(), "shown nowhere"


def test_alerts_say_what_to_do_in_a_chapter_that_exists() -> None:
    text = (PROJECT_ROOT / "docs" / "operations" / "monitoring.md").read_text(encoding="utf-8")
    assert "\n## Alarms\n" in text
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert {*rule["annotations"]} == {"summary", "description", "runbook"}
        code = rule["annotations"]["runbook"].rpartition(" ")[2]
        assert f"| `{code}` |" in text


def test_prometheus_alerts_on_all_that_the_sweeper_watches() -> None:
    codes = {rule["annotations"]["runbook"].rpartition(" ")[2]: rule for rule in RULES}
    assert {rule.code for rule in ALARM_RULES} == codes.keys() - {"refusing", "sweeper_silent"}
    seconds = {None: 0, "30s": 30, "1m": 60, "2m": 120, "5m": 300, "15m": 900}
    assert {rule.code: rule.hold_seconds for rule in ALARM_RULES} == {
        rule.code: seconds[codes[rule.code].get("for")] for rule in ALARM_RULES
    }


def test_prometheus_alerts_at_the_thresholds_of_the_sweeper() -> None:
    limits = {rule["alert"]: float(rule["expr"].rpartition(" > ")[2]) for rule in RULES if " > " in rule["expr"][-6:]}
    assert limits["LeadHubOldestWaiting"] == alarm_thresholds.MAX_WAITING_SECONDS
    assert limits["LeadHubDiskFull"] == alarm_thresholds.MAX_DISK_USED_RATIO
    (window,) = re.findall(r"\[(\d+)m\]", next(rule["expr"] for rule in RULES if rule["alert"] == "LeadHubDeadLetters"))
    assert int(window) * 60 == alarm_thresholds.GROWTH_WINDOW_SECONDS


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    run_promtool("check", "rules", "deploy/alerts.yml")
    run_promtool("check", "config", "deploy/prometheus.yml")


def test_every_alert_has_a_case() -> None:
    assert {name for name, *_ in CASES} == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize(("name", "bad", "well", "before", "after"), CASES)
def test_alert_fires_alone_after_its_time_and_never_while_all_is_well(
    tmp_path: Path, name: str, bad: dict[str, str], well: dict[str, str], before: str, after: str
) -> None:
    fresh = {} if name == "LeadHubSweeperSilent" else {CHECKED: FRESH}
    tests = [
        firing_test({**fresh, **bad}, {before: [], after: [name]}),
        firing_test({**fresh, **well}, {time: [] for time in ("0s", "1m", "5m", "10m", "20m")}),
    ]
    file = tmp_path / "tests.yml"
    file.write_bytes(orjson.dumps({"rule_files": [str(ALERTS_FILE)], "evaluation_interval": "15s", "tests": tests}))
    run_promtool("test", "rules", str(file))


def test_dead_letters_alert_ends_when_no_more_die(tmp_path: Path) -> None:
    tests = [firing_test({CHECKED: FRESH, DEAD: "5x4 6x80"}, {"10m": ["LeadHubDeadLetters"], "17m": []})]
    file = tmp_path / "tests.yml"
    file.write_bytes(orjson.dumps({"rule_files": [str(ALERTS_FILE)], "evaluation_interval": "15s", "tests": tests}))
    run_promtool("test", "rules", str(file))
