"""An sshd on this machine's loopback that lets its own key in, for what is there and not in a namespace."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.running_server import free_port
from tests.waiting import until

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin")
CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/id.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
SetEnv {variables}
"""


class LoopbackSshd:
    """Starts when it is made; :meth:`close` ends it.

    Args:
        folder: Where its keys lie.
        variables: What its sessions have beside what any has.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.username = getpass.getuser()
        for name in ("host_key", "id"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(words, check=True)
        self.key = folder / "id"
        self.known_hosts = [f"[127.0.0.1]:{self.port} {(folder / 'host_key.pub').read_text().strip()}"]
        told = " ".join(f"{name}={value}" for name, value in variables.items())
        configuration = folder / "sshd_config"
        configuration.write_text(CONFIGURATION.format(port=self.port, folder=folder, variables=told))
        Path("/run/sshd").mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [SSHD or "sshd", "-D", "-f", str(configuration), "-E", str(folder / "log")],
            start_new_session=True,
        )
        until(self._answers)

    def close(self) -> None:
        """End it; its sessions go on until they are let go of."""
        self._process.terminate()
        self._process.wait()

    def _answers(self) -> bool:
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", self.port)) == 0
