"""The cluster of the tests as a whole: started, and told where it is."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runyard.services.certificates import Authority
from runyard.settings import Settings
from tests.killing import kill
from tests.kubernetes.api_server import NAMESPACE, ApiServer
from tests.kubernetes.controller import JobController
from tests.kubernetes.kubelet import Kubelet
from tests.kubernetes.objects import Objects
from tests.waiting import until

LOOKS_EVERY_S = 0.03
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "run-on-kubernetes.md"


class KubernetesCluster:
    """A cluster with one node and one namespace.

    Args:
        folder: For what it writes.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        own = Authority(Settings(home=folder)).certificates()
        self.ca = own.authority.read_text()
        self.client_certificate, self.client_key = _self_signed("runyard")
        (folder / "clients.pem").write_text(self.client_certificate)
        self.token = secrets.token_urlsafe(32)
        self.objects = Objects()
        self.api = ApiServer(
            self.objects, role_of_docs(), self.token, (own.chain, own.key), folder / "clients.pem"
        )
        self.kubelet = Kubelet(self.objects, folder / "pods")
        self._controller = JobController(self.objects)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    @property
    def server(self) -> str:
        """The address of the API server."""
        return f"https://127.0.0.1:{self.api.port}"

    def close(self) -> None:
        """End all that runs on it, and it."""
        self._is_closed.set()
        self._thread.join()
        self.kubelet.close()
        self.api.close()

    def kubeconfig(self, user: Mapping[str, Any] | None = None, **cluster: Any) -> str:
        """Return a kubeconfig for it.

        Args:
            user: What the user has; left out, the token.
            cluster: What the cluster has beside its address and authority.
        """
        where = {"server": self.server, "certificate-authority-data": base64_of(self.ca), **cluster}
        text: str = yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "lab", "cluster": where}],
                "users": [{"name": "me", "user": dict(user or {"token": self.token})}],
                "contexts": [
                    {"name": "at lab", "context": {"cluster": "lab", "user": "me", "namespace": NAMESPACE}}
                ],
                "current-context": "at lab",
            }
        )
        return text

    def pod_of(self, launched: str) -> dict[str, Any] | None:
        """Return the pod of a launch that was made last, if there is one."""
        run_id, _, attempt = launched.partition("/")
        pods = self.objects.list("pods", {"runyard/run": run_id, "runyard/attempt": attempt})
        return pods[-1] if pods else None

    def agent_pid(self, launched: str) -> int:
        """Return the number of an agent's process on this machine; 0 while there is none."""
        pod = self.pod_of(launched)
        container = self.kubelet.containers.get(pod["metadata"]["uid"]) if pod else None
        return container.pid if container else 0

    def kill_agent(self, launched: str) -> None:
        """Kill an agent's process, as soon as there is one."""
        until(lambda: self.agent_pid(launched) > 0)
        kill(self.agent_pid(launched))

    def _work(self) -> None:
        while not self._is_closed.wait(LOOKS_EVERY_S):
            self._controller.work()
            self.kubelet.work()


def role_of_docs() -> Sequence[Mapping[str, Any]]:
    """Return the rules of the role that the documentation says to make."""
    text = HOW_TO.read_text().partition("kind: Role\n")[2].partition("```")[0].partition("---")[0]
    rules: Sequence[Mapping[str, Any]] = yaml.safe_load(text)["rules"]
    return rules


def base64_of(text: str) -> str:
    """Return a text as a kubeconfig has it."""
    return base64.b64encode(text.encode()).decode()


def _self_signed(name: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    return made.public_bytes(encoding).decode(), private.decode()
