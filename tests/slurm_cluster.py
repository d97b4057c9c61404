"""A Slurm cluster of the tests' own: controller, nodes and their keeper of keys, on loopback alone."""

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
IDLE_WITHIN_S = 300.0
CONFIGURATION = """
    ClusterName=runyard
    SlurmctldHost={host}(127.0.0.1)
    SlurmctldPort={controller_port}
    CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
    AuthType=auth/munge
    AuthInfo=socket={folder}/munge.socket
    SlurmUser={user}
    SlurmdUser={user}
    StateSaveLocation={folder}/state
    SlurmdSpoolDir={folder}/spool-%n
    SlurmctldPidFile={folder}/slurmctld.pid
    SlurmdPidFile={folder}/slurmd-%n.pid
    SlurmctldLogFile={folder}/slurmctld.log
    SlurmdLogFile={folder}/slurmd-%n.log
    SlurmctldDebug=info
    SlurmdDebug=info
    ProctrackType=proctrack/linuxproc
    TaskPlugin=task/none
    SwitchType=switch/none
    MpiDefault=none
    ReturnToService=2
    SchedulerParameters=sched_min_interval=0
    KillWait=2
    MessageTimeout=10
    SlurmdParameters=config_overrides
    SelectType=select/cons_tres
    SelectTypeParameters=CR_CPU_Memory
    EnforcePartLimits=ALL
    GresTypes=gpu
    {nodes}
    PartitionName=main Nodes={names} Default=YES MaxTime=60 DefaultTime=30 DefMemPerCPU=50 State=UP
    PartitionName=closed Nodes={names} MaxTime=60 DefMemPerCPU=50 State=INACTIVE
"""
NODE = (
    "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory} "
    "Gres=gpu:{gpus}"
)


def installed() -> bool:
    """Tell whether this machine has Slurm, and the right to start one: its nodes are run by root."""
    return os.geteuid() == 0 and all(shutil.which(each, path=PATH) for each in PROGRAMS)


class SlurmCluster:
    """Starts when it is made; :meth:`close` ends it with all of its jobs.

    Args:
        nodes: What its nodes are called. All of them are this machine, on ports of their own.
    """

    def __init__(self, nodes: Sequence[str] = ("node",)) -> None:
        self._nodes: dict[str, subprocess.Popen[bytes] | None] = dict.fromkeys(nodes)
        self._folder = Path(tempfile.mkdtemp(prefix="runyard-slurm-"))
        self._daemons: list[subprocess.Popen[bytes]] = []
        for name in ("state", *(f"spool-{node}" for node in nodes)):
            (self._folder / name).mkdir()
        (self._folder / "munge.key").write_bytes(os.urandom(128))
        (self._folder / "munge.key").chmod(0o600)
        facts = {
            "folder": self._folder,
            "host": socket.gethostname().partition(".")[0],
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "controller_port": free_port(),
            "names": ",".join(nodes),
        }
        size = {"host": facts["host"], "cpus": CPUS, "memory": MEMORY_MB, "gpus": GPUS}
        lines = [NODE.format(name=node, port=free_port(), **size) for node in nodes]
        facts["nodes"] = "\n".join(lines)
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
        done = self._run(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def states(self) -> dict[str, str]:
        """Return the states of all jobs by their names; of several of one name the latest counts.

        The name of an element of an array is followed by its number: ``name_3``.
        """
        asked = ("squeue", "--noheader", "--array", "--states=all", "--sort=i", "--format=%j_%K %T")
        lines = (each.rsplit(" ", 1) for each in self.ask(*asked).splitlines())
        return {name.removesuffix("_N/A"): state for name, state in lines}

    def stop_controller(self) -> None:
        """End the controller; jobs go on."""
        self._daemons[1].terminate()
        self._daemons[1].wait()

    def start_controller(self) -> None:
        """Start it again on what it has written down."""
        self._daemons[1] = self._daemon("slurmctld", "-D", "-f", str(self.configuration))
        until(self.is_idle, IDLE_WITHIN_S)

    def stop_node(self, name: str) -> None:
        """Let a node be gone, as if it had lost its power; its jobs are the caller's to end."""
        daemon = self._nodes[name]
        assert daemon is not None
        daemon.kill()
        daemon.wait()
        self.ask("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=test")

    def start_node(self, name: str) -> None:
        """Start a node, again or for the first time."""
        daemon = self._daemon("slurmd", "-D", "-N", name, "-f", str(self.configuration))
        self._nodes[name] = daemon
        self._daemons.append(daemon)

    def is_back(self, node: str) -> bool:
        """Tell whether a node takes jobs again; where Slurm has noticed that it was away, it is told so."""
        if self.is_idle(node):
            return True
        # Refused where the node has come back by itself since it was asked, or has not registered yet.
        self._run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        return self.is_idle(node)

    def is_idle(self, *nodes: str) -> bool:
        """Tell whether nodes are there, and take jobs."""
        wanted = ",".join(nodes or self._nodes)
        asked = ("sinfo", "--noheader", "-N", f"--nodes={wanted}", "--format=%T", "--partition=main")
        states = self._run(*asked).stdout.split()
        return bool(states) and set(states) <= {"idle", "mixed", "allocated"}

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
        for node in self._nodes:
            self.start_node(node)
        until(self.is_idle, IDLE_WITHIN_S)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _daemon(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [shutil.which(words[0], path=PATH) or words[0], *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
