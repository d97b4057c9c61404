"""Jobs on the server's own machine: an agent is a process of its own, which outlives the server."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from runyard.agent.station import Station
from runyard.compute.base import AgentReport, Launch, Launcher, Opening, TargetKind, report_from
from runyard.errors import StorageFull


class LocalLauncher(Launcher):
    """Starts agents beside the server, each with a folder of its own.

    Args:
        folder: Where the folders lie.
    """

    def __init__(self, folder: Path) -> None:
        self._station = Station(folder, [sys.executable, "-m", "runyard.agent"])

    def submit(self, launch: Launch) -> str:
        try:
            self._station.prepare(launch.handle, launch.assignment)
            self._station.start(launch.handle)
        except OSError as error:
            raise StorageFull(f"The agent of job {launch.run_id} could not be started: {error}") from None
        return launch.handle

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        return {each: report_from(seen) for each, seen in self._station.look(launched).items()}

    def cancel(self, launched: str) -> None:
        self._station.cancel(launched)

    def find(self, run_id: str, attempt: int) -> str | None:
        launched = f"{run_id}/{attempt}"
        return launched if self._station.has(launched) else None

    def list_launched(self) -> Collection[str]:
        return self._station.list_handles()

    def forget(self, launched: str) -> None:
        self._station.forget(launched)


class LocalSettings(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing need be said of the server's own machine."""


def _open(opening: Opening) -> LocalLauncher:
    return LocalLauncher(opening.folder)


KIND = TargetKind(LocalSettings, frozenset(), _open, runs_here=lambda _: True)
