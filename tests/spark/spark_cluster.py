"""A standalone cluster of Spark on loopback, master and worker, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.running_server import free_port, scrubbed

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".envs" / "spark" / "bin" / "python"
READY_WITHIN_S = 300
SUBMITTED_WITHIN_S = 300


def spark_home() -> Path:
    """Return where pip put Spark."""
    (home,) = (ROOT / ".envs" / "spark" / "lib").glob("python3*/site-packages/pyspark")
    return home


class SparkCluster:
    """Starts with what its nodes' `spark-env.sh` says, and nothing of the tests' own environment."""

    def __init__(self, folder: Path, conf: Path, pythonpath: str) -> None:
        self._folder = folder
        self._pythonpath = pythonpath
        self.environment = self._with_conf(conf)
        self._port, self._page_port = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def master(self) -> str:
        """The address that an application is submitted to."""
        return f"spark://127.0.0.1:{self._port}"

    def start(self) -> SparkCluster:
        """Start both and return once the worker is there."""
        ports = ("--port", str(self._port), "--webui-port", str(self._page_port))
        self._run("master.Master", "--host", "127.0.0.1", *ports)
        self._wait_for(0)
        size = ("--cores", "2", "--memory", "1g", "--work-dir", str(self._folder / "work"))
        pages = ("--webui-port", str(free_port()))
        self._run("worker.Worker", "--host", "127.0.0.1", *size, *pages, self.master)
        self._wait_for(1)
        return self

    def submit(self, program: Path, conf: Path, variables: Mapping[str, str]) -> str:
        """Return what a program prints that runs as a driver with a configuration of its own."""
        command = [
            str(spark_home() / "bin" / "spark-submit"),
            *("--master", self.master, "--executor-memory", "512m", "--driver-memory", "512m"),
            *("--conf", "spark.ui.enabled=false", "--conf", "spark.driver.host=127.0.0.1"),
            str(program),
        ]
        done = subprocess.run(
            command,
            env={**self._with_conf(conf), **variables},
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SUBMITTED_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-5000:]
        return done.stdout

    def close(self) -> None:
        """End both, and the executors that the worker started."""
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def output(self) -> str:
        """What both have printed."""
        return "\n".join(log.read_text(errors="replace") for log in sorted(self._folder.glob("*.log")))

    def _with_conf(self, conf: Path) -> dict[str, str]:
        return scrubbed(os.environ) | {
            "HOME": str(self._folder),
            "SPARK_HOME": str(spark_home()),
            "SPARK_CONF_DIR": str(conf),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "PYSPARK_PYTHON": str(PYTHON),
            "PYTHONPATH": self._pythonpath,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }

    def _run(self, what: str, *arguments: str) -> None:
        command = [str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{what}", *arguments]
        with (self._folder / f"{what}.log").open("wb") as log:
            started = subprocess.Popen(
                command,
                env=self.environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(started)

    def _wait_for(self, workers: int) -> None:
        until_s = time.monotonic() + READY_WITHIN_S
        while self._workers() < workers:
            ended = [each.args for each in self._processes if each.poll() is not None]
            if ended or time.monotonic() > until_s:
                raise AssertionError(f"the cluster did not come up; its output:\n{self.output}")
            time.sleep(0.1)

    def _workers(self) -> int:
        """Return how many workers the master knows; one less than none while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._page_port}/json/", timeout=5) as answer:
                return int(json.load(answer)["aliveworkers"])
        except (urllib.error.URLError, OSError, ValueError):
            return -1
