"""Jobs on the server's own machine: an agent is a process of its own, which outlives the server."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from runyard.agent.station import ALIVE, Station
from runyard.compute.base import AgentReport, Launch, NoRoom, Opening, TargetKind, report_from
from runyard.compute.stationed import StationLauncher
from runyard.decoding import learnt
from runyard.errors import StorageFull


class LocalSettings(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """How a pool divides this machine: what a slot has to itself, and no slot of another pool meanwhile.

    Args:
        gpus: Indices of the GPUs that are the pool's, as ``nvidia-smi`` shows them.
        gpus_per_slot: How many of them a slot has.
        cpus_per_slot: How many processors a slot has; 0 for no limit.
        memory_bytes_per_slot: How much memory a slot may hold before its script is ended; 0 for no limit.
        use_containers: Whether jobs may be in containers.
    """

    gpus: list[Annotated[int, Meta(ge=0, le=1_000)]] = []
    gpus_per_slot: Annotated[int, Meta(ge=0, le=64)] = 1
    cpus_per_slot: Annotated[int, Meta(ge=0, le=4_096)] = 0
    memory_bytes_per_slot: Annotated[int, Meta(ge=0)] = 0
    use_containers: bool = True


class LocalLauncher(StationLauncher):
    """Starts agents beside the server, each with a folder of its own.

    Args:
        folder: Where the folders lie.
    """

    def __init__(self, folder: Path) -> None:
        self._station = Station(folder, [sys.executable, "-m", "runyard.agent"])
        super().__init__(self._station)

    def submit(self, launch: Launch) -> str:
        wanted = msgspec.convert(dict(launch.settings), learnt(LocalSettings))
        told = {"share": self._share_for(launch, wanted), "has_containers": wanted.use_containers}
        try:
            self._station.prepare(launch.handle, {**launch.assignment, **told})
            self._station.start(launch.handle)
        except OSError as error:
            raise StorageFull(f"The agent of job {launch.run_id} could not be started: {error}") from None
        return launch.handle

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        return {each: report_from(seen) for each, seen in self._station.look(launched).items()}

    def _share_for(self, launch: Launch, wanted: LocalSettings) -> Mapping[str, Any]:
        """Return what of the machine an agent's script has to itself.

        Raises:
            NoRoom: Others have it now.
        """
        share: dict[str, Any] = {"memory_bytes": launch.slots * wanted.memory_bytes_per_slot}
        if wanted.gpus:
            share["gpus"] = self._free("gpus", wanted.gpus, launch.slots * wanted.gpus_per_slot)
        if wanted.cpus_per_slot:
            machine = sorted(os.sched_getaffinity(0))
            share["cpus"] = self._free("cpus", machine, launch.slots * wanted.cpus_per_slot)
        return share

    def _free(self, what: str, of_pool: Sequence[int], count: int) -> Sequence[int]:
        reports = self._station.look(self._station.list_handles())
        alive = [handle for handle, seen in reports.items() if seen["state"] == ALIVE]
        shares = [self._station.read_assignment(handle).get("share") or {} for handle in alive]
        taken = {index for share in shares for index in share.get(what) or ()}
        free = [index for index in of_pool if index not in taken]
        if len(free) < count:
            name = "GPUs" if what == "gpus" else "processors"
            raise NoRoom(f"{name} wanted: {count} of {list(of_pool)}; free now: {len(free)}.")
        return free[:count]


def _open(opening: Opening) -> LocalLauncher:
    return LocalLauncher(opening.folder)


KIND = TargetKind(
    title="This server's machine",
    summary="A pool of slots on the server's own machine, with a queue of its own.",
    settings=LocalSettings,
    credential=(),
    open=_open,
    runs_here=lambda _: True,
)
