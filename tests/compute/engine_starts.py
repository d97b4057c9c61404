"""`python -m tests.compute.engine_starts slurm ray ssh`: how soon jobs print, beside their engines.

Each engine is started as the tests start it, with a server that has a target on it; what measures is
`benchmarks.job_start`.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import job_start
from tests.compute.slurm_jobs import slurm_jobs
from tests.compute.ssh_hosts import SshHost
from tests.compute.test_jobs_end_to_end import Jobs
from tests.compute.test_ray import JobsOnRay
from tests.faulty_network import FaultyNetwork
from tests.ray_cluster import PROGRAMS, RayCluster
from tests.running_server import RunningServer
from tests.slurm_cluster import SlurmCluster

NAME = "measured"


@dataclass(frozen=True)
class Measured:
    """An engine with a server.

    Args:
        url: The server's address.
        beside: What the engine is asked for by itself.
    """

    url: str
    beside: str


@contextlib.contextmanager
def on_slurm(folder: Path) -> Iterator[Measured]:
    with contextlib.closing(SlurmCluster()) as cluster, slurm_jobs(cluster, folder) as jobs:
        jobs.attach(NAME)
        conf = f"SLURM_CONF={cluster.configuration}"
        yield Measured(jobs.server.url, shlex.join(["env", conf, "srun", "echo", job_start.LINE]))


@contextlib.contextmanager
def on_ray(folder: Path) -> Iterator[Measured]:
    with contextlib.ExitStack() as stack:
        ray = stack.enter_context(contextlib.closing(RayCluster()))
        allowed = {"RUNYARD_ALLOWED_HOSTS": ray.network.bridge}
        server = RunningServer(folder / "home", environment=allowed).start()
        stack.callback(server.close)
        network = stack.enter_context(contextlib.closing(FaultyNetwork(server.url, host=ray.network.bridge)))
        JobsOnRay(server, ray, network).attach(NAME)
        token = f"RAY_AUTH_TOKEN_PATH={ray.folder / 'token'}"
        submit = ["env", "RAY_AUTH_MODE=token", token, str(PROGRAMS / "ray"), "job", "submit"]
        words = shlex.join([*submit, "--address", ray.address, "--", "echo", job_start.LINE])
        # What it prints before that is its own.
        found = f"{words} 2>&1 | grep --line-buffered -x {job_start.LINE}"
        yield Measured(server.url, shlex.join(["sh", "-c", found]))


@contextlib.contextmanager
def on_ssh(folder: Path) -> Iterator[Measured]:
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(contextlib.closing(SshHost(folder, "m")))
        server = RunningServer(folder / "home", None, "up").start()
        stack.callback(server.close)
        attach = {"name": NAME, "kind": "ssh", "credential": {"private_key": host.key}}
        Jobs(server).ask("POST", "compute", json={**attach, "settings": host.settings})
        known = host.folder / "known_hosts"
        known.write_text("\n".join(host.settings["known_hosts"]) + "\n")
        options = ["-i", str(host.folder / "id"), "-p", str(host.port), "-o", f"UserKnownHostsFile={known}"]
        yield Measured(
            server.url, shlex.join(["ssh", *options, f"root@{host.address}", "echo", job_start.LINE])
        )


ENGINES: dict[str, Callable[[Path], AbstractContextManager[Measured]]] = {
    "slurm": on_slurm,
    "ray": on_ray,
    "ssh": on_ssh,
}


def main(arguments: list[str] | None = None) -> int:
    """Start engines one after the other, and print a table for each."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.compute.engine_starts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("engines", nargs="+", choices=ENGINES, help="what to start")
    parser.add_argument("--repeats", type=int, default=5, help="jobs after the first, and commands")
    given = parser.parse_args(arguments)
    for name in given.engines:
        with (
            tempfile.TemporaryDirectory(prefix="runyard-starts-") as folder,
            ENGINES[name](Path(folder)) as on,
        ):
            sys.stdout.write(f"\n{name}\n\n")
            words = ["--url", on.url, "--compute", NAME, "--beside", on.beside]
            job_start.main([*words, "--repeats", str(given.repeats)])
    return 0


if __name__ == "__main__":
    sys.exit(main())
