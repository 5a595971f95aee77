"""A drill's certificate for tests of its text, its files and its page."""

from datetime import UTC, datetime, timedelta

from shared.operations.drill_certificates import (
    CodedSentence,
    DrillCertificate,
    DrillFault,
    DrillMachine,
    DrillTotals,
)
from shared.operations.drill_progress import DrillProgress

SAMPLE_FAULTS = [
    DrillFault(
        fault="kill -9 database",
        rounds=1,
        accepted=540,
        refused=2,
        broken=1,
        longest_wait=3.4,
        longest_ingest=3.6,
        back_after=0.2,
    ),
    DrillFault(
        fault="restart one by one",
        rounds=1,
        accepted=540,
        refused=0,
        broken=0,
        longest_wait=0.4,
        longest_ingest=0.5,
        back_after=0.3,
        note="the same version: no other one was given",
        coded_note=CodedSentence(code="same_version"),
    ),
]


def sample_certificate(made_at: datetime, *, lost: int = 0) -> DrillCertificate:
    """A certificate of that time, with so many lost."""
    return DrillCertificate(
        made_at=made_at,
        version="0.1.0",
        other_version="",
        machine=DrillMachine(cores=2, memory_mb=8000, system="Debian", postgresql="18.6"),
        origin="usual values: the installation had no traffic in the last hour",
        coded_origin=CodedSentence(code="no_traffic"),
        rate=20,
        seconds=180,
        repeat_share=0.2,
        channels={"api": 0.6, "form": 0.25, "webhook": 0.15},
        settings={"workers": "1", "web": "1"},
        faults=list(SAMPLE_FAULTS),
        totals=DrillTotals(
            accepted=3600,
            lost=lost,
            doubled=0,
            refused=2,
            broken=1,
            given_up=0,
            held=0,
            waiting=0,
            unaccounted=0,
            repeats=360,
            longest_wait=3.4,
            longest_ingest=3.6,
        ),
        is_exact=not lost,
        command="./leadhub drill --minutes 3 --rate 20",
    )


def sample_progress(phase: str, seconds: float = 65) -> DrillProgress:
    """How far a drill is that started so many seconds ago and takes 220."""
    now = datetime.now(UTC)
    return DrillProgress(
        started_at=now - timedelta(seconds=seconds),
        noted_at=now,
        phase=phase,
        round=2,
        rounds=3,
        elapsed=seconds,
        expected=220,
        accepted=1234,
        sent_again=7,
    )
