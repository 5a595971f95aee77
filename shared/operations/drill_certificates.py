"""Certificates of drills: what one says, and the files of the newest ones in the data dir, which the console shows."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

CERTIFICATES_FOLDER = "drills"
MAX_KEPT_CERTIFICATES = 20
MAX_CERTIFICATE_BYTES = 256 * 1024


class DrillMachine(BaseModel):
    """The machine of a drill. Memory is in MB."""

    model_config = ConfigDict(frozen=True)
    cores: int
    memory_mb: int
    system: str
    postgresql: str


class CodedSentence(BaseModel):
    """An English sentence of a certificate, and what other languages need to say it: its code and its values."""

    model_config = ConfigDict(frozen=True)
    code: str
    values: dict[str, int | float | str] = {}


class DrillFault(BaseModel):
    """What happened during a fault, over all its rounds. Times are in seconds.

    `refused` counts answers that were not 2xx, `broken` connections that ended without an answer; all of these were
    sent again. `longest_wait` is that of a sender for its yes, `longest_ingest` from received to ingested, and
    `back_after` until what was killed was there again. `is_back` is false if it was not: that ended the drill.
    `coded_note` is the note for other languages, where there is one; so is a certificate's `coded_origin`.
    """

    model_config = ConfigDict(frozen=True)
    fault: str
    rounds: int
    accepted: int
    refused: int
    broken: int
    longest_wait: float
    longest_ingest: float
    back_after: float | None
    note: str = ""
    coded_note: CodedSentence | None = None
    is_back: bool = True


class DrillTotals(BaseModel):
    """The counts of a drill. `given_up` are posts that were never told yes, `held` and `waiting` those not done yet.

    `repeats` are posts that were sent once more after their yes.
    """

    model_config = ConfigDict(frozen=True)
    accepted: int
    lost: int
    doubled: int
    refused: int
    broken: int
    given_up: int
    held: int
    waiting: int
    unaccounted: int
    repeats: int
    longest_wait: float
    longest_ingest: float


class DrillCertificate(BaseModel):
    """What a drill did and found. `other_version` is the version it went to and came back from; empty without one."""

    model_config = ConfigDict(frozen=True)
    made_at: datetime
    version: str
    other_version: str
    machine: DrillMachine
    origin: str
    coded_origin: CodedSentence | None = None
    rate: float
    seconds: float
    repeat_share: float
    channels: dict[str, float]
    settings: dict[str, str]
    faults: list[DrillFault]
    totals: DrillTotals
    is_exact: bool
    command: str


def save_certificate(data_dir: Path, certificate: DrillCertificate) -> Path:
    """Write the certificate into the data dir, remove those beyond the newest ones, and return the path."""
    folder = data_dir / CERTIFICATES_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{certificate.made_at:%Y-%m-%dT%H%M%SZ}.json"
    side = path.with_suffix(".part")
    side.write_text(certificate.model_dump_json(indent=2) + "\n")
    side.rename(path)
    for old in _certificate_files(folder)[MAX_KEPT_CERTIFICATES:]:
        old.unlink(missing_ok=True)
    return path


def read_certificates(data_dir: Path, limit: int = MAX_KEPT_CERTIFICATES) -> list[DrillCertificate]:
    """Return the newest certificates of the data dir, the newest first. Files that are none are left out."""
    return list(_readable_certificates(_certificate_files(data_dir / CERTIFICATES_FOLDER)[:limit]))


def _readable_certificates(files: list[Path]) -> Iterator[DrillCertificate]:
    for file in files:
        try:
            with file.open("rb") as content:
                yield DrillCertificate.model_validate_json(content.read(MAX_CERTIFICATE_BYTES))
        except (OSError, ValidationError):
            continue


def _certificate_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), reverse=True)
