"""The folder of an agent, as a launcher makes it, and the agents that are started in it."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.agent.job_server import KEY, JobServer
from tests.running_server import scrubbed
from tests.waiting import until

ENDS_WITHIN_S = 300.0


def tarred(files: Mapping[str, str]) -> bytes:
    """Return files as the archive of a snapshot."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(gzip.decompress(content.getvalue()), mtime=0)


class JobFolder:
    """The folder of an agent, and the agents that were started in it."""

    def __init__(self, path: Path, server: JobServer) -> None:
        self.path = path
        self.server = server
        self.environment: dict[str, str] = {}
        self.program: Sequence[str] = ("-m", "runyard.agent")
        self.interpreter = sys.executable
        self._agents: list[subprocess.Popen[bytes]] = []

    def assign(self, code: Mapping[str, str] | None = None, **changed: Any) -> JobFolder:
        """Write an assignment: by default a script that is the whole code, on the agent's own Python."""
        content: dict[str, Any] = {
            "url": self.server.url,
            "key": KEY,
            "ca": "",
            "run_id": "run",
            "run_name": "a run",
            "experiment_id": "0",
            "experiment_name": "Default",
            "workspace": "lab",
            "artifact_path": "0/run/artifacts",
            "attempt": 1,
            "snapshot": "",
            "script": "train.py" if code else "",
            "arguments": [],
            "command": [],
            "environment": {},
            "variables": {},
            "max_duration_s": 0,
            "is_azureml": False,
            "beat_s": 0.1,
            "stop_grace_s": 2.0,
            "cache": str(self.path.parent / "environments"),
        }
        if code:
            archive = tarred(code)
            content["snapshot"] = hashlib.sha256(archive).hexdigest()
            self.server.files[f"/api/v1/snapshots/{content['snapshot']}/content"] = archive
        self.path.mkdir(mode=0o700, exist_ok=True)
        (self.path / "assignment.json").write_text(json.dumps(content | changed))
        return self

    def start(self) -> subprocess.Popen[bytes]:
        """Start an agent."""
        agent = subprocess.Popen(
            [self.interpreter, *self.program, str(self.path)],
            env={**scrubbed(os.environ), "RUNYARD_SECRET": "of the server", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._agents.append(agent)
        return agent

    def run(self) -> int:
        """Let an agent do the job and return its exit code."""
        return self.ended(self.start())

    def ended(self, agent: subprocess.Popen[bytes]) -> int:
        """Wait for an agent's end and return its exit code."""
        try:
            return agent.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the agent goes on; its log:\n{self.log}") from None

    @property
    def log(self) -> str:
        """What the agents complained about."""
        path = self.path / "agent.log"
        return path.read_text() if path.exists() else ""

    @property
    def end(self) -> dict[str, Any]:
        """The one end that the server was told, without which agent it was."""
        assert len(self.server.job.ends) == 1, self.log
        told = self.server.job.ends[0]
        marked: dict[str, Any] = json.loads((self.path / "end.json").read_text())
        assert marked == {name: told[name] for name in ("status", "exit_code", "reason")}
        return marked

    def until_printed(self, text: bytes, stream: str = "stdout") -> None:
        """Wait until the server has something that the script printed."""
        until(lambda: text in self.server.console(stream))

    def close(self) -> None:
        """End what was started here and still runs."""
        for agent in self._agents:
            if agent.poll() is None:
                agent.kill()
            agent.wait()
            if agent.stderr is not None:
                agent.stderr.close()
        with contextlib.suppress(OSError, ValueError):
            os.killpg(json.loads((self.path / "script.json").read_text())["group"], signal.SIGKILL)
