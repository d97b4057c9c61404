"""Hosts for the tests: each a network namespace with an sshd, a key, a home and a port of its own.

The other end of its one cable is on this machine, where a server of `runyard up` listens on loopback alone:
a host can't reach it.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.killing import kill, kill_all
from tests.waiting import until

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
IS_POSSIBLE = SSHD is not None and shutil.which("ip") is not None and os.geteuid() == 0
needs_hosts = pytest.mark.skipif(
    not IS_POSSIBLE, reason="hosts need root, iproute2 and openssh-server: `make test` installs it"
)
_CONFIGURATION = """
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
PrintMotd no
"""
# The home of this user is another one there, and sshd's own folder is there whatever the machine has.
_START = """
mount --bind "$1/passwd" /etc/passwd
mkdir -p /run/sshd
ip link set lo up
exec "$2" -D -f "$1/sshd_config" -E "$1/sshd.log"
"""


class SshHost:
    """A host, from `SshHost(...)` to `close()`."""

    def __init__(self, folder: Path, name: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder / name
        self._environment = environment or {}
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        self._namespace = f"ry-{os.getpid()}-{name}"
        self._cable = f"ry{os.getpid() % 10_000_000}{name}"[:15]
        self.port = random.SystemRandom().randint(2_000, 9_000)
        self.key = self._new_key("id")
        self.public_key = (self.folder / "id.pub").read_text()
        self._new_key("host_key")
        self.host_key = (self.folder / "host_key.pub").read_text().strip()
        (self.folder / "authorized_keys").write_text(self.public_key)
        (self.folder / "passwd").write_text(self._passwd())
        self._sshd: subprocess.Popen[bytes] | None = None
        self.address = self._lay_cable()
        self.switch_on()

    @property
    def settings(self) -> dict[str, Any]:
        """What a target of this host is told."""
        return {
            "host": self.address,
            "port": self.port,
            "username": "root",
            "known_hosts": [f"[{self.address}]:{self.port} {self.host_key}"],
            "python": sys.executable,
        }

    @property
    def fingerprint(self) -> str:
        """Of the host's key, as `ssh-keygen -l` prints it."""
        shown = _told("ssh-keygen", "-l", "-f", str(self.folder / "host_key.pub"))
        return shown.split()[1]

    @property
    def jobs(self) -> Path:
        """Where the agents of the target that began one last have their folders."""
        of_targets = [each for each in (self.home / ".runyard").glob("*") if each.is_dir()]
        return max(of_targets, key=lambda each: each.stat().st_mtime, default=self.home / "none")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command there, past sshd."""
        command = ["ip", "netns", "exec", self._namespace, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    def switch_on(self) -> None:
        """Have sshd take connections."""
        told = _CONFIGURATION.format(port=self.port, address=self.address, folder=self.folder)
        if self._environment:  # of several such lines only the first would count
            told += "SetEnv"
            told += "".join(f' "{name}={value}"' for name, value in self._environment.items()) + "\n"
        (self.folder / "sshd_config").write_text(told)
        assert SSHD is not None
        # Not by `ip netns exec`: that would hide the control groups, which any host has.
        entered = ["nsenter", f"--net=/run/netns/{self._namespace}", "unshare", "--mount"]
        words = [*entered, "sh", "-ec", _START, "sh", str(self.folder), SSHD]
        self._sshd = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
        until(self._answers)

    def switch_off(self) -> None:
        """Kill sshd with all its connections; what they have started goes on."""
        assert self._sshd is not None
        self._sshd.kill()
        self._sshd.wait()
        for pid in self._pids():
            if _program(pid) == "sshd":
                kill(pid)

    def unplug(self) -> None:
        """Have the network lose whatever is sent; nobody is told."""
        _told("ip", "link", "set", self._cable, "down")

    def plug_in(self) -> None:
        """Take back `unplug`."""
        _told("ip", "link", "set", self._cable, "up")

    def close(self) -> None:
        """End all that runs there, and remove it."""
        kill_all(self._pids)
        if self._sshd is not None:
            self._sshd.wait()
        _told("ip", "netns", "delete", self._namespace)

    def _lay_cable(self) -> str:
        net = _unused_net()
        _told("ip", "netns", "add", self._namespace)
        inside = ("ip", "netns", "exec", self._namespace)
        _told(
            "ip", "link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self._namespace
        )
        _told("ip", "address", "add", f"{net}.1/30", "dev", self._cable)
        _told("ip", "link", "set", self._cable, "up")
        _told(*inside, "ip", "address", "add", f"{net}.2/30", "dev", "eth0")
        _told(*inside, "ip", "link", "set", "eth0", "up")
        return f"{net}.2"

    @property
    def gateway(self) -> str:
        """The address of this machine, as the host sees it."""
        return self.address.removesuffix("2") + "1"

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as opened:
                return opened.recv(4) == b"SSH-"
        except OSError:
            return False

    def _pids(self) -> list[int]:
        return [int(each) for each in _told("ip", "netns", "pids", self._namespace).split()]

    def _new_key(self, name: str) -> str:
        path = self.folder / name
        _told("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path))
        return path.read_text()

    def _passwd(self) -> str:
        lines = Path("/etc/passwd").read_text().splitlines()
        own = f"root:x:0:0:root:{self.home}:/bin/sh"
        others = [line for line in lines if not line.startswith(("root:", "sshd:"))]
        return "\n".join([own, *others, "sshd:x:65000:65534::/run/sshd:/usr/sbin/nologin"]) + "\n"


def _unused_net() -> str:
    chosen = random.SystemRandom()
    while True:
        net = f"10.{chosen.randint(200, 249)}.{chosen.randint(0, 255)}"
        if not _told("ip", "address", "show", "to", f"{net}.0/30"):
            return net


def _told(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=300).stdout


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
