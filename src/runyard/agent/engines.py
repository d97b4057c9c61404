"""The program that runs containers on this machine: podman or docker, whichever is there and answers."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runyard.agent.shares import Share
from runyard.agent.steps import CannotPrepare, Steps
from runyard.agent.variables import ENGINE, ENGINE_OPTIONS, engine_variables

PODMAN, DOCKER = "podman", "docker"
OFF = "none"

# Asked of a program that is on the path: it may be there without what it needs.
_PROBES = {
    PODMAN: ("info", "--format", "{{.Host.OS}}"),
    DOCKER: ("version", "--format", "{{.Server.Version}}"),
}
_INITS = ("catatonit", "tini", "dumb-init")
_INIT_FOLDERS = ("/usr/libexec/podman", "/usr/local/libexec/podman", "/usr/lib/podman", "/usr/bin")
_GPU_FILES = ("etc/cdi", "var/run/cdi")


@dataclass(frozen=True, slots=True)
class Engine:
    """How containers are run here.

    Args:
        words: The program, with the options that go before its commands.
        options: Options of each container.
        is_rootless: Whether the root of a container is the agent's user, where the engine has to say so.
    """

    words: tuple[str, ...]
    options: tuple[str, ...] = ()
    is_rootless: bool = False

    @property
    def is_docker(self) -> bool:
        """Whether it is docker; what is neither takes podman's words."""
        return DOCKER in Path(self.words[0]).name

    def share_words(self, share: Share) -> list[str]:
        """Return the options that give a container its share of the machine, and no more."""
        words = self._gpu_words(share.gpus)
        if share.memory_bytes:
            words += ["--memory", f"{share.memory_bytes}b"]
        # Without root the processors can't be divided in many a place; those of the agent's process stay.
        if share.cpus and (self.is_docker or os.geteuid() == 0):
            words += ["--cpuset-cpus", ",".join(map(str, share.cpus))]
        return words

    def init_words(self) -> list[str]:
        """Return the options for a first process that hands signals on: to a first one they mean nothing."""
        if self.is_docker:
            return ["--init"]
        path = os.pathsep.join(_INIT_FOLDERS)
        found = next((each for name in _INITS if (each := shutil.which(name, path=path))), None)
        return ["--init", "--init-path", found] if found else []

    def _gpu_words(self, gpus: Sequence[int] | None) -> list[str]:
        if gpus is None and not self._has_gpus():
            return []
        if self.is_docker:
            which = "all" if gpus is None else f'"device={",".join(map(str, gpus))}"'
            return ["--gpus", which] if gpus != () else []
        names = ["all"] if gpus is None else [str(each) for each in gpus]
        return [word for name in names for word in ("--device", f"nvidia.com/gpu={name}")]

    def _has_gpus(self) -> bool:
        """Whether there are GPUs, and what brings them into containers."""
        if shutil.which("nvidia-smi") is None:
            return False
        if self.is_docker:
            return shutil.which("nvidia-container-runtime") is not None
        return any(any(Path("/", each).glob("nvidia*")) for each in _GPU_FILES)


def find_engine(steps: Steps) -> Engine:
    """Return what runs containers here.

    Raises:
        CannotPrepare: Nothing does, and what to do.
        Stopped: The agent was told to stop.
    """
    named = os.environ.get(ENGINE, "").strip()
    options = tuple(shlex.split(os.environ.get(ENGINE_OPTIONS, "")))
    if named == OFF:
        raise CannotPrepare(f"The machine of the job runs no containers: {ENGINE} is '{OFF}' there.")
    if named:
        words = tuple(shlex.split(named))
        if shutil.which(words[0]) is None:
            raise CannotPrepare(f"There is no {words[0]!r} on the machine of the job, which {ENGINE} names.")
        return Engine(words, options, _is_rootless(words, steps))
    silent = []
    for name, probe in _PROBES.items():
        if shutil.which(name) is None:
            continue
        if steps.answer([name, *probe], engine_variables()):
            return Engine((name,), options, _is_rootless((name,), steps))
        silent.append(name)
    raise CannotPrepare(_why_none(silent))


def _is_rootless(words: Sequence[str], steps: Steps) -> bool:
    if DOCKER not in Path(words[0]).name:
        return False
    said = steps.answer([*words, "info", "--format", "{{.SecurityOptions}}"], engine_variables())
    return "name=rootless" in (said or "")


def _why_none(silent: Sequence[str]) -> str:
    if silent:
        names = " and ".join(silent)
        return (
            f"The environment needs a container, and on the machine of the job {names} can't run one: see "
            f"there what `{silent[0]} info` says, for the user of the job. Or install podman."
        )
    return (
        "The environment needs a container, and the machine of the job has neither podman nor docker. "
        "Install podman there (Debian, Ubuntu and Fedora have a package of that name)."
    )
