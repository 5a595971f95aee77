"""The `Prefer` header (RFC 7240): `respond-async` and `wait=N`."""

from functools import lru_cache

from multidict import MultiMapping

DEFAULT_WAIT_SECONDS = 10.0
MAX_WAIT_SECONDS = 30.0


def seconds_to_wait(headers: MultiMapping[str]) -> float:
    """Return how many seconds the caller wants to wait for the verdict; 0 means not at all.

    `wait` is limited to 1 to 30. Unreadable preferences are ignored, as the RFC demands. If both are sent,
    `respond-async` wins: RFC 7240 section 4.3 reads the pair as "answer 202 after N seconds", and an immediate 202
    fulfils that. Several lines of the header form one list (section 2).
    """
    return _parse_wait(*headers.getall("Prefer", ()))


@lru_cache(maxsize=256)
def _parse_wait(*lines: str) -> float:
    wait = DEFAULT_WAIT_SECONDS
    for preference in ",".join(lines).lower().split(","):
        name, _, value = preference.partition(";")[0].strip().partition("=")
        if name.strip() == "respond-async":
            return 0.0
        digits = value.strip().strip('"')
        if name.strip() == "wait" and digits.isascii() and digits.isdigit():
            wait = min(max(float(digits), 1.0), MAX_WAIT_SECONDS)
    return wait
