"""The drill's own judgement: what it counts as lost and doubled, and that its copy leads nowhere."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from cli.drill.copy_settings import COPIED_SETTINGS, NOWHERE_URL, copy_environment, outside_settings
from cli.drill.drill_command import drill, show_certificate
from cli.drill.drill_copy import THIS_VERSION_COMMAND, DrillCopy
from cli.drill.drill_faults import command_of_version
from cli.drill.drill_findings import CopyContent, DrillFindings, StoredSubmission, count_findings
from cli.drill.drill_ledger import DrillLedger
from cli.drill.machine_facts import CopyNeeds, MachineFacts, copy_needs, missing_needs
from cli.drill.made_up_posts import MadeUpPost, PostMaker, PostTargets
from cli.drill.traffic_shape import CHANNEL_KINDS, usual_shape
from shared import __version__
from shared.platform.setting_checks import ALLOWED_SCHEMES
from shared.platform.settings import Settings
from tests.support.drill_samples import sample_certificate

pytestmark = pytest.mark.unit
SECRET = "real-secret"  # stands in every value of the real settings that must not reach the copy
TARGETS = PostTargets(1, "key", 2, 3, "/api/webhooks/token", "webhook-secret")


def ledger_of(*ids: str) -> DrillLedger:
    ledger = DrillLedger()
    for id_ in ids:
        ledger.acknowledge(ledger.open_record("api", id_, 0.0), id_, 1.0)
    return ledger


def findings_of(ledger: DrillLedger, stored: dict[str, StoredSubmission], twin_leads: int = 0) -> DrillFindings:
    return count_findings(ledger, CopyContent(stored, twin_leads, 0, 0))


DONE = StoredSubmission(1, True, True, 0.1)


def test_what_is_stored_once_is_exact() -> None:
    findings = findings_of(ledger_of("a", "b"), {"a": DONE, "b": DONE})
    assert (findings.acknowledged, findings.lost, findings.doubled, findings.is_exact) == (2, 0, 0, True)


@pytest.mark.parametrize("stored", [{}, {"b": DONE._replace(has_lead=False)}])
def test_an_acknowledged_id_without_its_row_or_lead_is_lost(stored: dict[str, StoredSubmission]) -> None:
    findings = findings_of(ledger_of("a", "b"), {"a": DONE, **stored})
    assert (findings.lost, findings.doubled, findings.is_exact) == (1, 0, False)


def test_what_was_never_acknowledged_is_not_lost() -> None:
    ledger = ledger_of("a")
    ledger.open_record("api", "b", 0.0)
    findings = findings_of(ledger, {"a": DONE})
    assert (findings.lost, findings.given_up, findings.is_exact) == (0, 1, True)


@pytest.mark.parametrize(
    ("twin_leads", "stored"),
    [(0, {"a": DONE._replace(rows=2)}), (1, {"a": DONE}), (0, {"a": DONE, "stranger": DONE})],
    ids=["two rows", "two leads", "a row that nobody posted"],
)
def test_each_kind_of_double_is_counted(twin_leads: int, stored: dict[str, StoredSubmission]) -> None:
    findings = findings_of(ledger_of("a"), stored, twin_leads)
    assert (findings.lost, findings.doubled, findings.is_exact) == (0, 1, False)


def test_a_key_that_was_told_another_id_is_doubled() -> None:
    ledger = ledger_of("a")
    ledger.acknowledge(ledger.records[0], "z", 2.0)
    assert findings_of(ledger, {"a": DONE}).doubled == 1


def test_what_waits_at_the_end_is_not_exact() -> None:
    assert not count_findings(ledger_of("a"), CopyContent({"a": DONE}, 0, 1, 0)).is_exact


def real_settings() -> Settings:
    """Settings of an installation in which each setting that can name a place names one, with a secret in it."""
    urls: dict[str, Any] = {
        name: f"{schemes[0]}user:{SECRET}@crm.example.com/1" for name, schemes in ALLOWED_SCHEMES.items()
    }
    return Settings(
        **urls,
        allowed_targets=f"{SECRET}.example.com",
        alarm_email=f"{SECRET}@example.com",
        mail_from=f"{SECRET}@example.com",
        hosts=f"{SECRET}.example.com",
        trusted_proxies="10.9.8.0/24",
        secret_key=SecretStr(f"{SECRET}-{SECRET}"),
        files_dir=f"/{SECRET}",
        metrics_dir=f"/{SECRET}",
        data_dir=Path(f"/{SECRET}"),
        host="0.0.0.0",
        flush_timeout=0.7,
        workers=3,
    )


def copied(settings: Settings) -> dict[str, str]:
    return copy_environment(settings, folder=Path("/copy"), port=20_001, workers=3, gateways=2)


def test_copy_takes_how_services_work_and_no_place_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as inherited:
        for name in ("LEADHUB_DATABASE_URL", "LEADHUB_SMTP_URL", "PGHOST", "HTTPS_PROXY"):
            inherited.setenv(name, f"postgresql://user:{SECRET}@crm.example.com/1")
        environment = copied(real_settings())
    assert outside_settings(environment) == []
    assert not [name for name, value in environment.items() if SECRET in value or "example.com" in value]
    assert not {"PGHOST", "HTTPS_PROXY"} & environment.keys()
    assert environment["LEADHUB_FLUSH_TIMEOUT"] == "0.7"
    assert (environment["LEADHUB_WORKERS"], environment["LEADHUB_WEB"]) == ("3", "2")
    values: dict[str, Any] = {name.removeprefix("LEADHUB_").lower(): value for name, value in environment.items()}
    read = Settings(**values)
    assert [value for value in vars(read).values() if "://" in str(value) and value != NOWHERE_URL] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, f"{schemes[0]}crm.example.com/x") for name, schemes in ALLOWED_SCHEMES.items()),
        ("database_url", "postgresql://127.0.0.1/leadhub"),
        ("broker_url", "redis+socket:///run/broker.sock"),
        ("host", "0.0.0.0"),
        ("allowed_targets", "10.0.0.0/8"),
        ("secret_key", SECRET),
    ],
)
def test_a_setting_that_leads_outside_is_noticed(name: str, value: str) -> None:
    assert outside_settings({**copied(Settings()), f"LEADHUB_{name.upper()}": value}) == [name]


def test_copied_settings_name_no_place() -> None:
    kinds = {name: Settings.model_fields[name].annotation for name in COPIED_SETTINGS}
    assert [name for name, kind in kinds.items() if kind is str] == ["embedded_postgres"]  # programs of this machine


def posts_of(seed: int, count: int = 300) -> list[MadeUpPost]:
    posts = PostMaker(usual_shape("no_traffic"), TARGETS, seed).make_posts()
    return [next(posts) for _ in range(count)]


def test_posts_come_by_all_channels_each_under_a_key_of_its_own() -> None:
    posts = posts_of(7)
    assert {post.kind for post in posts} == set(CHANNEL_KINDS)
    assert len({post.submission_id for post in posts}) == len(posts)
    assert [post.body for post in posts] == [post.body for post in posts_of(7)]
    assert [post.submission_id for post in posts] != [post.submission_id for post in posts_of(8)]


def test_bodies_have_the_sizes_of_their_channel() -> None:
    sizes = sorted(len(post.body) for post in posts_of(1) if post.kind == "api")
    assert sizes[0] >= 150
    assert sizes[-1] <= 1600
    assert sizes[-1] >= 1400


def test_a_machine_that_is_too_small_is_named(tmp_path: Path) -> None:
    assert missing_needs(CopyNeeds(1, 1), MachineFacts(2, 1000, 500, ""), tmp_path) == []
    problems = missing_needs(CopyNeeds(501, 1 << 40), MachineFacts(2, 1000, 500, ""), tmp_path)
    assert [problem.rpartition(", and ")[0].split()[-2] for problem in problems] == ["of", "of"]
    assert copy_needs(100_000, 2).disk_mb > copy_needs(1000, 2).disk_mb


def test_another_version_is_a_checkout_a_wheel_or_a_command(tmp_path: Path) -> None:
    launcher = tmp_path / "leadhub"
    launcher.write_text("")
    launcher.chmod(0o700)
    assert command_of_version(tmp_path, tmp_path)[-1] == str(launcher)
    assert command_of_version(launcher, tmp_path) == (str(launcher),)
    empty: Any = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="neither a checkout"):
        command_of_version(empty, tmp_path)


@pytest.mark.parametrize(
    ("name", "problem"), [("notes.txt", "a command that may be run"), ("a.whl", "is not a whole wheel of LeadHub")]
)
def test_a_file_that_is_no_version_is_refused(tmp_path: Path, name: str, problem: str) -> None:
    place = tmp_path / name
    place.write_text("notes")
    with pytest.raises(ValueError, match=problem):
        command_of_version(place, tmp_path)


def test_a_directory_is_no_wheel(tmp_path: Path) -> None:
    place = tmp_path / "a.whl"
    place.mkdir()
    with pytest.raises(ValueError, match="is not a whole wheel of LeadHub"):
        command_of_version(place, tmp_path)


@pytest.mark.parametrize("command", ["/bin/false", "/bin/ls", "/absent"])
def test_a_program_that_is_not_leadhub_has_no_version(tmp_path: Path, command: str) -> None:
    copy = DrillCopy(tmp_path, {})
    copy.command = (command,)
    with pytest.raises(ValueError, match="is no command of LeadHub"):
        copy.version()
    copy.command = THIS_VERSION_COMMAND
    assert copy.version() == __version__


@pytest.mark.parametrize("option", ["--minutes", "--rate"])
def test_a_drill_without_a_number_is_refused(option: str) -> None:
    done = CliRunner().invoke(drill, [option, "nan"])
    assert (done.exit_code, "is not a number" in done.output) == (2, True)


@pytest.mark.parametrize("out", ["", "/absent/certificate.md"])
def test_a_certificate_that_cannot_be_written_is_refused_before_the_drill(out: str) -> None:
    done = CliRunner().invoke(drill, ["--out", out])
    assert (done.exit_code, "name a file in a folder that is there" in done.output) == (2, True)


def test_a_certificate_whose_file_fails_at_the_end_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="the certificate went to stdout"):
        show_certificate(sample_certificate(datetime.now(UTC)), Path("/dev/full"), as_json=False)
    assert "Drill of" in capsys.readouterr().out
