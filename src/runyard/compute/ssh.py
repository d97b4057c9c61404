"""Jobs on a host that is reached over SSH, which needs Python and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from runyard.compute.base import AgentReport, AgentState, Launch, Opening, ServerUrl, TargetKind, owner_of
from runyard.compute.far_station import FOLDER, FarStation
from runyard.compute.ssh_address import CREDENTIAL, KNOWN_BY, SshAddress
from runyard.compute.ssh_machine import SshMachine
from runyard.compute.ssh_tunnel import SshTunnel
from runyard.compute.stationed import StationLauncher
from runyard.errors import RunyardError, Unavailable

_PATH = r"^[^\x00-\x1f\x7f-][^\x00-\x1f\x7f]*$"

Path = Annotated[str, msgspec.Meta(pattern=_PATH, max_length=1_000)]


class SshSettings(SshAddress, forbid_unknown_fields=True, kw_only=True):
    """A host, and how jobs are run there.

    Args:
        python: The interpreter that agents run with, 3.10 or newer.
        folder: Where agents have their folders; a relative one below the user's home.
        server_url: Where the host reaches the server, if not at the server's ``public_url``.
        use_tunnel: Whether through the connection instead; left out, if there is no such address.
        tunnel_port: Of the host's loopback; 0 for one that is free.
        use_containers: Whether jobs may be in containers there.
    """

    python: Path = "python3"
    folder: Path = FOLDER
    server_url: ServerUrl = ""
    use_tunnel: bool | None = None
    tunnel_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    use_containers: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        urlsplit(self.server_url).port  # noqa: B018 - a ValueError says that it is none


class SshLauncher(StationLauncher):
    """Starts agents on a host, each with a folder of its own.

    Args:
        machine: The host.
        settings: How jobs are run there.
        server: Where agents reach the server; empty if nobody said.
        tunnel: The way there, in its place.
        owner: What tells this target's agents from others on the host.
    """

    def __init__(
        self, machine: SshMachine, settings: SshSettings, server: str, tunnel: SshTunnel | None, owner: str
    ) -> None:
        self._machine = machine
        self._python = settings.python
        self._use_containers = settings.use_containers
        self._station = FarStation(machine, settings.python, settings.folder, owner)
        super().__init__(self._station)
        self._server = server
        self._tunnel = tunnel

    def check(self) -> None:
        self._station.list_handles()
        if self._tunnel is not None:
            self._tunnel.check()
        else:
            self._check_way_back()

    def close(self) -> None:
        self._machine.close()

    def submit(self, launch: Launch) -> str:
        server = self._reached_at(str(launch.assignment["url"]))
        self._station.start(launch, launch.elsewhere(server, use_containers=self._use_containers))
        return launch.handle

    def reports_of(self, launched: Collection[str]) -> Mapping[str, AgentReport]:
        try:
            if self._tunnel is not None and launched:
                self._tunnel.hold()
            return self._station.look(launched)
        except RunyardError as error:
            return dict.fromkeys(launched, AgentReport(AgentState.UNKNOWN, reason=str(error)))

    def _reached_at(self, url: str) -> str:
        """Return where a new agent reaches the server, which is at ``url`` for this machine."""
        if self._tunnel is not None:
            return self._tunnel.open_for(url, lambda: bool(self._station.list_handles()))
        if not self._server:
            raise Unavailable(
                f"Nobody said where {self._machine.host} reaches this server: give server_url, or use_tunnel."
            )
        return self._server

    def _check_way_back(self) -> None:
        """Return if the host can connect to where agents are to reach the server."""
        place = urlsplit(self._reached_at(""))
        port = place.port or (443 if place.scheme == "https" else 80)
        asked = self._machine.run([self._python, "-c", _CONNECTS, str(place.hostname), str(port)])
        if asked.exit_code:
            raise Unavailable(
                f"{self._machine.host} can't reach the server at {self._server} "
                f"({asked.complaint.splitlines()[-1]}). Give another server_url, or use_tunnel to have it "
                "reach the server through this connection."
            )


def _open(opening: Opening) -> SshLauncher:
    settings: SshSettings = opening.settings
    machine = SshMachine(settings, opening.credential, opening.lookup, with_own_keys=opening.is_of_one_person)
    server = settings.server_url or opening.server
    is_tunneled = not server if settings.use_tunnel is None else settings.use_tunnel
    tunnel = (
        SshTunnel(machine, opening.tunnel, opening.folder, settings.tunnel_port)
        if is_tunneled and opening.tunnel
        else None
    )
    return SshLauncher(machine, settings, server, tunnel, owner_of(opening))


_CONNECTS = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 10).close()"

KIND = TargetKind(
    title="SSH host",
    summary="A machine that is reached over SSH; it needs Python 3.10 or newer and nothing else.",
    settings=SshSettings,
    credential=CREDENTIAL,
    open=_open,
    known_by=KNOWN_BY,
)
