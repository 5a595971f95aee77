"""A certificate as Markdown, for people and for the folder `docs/`. Pure."""

from collections.abc import Iterator

from shared.operations.drill_certificates import DrillCertificate, DrillFault, DrillTotals

TEXT = """\
# Drill of {date}

**{verdict}**{absences} {summary}

A copy of the installation ran beside it on this machine, under load, and its parts were killed.
Each sender kept what it was told. At the end the copy's database was compared with that.
All people were made up, and nothing left the copy.

| | |
|---|---|
{facts}

## Faults

| fault | times | accepted | refused | broken | longest wait | longest until ingested | back after |
|---|---|---|---|---|---|---|---|
{faults}

- *Accepted* are posts whose first try was in that time, and that were acknowledged.
- *Refused* are answers that were not 2xx, *broken* connections that ended without an answer.
  The senders tried again with the same key.
- *Longest wait* is from the first try to the acknowledgement, with all tries in between.
- *Back after* is until a process was there again in place of the one that was ended; after a change of version,
  until all was healthy again.
{notes}
## Counts

| | |
|---|---|
{counts}

## Settings of the copy

| setting | value |
|---|---|
{settings}

## Repeat it

    {command}
"""
EXACT_VERDICT, INEXACT_VERDICT = "Nothing was lost and nothing doubled.", "The drill FAILED."


def certificate_text(certificate: DrillCertificate) -> str:
    """Return the certificate as Markdown."""
    totals = certificate.totals
    counts = {
        "accepted: posts that were acknowledged": totals.accepted,
        "lost: acknowledged, and not in the database with a lead": totals.lost,
        "doubled: one key stored twice, or two leads with one email": totals.doubled,
        "refused: answers that were not 2xx": totals.refused,
        "broken: connections that ended without an answer": totals.broken,
        "given up: never acknowledged, their senders know it": totals.given_up,
        "sent once more after their acknowledgement, with the same key": totals.repeats,
        "held or dead: stored, and no lead yet": totals.held,
        "not ingested five minutes after the end": totals.waiting,
        "missing in the copy's own ledger": totals.unaccounted,
    }
    return TEXT.format(
        date=f"{certificate.made_at:%Y-%m-%d %H:%M} UTC",
        verdict=EXACT_VERDICT if certificate.is_exact else INEXACT_VERDICT,
        absences="".join(f" {each.fault}: {each.note}." for each in certificate.faults if not each.is_back),
        summary=_summary(totals),
        facts=_table_rows(dict(_facts(certificate))),
        faults="\n".join(map(_fault_row, certificate.faults)),
        notes="".join(f"- {each.fault}: {each.note}.\n" for each in certificate.faults if each.note and each.is_back),
        counts=_table_rows({name: f"{count:,}" for name, count in counts.items()}),
        settings=_table_rows({f"`LEADHUB_{name.upper()}`": value for name, value in certificate.settings.items()}),
        command=certificate.command,
    )


def _summary(totals: DrillTotals) -> str:
    counts = {"Accepted": totals.accepted, "lost": totals.lost, "doubled": totals.doubled, "refused": totals.refused}
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) + (
        f", longest wait {totals.longest_wait:.2f} s."
    )


def _facts(certificate: DrillCertificate) -> Iterator[tuple[str, str]]:
    machine = certificate.machine
    channels = ", ".join(f"{share:.0%} {kind}" for kind, share in certificate.channels.items())
    yield "LeadHub", certificate.version
    yield "upgrade", f"to {certificate.other_version} and back" if certificate.other_version else "a restart one by one"
    yield "machine", f"{machine.cores} cores, {machine.memory_mb:,} MB of memory"
    yield "system", machine.system
    yield "PostgreSQL", machine.postgresql
    yield "load", f"{certificate.rate:.1f} posts a second for {certificate.seconds:.0f} s: {channels}"
    yield "people who were known already", f"{certificate.repeat_share:.0%}"
    yield "shape of the load", certificate.origin


def _fault_row(fault: DrillFault) -> str:
    times = "" if fault.back_after is None else f"{fault.back_after:.1f} s"
    cells = (
        fault.fault,
        fault.rounds,
        f"{fault.accepted:,}",
        fault.refused,
        fault.broken,
        f"{fault.longest_wait:.2f} s",
        f"{fault.longest_ingest:.2f} s",
        times,
    )
    return f"| {' | '.join(map(str, cells))} |"


def _table_rows(values: dict[str, str]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in values.items())
