"""The machine of a drill: what it is, what is free on it, and what a copy needs of that."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

BASE_MEMORY_MB, MEMORY_MB_PER_PROCESS = 450, 130  # of a copy's servers, and of each worker and gateway
BASE_DISK_MB, DISK_BYTES_PER_LEAD = 300, 24_000  # of an empty copy, and of each lead with its part of the log of writes
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class MachineFacts:
    """A machine. Memory is in MB; `cores` are those that this process may use."""

    cores: int
    memory_mb: int
    free_memory_mb: int
    system: str


@dataclass(frozen=True)
class CopyNeeds:
    """Memory and disk that a copy needs, in MB."""

    memory_mb: int
    disk_mb: int


def read_machine() -> MachineFacts:
    """Return the facts of this machine, within the limits of its container."""
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(lines[name].split()[0]) // 1024 for name in ("MemTotal", "MemAvailable"))
    limit = _container_limit_mb()
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    system = f"{release.get('PRETTY_NAME', platform.system())}, kernel {platform.release()}, {platform.machine()}"
    return MachineFacts(len(os.sched_getaffinity(0)), min(total, limit), min(free, limit), system)


def copy_needs(leads: float, processes: int) -> CopyNeeds:
    """Return the needs of a copy with so many workers and gateways that takes so many leads."""
    disk = BASE_DISK_MB + int(leads * DISK_BYTES_PER_LEAD / 1_000_000)
    return CopyNeeds(BASE_MEMORY_MB + processes * MEMORY_MB_PER_PROCESS, disk)


def missing_needs(needs: CopyNeeds, machine: MachineFacts, folder: Path) -> list[str]:
    """Return a sentence for each need that this machine does not meet."""
    free_disk = shutil.disk_usage(folder).free // 1_000_000
    problems = []
    if free_disk < needs.disk_mb:
        problems.append(f"the drill needs {needs.disk_mb:,} MB of disk, and {folder} has {free_disk:,} MB free")
    if machine.free_memory_mb < needs.memory_mb:
        problems.append(f"the drill needs {needs.memory_mb:,} MB of memory, and {machine.free_memory_mb:,} MB are free")
    return problems


def _container_limit_mb() -> int:
    """Return the container's limit of memory in MB; a huge number without one."""
    for path in map(Path, CGROUP_LIMITS):
        if path.exists() and (text := path.read_text().strip()).isdecimal():
            return int(text) // (1024 * 1024)
    return 1 << 40
