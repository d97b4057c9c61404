"""What launchers have in common whose agents have their folders on one machine."""

from __future__ import annotations

from collections.abc import Collection

from runyard.agent.station import Station
from runyard.compute.base import Launcher
from runyard.compute.far_station import FarStation


class StationLauncher(Launcher):
    """Finds, ends and clears up agents by a station, which is here or on another machine.

    Args:
        station: Has the folders.
    """

    def __init__(self, station: Station | FarStation) -> None:
        self._folders = station

    def cancel(self, launched: str) -> None:
        self._folders.cancel(launched)

    def find(self, run_id: str, attempt: int) -> str | None:
        launched = f"{run_id}/{attempt}"
        return launched if self._folders.has(launched) else None

    def list_launched(self) -> Collection[str]:
        return self._folders.list_handles()

    def forget(self, launched: str) -> None:
        self._folders.forget(launched)
