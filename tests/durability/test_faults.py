"""A fault at the Nth thing that is written: the old state or the new one, a retry hint, and it heals."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from runyard.app import open_stores
from runyard.errors import StorageFull, Unavailable
from runyard.services.integrity import check_integrity
from runyard.settings import Durability, Mode, Settings
from runyard.stores.artifacts.paths import ArtifactPath
from runyard.stores.opening import Stores
from tests.durability.faulty_disk import FaultyDisk, faulty_disk
from tests.sample_home import KEYS, batch_of, filled_home, fold

# Read here, since the environment is scrubbed before a test runs.
EVERY = int(os.environ.get("RUNYARD_FAULTS", "50"))
LAST = 500
ROUNDS = 8
KINDS = {
    "a fault that passes": {"stays": False, "is_full": False},
    "a disk that stays broken": {"stays": True, "is_full": False},
    "a disk that stays full": {"stays": True, "is_full": True},
}

pytestmark = [pytest.mark.slow, pytest.mark.scaled]


class Scenario:
    """Does a bit of everything, and knows what was acknowledged and what may have come through."""

    def __init__(self, stores: Stores, run_id: str, seed: int) -> None:
        self.stores = stores
        self.run_id = run_id
        self.sure: list[str] = []
        self.unsure: list[str] = []
        self.files: dict[str, set[bytes | None]] = {}
        self.surprises: list[BaseException] = []
        self._draw = random.Random(seed)
        self._number = 0

    def play(self) -> None:
        """Do all of it, whatever fails."""
        for _ in range(ROUNDS):
            for act in (
                self._log,
                self._put,
                self._log,
                self._settle,
                self._fold,
                self._put,
                self._checkpoint,
            ):
                act()

    def _log(self) -> None:
        self._number += 1
        number = self._number
        batch = batch_of(self._draw, KEYS[0], range(10_000 + number * 10, 10_010 + number * 10))

        def change() -> None:
            with self.stores.atomic():
                self.stores.metadata.runs.add_params(self.run_id, {f"param-{number}": "x" * 3000})
                self.stores.metrics.append(self.run_id, batch)
                self.stores.metadata.runs.set_tags(self.run_id, {f"tag-{number}": "y"})

        (self.sure if self._tried(change) else self.unsure).append(str(number))

    def _put(self) -> None:
        name, content = f"file-{self._draw.randrange(3)}", self._draw.randbytes(3000)

        def change() -> None:
            with self.stores.artifacts.create(_place(name)) as upload:
                upload.write(content[:1000])
                upload.write(content[1000:])
                upload.commit()

        before = self.files.get(name, {None})
        self.files[name] = {content} if self._tried(change) else before | {content}

    def _settle(self) -> None:
        self._tried(lambda: self.stores.upkeep.tick())

    def _fold(self) -> None:
        self._tried(lambda: fold(self.stores, self.run_id))

    def _checkpoint(self) -> None:
        self._tried(lambda: self.stores.database.give_back_room(is_idle=True))

    def _tried(self, change: Callable[[], None]) -> bool:
        try:
            change()
        except (StorageFull, Unavailable):
            return False
        except Exception as error:  # noqa: BLE001 - any other answer is what the test is about
            self.surprises.append(error)
            return False
        return True

    def expect_all(self, stores: Stores) -> None:
        """What was acknowledged is there; what was not is there as a whole or not at all."""
        contents = stores.metadata.runs.read_contents([self.run_id])[self.run_id]
        numbers = {key.removeprefix("param-") for key in contents.params if key.startswith("param-")}
        assert set(self.sure) <= numbers <= set(self.sure) | set(self.unsure)
        assert numbers == {key.removeprefix("tag-") for key in contents.tags if key.startswith("tag-")}
        steps = Counter(point.step for point in stores.metrics.read_history(self.run_id, KEYS[0]))
        logged = Counter({step: count for step, count in steps.items() if step >= 10_000})
        assert logged == Counter(
            10_000 + int(number) * 10 + index for number in numbers for index in range(10)
        )
        latest = {
            metric.key: metric.step for metric in stores.metrics.read_latest([self.run_id])[self.run_id]
        }
        assert latest[KEYS[0]] == max(steps)
        for name, possible in self.files.items():
            assert _read(stores, name) in possible


def _place(name: str) -> ArtifactPath:
    return ArtifactPath(("default", "0", name))


def _read(stores: Stores, name: str) -> bytes | None:
    if name not in {entry.name for entry in stores.artifacts.list(_place(name).parent)}:
        return None
    with stores.artifacts.open(_place(name)) as download:
        return download.read(0, 100_000)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> tuple[Path, str]:
    """A filled home, closed."""
    home = tmp_path_factory.mktemp("faults") / "home"
    return home, filled_home(home, runs=1, points=200)[0]


def opened(home: Path, durability: Durability) -> Stores:
    return open_stores(Settings(mode=Mode.UP, home=home, durability=durability))


def played(template: tuple[Path, str], home: Path, at: int, durability: Durability, kind: str) -> FaultyDisk:
    """Play the scenario with a fault at the call with this number, and look at what is left."""
    shutil.copytree(template[0], home)
    with faulty_disk() as disk:
        with contextlib.closing(opened(home, durability)) as stores:
            scenario = Scenario(stores, template[1], seed=at)
            disk.fail_at(at, **KINDS[kind])
            scenario.play()
            assert scenario.surprises == []
            scenario.expect_all(stores)
            disk.heal()
            scenario.play()
            assert scenario.surprises == []
            assert len(scenario.unsure) <= 2 * ROUNDS
            scenario.expect_all(stores)
        with contextlib.closing(opened(home, durability)) as stores:
            scenario.expect_all(stores)
            assert check_integrity(stores).faults == []
    with contextlib.closing(sqlite3.connect(home / "runyard.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return disk


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("durability", list(Durability))
def test_r03_a_fault_at_any_write_leaves_the_old_state_or_the_new(template, tmp_path, durability, kind):
    first = random.Random(f"{durability.value} {kind}").randrange(1, EVERY + 1)
    hits = 0
    for at in range(first, LAST + 1, EVERY):
        disk = played(template, tmp_path / f"home-{at}", at, durability, kind)
        hits += disk.was_hit
        shutil.rmtree(tmp_path / f"home-{at}")
    assert hits > 0


def test_without_a_fault_the_scenario_writes_often_enough_for_all_the_faults(template, tmp_path):
    shutil.copytree(template[0], tmp_path / "home")
    with faulty_disk() as disk, contextlib.closing(opened(tmp_path / "home", Durability.FULL)) as stores:
        disk.count = 0
        scenario = Scenario(stores, template[1], seed=0)
        scenario.play()
        assert scenario.unsure == []
        assert disk.count > LAST
        scenario.expect_all(stores)
