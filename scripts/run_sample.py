"""`make run`: starts the server, logs the sample training into it, says where to look. Ctrl-C stops it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
FIRST_PORT = 5000
PORTS_TRIED = 100
READY_WITHIN_S = 60.0
STOPPED_WITHIN_S = 15.0


def main() -> int:
    """Start, log, and stay until the server ends or the person ends it."""
    signal.signal(signal.SIGTERM, _interrupt)
    home = Path(os.environ.get("RUNYARD_HOME", ROOT / ".runyard"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(_runyard("up", "--home", str(home), "--port", str(port)))
    try:
        if not _is_ready(server, port):
            return server.wait() or 1
        sample = subprocess.run(_runyard("demo", "--url", url), check=False)
        if sample.returncode != 0:
            print(
                f"The sample training failed with code {sample.returncode}; the server goes on.", flush=True
            )
        print(f"\nOpen {url} in a browser: the runs of the sample training are there.", flush=True)
        print("Ctrl-C stops the server. Its data stays in", home, flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(server)


def free_port() -> int:
    """Return the usual port or the next free one, and say so when it is not the usual one."""
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port != FIRST_PORT:
            print(
                f"Port {FIRST_PORT} is taken by another program, so the server gets port {port}.", flush=True
            )
        return port
    sys.exit(f"No port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} is free.")


def _runyard(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "runyard", *arguments]


def _is_ready(server: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server, which a Ctrl-C in a terminal has reached as well."""
    if server.poll() is not None:
        return
    server.terminate()
    try:
        server.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
