"""A drill's certificate for tests of its text, its files and its page."""

from datetime import datetime

from shared.operations.drill_certificates import DrillCertificate, DrillFault, DrillMachine, DrillTotals


def sample_certificate(made_at: datetime, *, lost: int = 0) -> DrillCertificate:
    """A certificate of that time, with so many lost."""
    return DrillCertificate(
        made_at=made_at,
        version="0.1.0",
        other_version="",
        machine=DrillMachine(cores=2, memory_mb=8000, system="Debian", postgresql="18.6"),
        origin="usual values",
        rate=20,
        seconds=180,
        repeat_share=0.2,
        channels={"api": 0.6, "form": 0.25, "webhook": 0.15},
        settings={"workers": "1", "web": "1"},
        faults=[
            DrillFault(
                fault="kill -9 database",
                rounds=1,
                accepted=540,
                refused=2,
                broken=1,
                longest_wait=3.4,
                longest_ingest=3.6,
                back_after=0.2,
            )
        ],
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
