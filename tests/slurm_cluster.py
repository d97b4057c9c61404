"""A Slurm cluster of the tests' own: controller, one node and their keeper of keys, on loopback alone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

from tests.running_server import free_port
from tests.waiting import until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
CPUS, MEMORY_MB, GPUS = 4, 1_000, 2
IDLE_WITHIN_S = 30.0
CONFIGURATION = """
    ClusterName=runyard
    SlurmctldHost={host}(127.0.0.1)
    SlurmctldPort={controller_port}
    SlurmdPort={node_port}
    CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
    AuthType=auth/munge
    AuthInfo=socket={folder}/munge.socket
    SlurmUser={user}
    SlurmdUser={user}
    StateSaveLocation={folder}/state
    SlurmdSpoolDir={folder}/spool
    SlurmctldPidFile={folder}/slurmctld.pid
    SlurmdPidFile={folder}/slurmd.pid
    SlurmctldLogFile={folder}/slurmctld.log
    SlurmdLogFile={folder}/slurmd.log
    SlurmctldDebug=info
    SlurmdDebug=info
    ProctrackType=proctrack/linuxproc
    TaskPlugin=task/none
    SwitchType=switch/none
    MpiDefault=none
    ReturnToService=2
    SchedulerParameters=sched_min_interval=0
    KillWait=2
    MessageTimeout=5
    SlurmdParameters=config_overrides
    SelectType=select/cons_tres
    SelectTypeParameters=CR_CPU_Memory
    EnforcePartLimits=ALL
    GresTypes=gpu
    NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus}
    PartitionName=main Nodes=node Default=YES MaxTime=60 DefaultTime=30 DefMemPerCPU=50 State=UP
    PartitionName=closed Nodes=node MaxTime=60 DefMemPerCPU=50 State=INACTIVE
"""


def installed() -> bool:
    """Tell whether this machine has Slurm, and the right to start one: its nodes are run by root."""
    return os.geteuid() == 0 and all(shutil.which(each, path=PATH) for each in PROGRAMS)


class SlurmCluster:
    """Starts when it is made; :meth:`close` ends it with all of its jobs."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="runyard-slurm-"))
        self._daemons: list[subprocess.Popen[bytes]] = []
        for name in ("state", "spool"):
            (self._folder / name).mkdir()
        (self._folder / "munge.key").write_bytes(os.urandom(128))
        (self._folder / "munge.key").chmod(0o600)
        facts = {
            "folder": self._folder,
            "host": socket.gethostname().partition(".")[0],
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "controller_port": free_port(),
            "node_port": free_port(),
            "cpus": CPUS,
            "memory": MEMORY_MB,
            "gpus": GPUS,
        }
        self.configuration.write_text(textwrap.dedent(CONFIGURATION).format(**facts))
        (self._folder / "gres.conf").write_text(f"Name=gpu File=/dev/loop[0-{GPUS - 1}]\n")
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def configuration(self) -> Path:
        """What ``SLURM_CONF`` is to be for whoever wants to use it."""
        return self._folder / "slurm.conf"

    @property
    def variables(self) -> dict[str, str]:
        """What programs need to know to find it."""
        return {"SLURM_CONF": str(self.configuration)}

    def ask(self, *words: str) -> str:
        """Run one of Slurm's programs and return what it says."""
        done = subprocess.run(
            words,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def states(self) -> dict[str, str]:
        """Return the states of all jobs by their names; of several of one name the latest counts."""
        asked = ("squeue", "--noheader", "--states=all", "--sort=i", "--format=%j %T")
        return dict(each.rsplit(" ", 1) for each in self.ask(*asked).splitlines())

    def stop_controller(self) -> None:
        """End the controller; jobs go on."""
        self._daemons[1].terminate()
        self._daemons[1].wait()

    def start_controller(self) -> None:
        """Start it again on what it has written down."""
        self._daemons[1] = self._daemon("slurmctld", "-D", "-f", str(self.configuration))
        until(self._is_idle, IDLE_WITHIN_S)

    def close(self) -> None:
        """End all of it."""
        for daemon in reversed(self._daemons):
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGTERM)
        until(lambda: all(daemon.poll() is not None for daemon in self._daemons))
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        places = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid"}
        places |= {"log-file": "munge.log", "seed-file": "munge.seed"}
        options = [f"--{name}={self._folder / place}" for name, place in places.items()]
        self._daemons.append(self._daemon("munged", "--foreground", "--force", *options))
        until((self._folder / "munge.socket").exists, IDLE_WITHIN_S)
        self._daemons.append(self._daemon("slurmctld", "-D", "-c", "-f", str(self.configuration)))
        self._daemons.append(self._daemon("slurmd", "-D", "-N", "node", "-f", str(self.configuration)))
        until(self._is_idle, IDLE_WITHIN_S)

    def _daemon(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [shutil.which(words[0], path=PATH) or words[0], *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _is_idle(self) -> bool:
        asked: Sequence[str] = ("sinfo", "--noheader", "--partition=main", "--format=%T")
        done = subprocess.run(
            asked, env={**os.environ, **self.variables}, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() in ("idle", "mixed", "allocated")
