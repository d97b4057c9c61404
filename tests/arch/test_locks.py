"""The locks pin and hash every package, and hold what the project asks for."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.arch.source_tree import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(;\s*(?P<marker>[^\\]+?))?\s*\\?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def _pins(lock: Path) -> dict[str, str]:
    """Return the versions that a lock chooses on this Python."""
    chosen: dict[str, str] = {}
    for line in lock.read_text().splitlines():
        if found := PIN.match(line):
            marker = f"; {found['marker']}" if found["marker"] else ""
            requirement = Requirement(f"{found['name']}=={found['version']} {marker}")
            if requirement.marker is None or requirement.marker.evaluate():
                chosen[canonicalize_name(found["name"])] = found["version"]
    return chosen


def _asked_for(*extras: str) -> list[Requirement]:
    asked = [Requirement(line) for line in requires("runyard") or []]
    return [
        requirement
        for requirement in asked
        if canonicalize_name(requirement.name) != "runyard"
        and (
            requirement.marker is None
            or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        )
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_holds_pins_and_hashes_and_nothing_else(lock: Path):
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not PIN.match(line) and not HASH.match(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_pin_of_a_lock_has_a_hash(lock: Path):
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    followers = [after for line, after in zip(lines, [*lines[1:], ""], strict=True) if PIN.match(line)]
    assert followers
    assert [line for line in followers if not HASH.match(line)] == []


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("server", ["server"]), ("examples", ["server", "examples"]), ("dev", ["server", "examples", "dev"])],
)
def test_a_lock_holds_what_the_project_asks_for(lock: str, extras: list[str]):
    pins = _pins(ROOT / "requirements" / f"{lock}.txt")
    missing = [
        str(requirement)
        for requirement in _asked_for(*extras)
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"))
    ]
    assert missing == [], "run `make lock`"


@pytest.mark.parametrize("lock", ["server", "examples", "uv"])
def test_the_locks_of_the_project_agree(lock: str):
    everything = _pins(ROOT / "requirements" / "dev.txt")
    pins = _pins(ROOT / "requirements" / f"{lock}.txt")
    assert {name: version for name, version in pins.items() if everything.get(name) != version} == {}


@pytest.mark.parametrize("folder", ["studio", "tests/object_stores"])
def test_the_npm_lock_records_no_download_address(folder: str):
    lock = (ROOT / folder / "package-lock.json").read_text()
    assert '"integrity"' in lock
    assert '"resolved"' not in lock


def test_the_server_needs_at_most_twelve_packages_and_the_sdk_five():
    sdk = {requirement.name for requirement in _asked_for()}
    server = {requirement.name for requirement in _asked_for("server")} - sdk
    # A package that another one brings along is named because we import it, and costs nobody anything.
    brought = {
        asked.name
        for each in server
        for asked in map(Requirement, requires(each) or [])
        if asked.marker is None or asked.marker.evaluate({"extra": ""})
    }
    assert len(sdk) <= 5
    assert len(server - brought) <= 12
