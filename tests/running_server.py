"""The real server as a process of its own, for the tests that talk to it from outside."""

import http.client
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from runyard.compute.local import LocalLauncher

LEAKY_PREFIXES = ("RUNYARD_", "MLFLOW_", "AZUREML_", "DATABRICKS_")
PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
READY_WITHIN_S = 600.0
STOPPED_WITHIN_S = 600.0
PORTS = range(10_240, 32_768)
PORTS_TRIED = 100
# A port is taken only when its server listens, so what runs beside these tests draws from other ones.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_OWN_PORTS = PORTS[_WORKER :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
_given: set[int] = set()


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without anything that would steer Runyard or an MLflow client."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(LEAKY_PREFIXES) and name.lower() not in PROXY_VARIABLES
    }


def free_port() -> int:
    """Return a loopback port that nobody listens on right now, and that no other test is given.

    It lies below the ports that the system gives to clients: a client that tries again and again while the
    server is away would, sooner or later, be given the server's own port and be connected to itself.
    """
    for _ in range(PORTS_TRIED):
        port = random.SystemRandom().choice(_OWN_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError(f"none of {PORTS_TRIED} ports was free")


class RunningServer:
    """`runyard up` (or `serve`) on a home folder and a port that stay the same over restarts."""

    def __init__(
        self,
        home: Path,
        port: int | None = None,
        mode: str = "up",
        environment: Mapping[str, str] | None = None,
        log_path: Path | None = None,
        program: Sequence[str] = ("-m", "runyard"),
        python: Path | str = sys.executable,
    ) -> None:
        self.home = home
        self.port = port or free_port()
        self.mode = mode
        self.log_path = log_path or home.with_name(f"{home.name}.log")
        self.program = (str(python), *program)
        self._environment = scrubbed(os.environ) | dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address to give to a client, without a slash at its end."""
        return f"{'http' if self.authority is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path | None:
        """The authority that the server makes in its home, where its settings ask for that."""
        is_own = self._environment.get("RUNYARD_TLS") == "self"
        return self.home / "tls" / "ca.pem" if is_own else None

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped or killed since."""
        return self._process is not None

    @property
    def output(self) -> str:
        """All that the server has printed, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> "RunningServer":
        """Start the process and return once it answers."""
        self.home.parent.mkdir(parents=True, exist_ok=True)
        command = [*self.program, self.mode, "--home", str(self.home), "--port", str(self.port)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self.home.parent,
                start_new_session=True,
            )
        self._wait_until_ready()
        return self

    def stop(self) -> int:
        """Ask for a clean end as Ctrl-C does and return the exit code."""
        self._running().send_signal(signal.SIGINT)
        return self.stopped()

    def stopped(self) -> int:
        """Wait for the end of a server that was told to stop and return the exit code."""
        try:
            code = self._running().wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"the server did not stop; its output:\n{self.output}") from None
        self._process = None
        return code

    def kill9(self) -> None:
        """End the process without giving it a chance to do anything more."""
        process = self._running()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None

    def restart(self) -> "RunningServer":
        """Stop cleanly when it runs, and start again on the same home and port."""
        if self._process is not None:
            self.stop()
        return self.start()

    def close(self) -> None:
        """End the process, if there is one, however it stands, and the agents of its jobs with it."""
        if self._process is not None:
            self.kill9()
        launcher = LocalLauncher(self.home / "jobs")
        for launched in launcher.list_launched():
            launcher.forget(launched)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError("the server was not started, or it was stopped")
        return self._process

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            code = self._running().poll()
            if code is not None:
                self._process = None
                raise AssertionError(f"the server ended with code {code}; its output:\n{self.output}")
            if is_healthy(self.url, self.authority):
                return
            time.sleep(0.02)
        self.kill9()
        raise AssertionError(f"no answer within {READY_WITHIN_S} s; the server's output:\n{self.output}")


def is_healthy(url: str, authority: Path | None = None) -> bool:
    """Tell whether the address answers /health with OK; over TLS an authority vouches for it."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port
    try:
        if authority is None:
            connection = http.client.HTTPConnection(host, port, timeout=5)
        else:
            trusted = ssl.create_default_context(cafile=str(authority))
            connection = http.client.HTTPSConnection(host, port, timeout=5, context=trusted)
    except (OSError, ssl.SSLError):  # the authority is not made yet
        return False
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status == http.client.OK and answer.read() == b"OK"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
