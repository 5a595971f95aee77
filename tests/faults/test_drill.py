"""`./leadhub drill` beside a running LeadHub: nothing of it is touched, and what the copy loses would be seen."""

import json
import os
import signal
import subprocess
import urllib.request
import uuid
from pathlib import Path

import pytest

from cli.drill import drill_copy
from cli.drill.drill_findings import count_findings, read_content
from cli.drill.drill_ledger import DrillLedger
from cli.drill.drill_report import DrillReport
from cli.drill.drill_run import FOLDER_PREFIX, DrillOrder, run_drill
from cli.drill.machine_facts import read_machine
from cli.drill.traffic_shape import usual_shape
from shared.operations.drill_certificates import CodedSentence, read_certificates
from shared.platform.settings import Settings
from tests.support.stack import LAUNCHER, Stack
from tests.support.tenants import create_key
from tests.support.waiting import until

pytestmark = pytest.mark.faults
ROLES = ("gateway", "worker", "sweeper", "postgres", "broker", "spool")
FAULTS = ["none", "kill -9 worker", "kill -9 broker", "kill -9 database", "kill -9 gateway", "restart one by one"]
COUNTED_SQL = (
    "SELECT (SELECT count(*) FROM submissions), (SELECT count(*) FROM leads), (SELECT count(*) FROM audit_log)"
)


def counts_of(stack: Stack) -> object:
    with stack.database() as database:
        return database.execute(COUNTED_SQL).fetchone()


def copies_beside(stack: Stack) -> list[Path]:
    return list(stack.folder.parent.glob(f"{FOLDER_PREFIX}*"))


@pytest.mark.extended
def test_drill_loses_nothing_and_touches_nothing_beside_it(stack: Stack) -> None:
    real = {role: stack.pids(role) for role in ROLES}, counts_of(stack)
    done = stack.run("drill", "--minutes", "0.3", "--rate", "10", "--json")
    certificate = json.loads(done.stdout)
    totals = certificate["totals"]
    assert (totals["lost"], totals["doubled"], totals["given_up"], totals["waiting"]) == (0, 0, 0, 0)
    assert certificate["is_exact"]
    assert [fault["fault"] for fault in certificate["faults"]] == FAULTS
    assert all(fault["accepted"] for fault in certificate["faults"])
    assert totals["accepted"] >= certificate["seconds"] * 10 * 0.9
    assert certificate["command"].endswith(f"drill --minutes 0.3 --rate 10 --data-dir {stack.folder}")
    assert totals["repeats"] > 0
    assert read_certificates(stack.folder)[0].model_dump(mode="json") == certificate
    assert copies_beside(stack) == []
    assert ({role: stack.pids(role) for role in ROLES}, counts_of(stack)) == real


@pytest.mark.extended
def test_a_part_that_stays_away_is_certified(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is back within the time that is allowed here. What was accepted is counted all the same."""
    monkeypatch.setattr(drill_copy, "RETURN_TIMEOUT_SECONDS", 0.0)
    order = DrillOrder(
        settings=Settings(data_dir=stack.folder),
        shape=usual_shape("no_traffic"),
        machine=read_machine(),
        rate=10,
        seconds=20,
        parent=stack.folder.parent,
        other_place=None,
        command="",
    )
    certificate = run_drill(order, DrillReport(stack.folder, order.seconds))
    assert [(fault.fault, fault.is_back) for fault in certificate.faults] == [("none", True), ("kill -9 worker", False)]
    assert certificate.faults[1].note == "the copy's worker did not come back"
    assert certificate.faults[1].coded_note == CodedSentence(code="part_away", values={"part": "worker"})
    assert (certificate.is_exact, certificate.totals.lost, certificate.totals.doubled) == (False, 0, 0)
    assert certificate.totals.accepted
    assert copies_beside(stack) == []


@pytest.mark.extended
def test_an_interrupted_drill_leaves_nothing(stack: Stack) -> None:
    command = [LAUNCHER, "drill", "--minutes", "5", "--rate", "5", "--data-dir", str(stack.folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEADHUB_")}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "kill -9 worker" in line or "posts a second for" in line:
                break
        [folder] = copies_beside(stack)
        second = stack.run("drill", "--minutes", "0.3", check=False)
        assert "another drill of this data dir runs" in second.stderr
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 1
    assert copies_beside(stack) == []
    until(lambda: not processes_of(folder), what="the end of the copy's processes")


def processes_of(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(entry.parent.name)
    return found


async def test_an_id_that_the_database_lacks_is_lost(stack: Stack) -> None:
    """The counting on a real database: one row that no post explains, and one post without a row."""
    slug = f"drill-{uuid.uuid4().hex[:8]}"
    stack.run("workspace", "create", slug, "--name", "Drill")
    with stack.database() as database:
        [workspace_id] = database.execute("SELECT id FROM workspaces WHERE slug = %s", (slug,)).fetchone() or (0,)
    key, _ = create_key(stack.database_url, "*", workspace=slug)
    posts = DrillLedger()
    ids = [post_lead(stack, slug, key, f"drill{number}@example.com") for number in range(3)]
    for submission_id in ids[:2]:
        posts.acknowledge(posts.open_record("api", submission_id, 0.0), submission_id, 1.0)

    async def counts() -> tuple[int, int, int]:
        found = count_findings(posts, await read_content(stack.database_url, stack.spool_url, workspace_id))
        return found.acknowledged, found.lost, found.doubled

    assert await counts() == (2, 0, 1)
    posts.open_record("api", ids[2], 0.0)
    posts.acknowledge(posts.records[2], ids[2], 1.0)
    assert await counts() == (3, 0, 0)
    posts.acknowledge(posts.open_record("api", str(uuid.uuid4()), 0.0), None, 1.0)
    assert await counts() == (4, 1, 0)


def post_lead(stack: Stack, slug: str, key: str, email: str) -> str:
    """Post a lead and return the id of its submission."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    address = f"{stack.base}/api/inbound/leads?tenant={slug}"
    request = urllib.request.Request(address, json.dumps({"email": email}).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["submission_id"])
