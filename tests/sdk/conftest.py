"""A workspace of its own on the real server, and ways to log into it."""

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runyard import Experiment, Run, Workspace
from runyard.protocol.messages.common import KeyValue
from runyard.protocol.messages.logging import BatchKeyValue, BatchMetric, LogBatch
from runyard.protocol.messages.runs import CreateRun, RunAnswer, RunInfoAnswer, UpdateRun
from runyard.sdk.connection import MLFLOW
from runyard.services.call import system_now_ms
from tests.running_server import RunningServer
from tests.sdk.scripted_server import Script, Scripted, ScriptedServer

_numbers = count()

Points = Sequence[tuple[int, int, float]]


class Logger:
    """Logs into a workspace as any MLflow client does, through the SDK's own transport."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.connection = workspace.connection

    def run(
        self,
        experiment: Experiment,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, Points] | None = None,
        params: Mapping[str, str] | None = None,
        status: str = "FINISHED",
        started_ms: int | None = None,
        name: str = "a run",
    ) -> Run:
        """Log a whole run; metrics are points of timestamp, step and value."""
        wanted = CreateRun(
            experiment_id=experiment.id,
            run_name=name,
            start_time=started_ms or system_now_ms(),
            tags=[KeyValue(key=key, value=value) for key, value in (tags or {}).items()],
        )
        info = self.connection.post(f"{MLFLOW}/runs/create", wanted, RunAnswer).run.info
        points = [
            BatchMetric(key=key, timestamp=timestamp_ms, step=step, value=value)
            for key, series in (metrics or {}).items()
            for timestamp_ms, step, value in series
        ]
        pairs = [BatchKeyValue(key=key, value=value) for key, value in (params or {}).items()]
        for start in range(0, max(1, len(points)), 1000):
            batch = LogBatch(run_id=info.run_id, metrics=points[start : start + 1000], params=pairs)
            self.connection.tell(f"{MLFLOW}/runs/log-batch", batch)
        update = UpdateRun(run_id=info.run_id, status=status, end_time=info.start_time or 0)
        self.connection.post(f"{MLFLOW}/runs/update", update, RunInfoAnswer)
        return self.workspace.get_run(info.run_id)

    def file(self, run: Run, name: str, content: bytes) -> None:
        """Store a file of a run."""
        folder = run.get_details()["artifactUri"].removeprefix("mlflow-artifacts:/")
        self.connection.put(
            f"/api/2.0/mlflow-artifacts/artifacts/{folder}/{name}", content, "application/octet-stream"
        )


@pytest.fixture
def workspace(server: RunningServer) -> Workspace:
    """An empty workspace on the module's server."""
    return Workspace.create(f"test-{next(_numbers)}", url=server.url)


@pytest.fixture
def logger(workspace: Workspace) -> Logger:
    return Logger(workspace)


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "diabetes")


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    """Start scripted servers: `scripted([Scripted(...), ...])`; they stop when the test ends."""
    servers: list[ScriptedServer] = []

    def start(script: Script | list[Scripted], tls: ssl.SSLContext | None = None) -> ScriptedServer:
        started = ScriptedServer(script, tls)
        servers.append(started)
        return started.__enter__()

    yield start
    for started in servers:
        started.__exit__()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(tz=timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path
