"""What a cluster is asked, by the official client: jobs, their pods, and what pods are given."""

from __future__ import annotations

import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from runyard.compute.base import Opening
from runyard.compute.cutting import Cut, cut_after
from runyard.compute.kubernetes_access import Access, access_of
from runyard.errors import InvalidParameter, Unavailable

WITHIN_S = (10.0, 30.0)
"""To connect, and between two pieces of an answer."""
ANSWERED_WITHIN_S = 60.0
"""For all of an answer: what sends a byte now and then must not hold a thread for ever."""
MAX_ANSWER_BYTES = 64_000_000
_ENDED_AT_ONCE_S = 1
"""Zero would take the pod off the list before its node has ended it."""

_NO_CLUSTER = "What answers is no API server of Kubernetes."
_MERGE = "application/merge-patch+json"

Object = Mapping[str, Any]
_under_way = threading.local()
"""What cuts the call of a thread: the client does not hand it to its connections."""


class Cluster:
    """One namespace of a cluster; nothing is connected to before something is asked.

    Args:
        opening: Where it is and with what, as it was written down.
    """

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._namespace: str = opening.settings.namespace
        self._client: Any = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of connections; the name of the server is looked up anew by what is asked next."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def list_jobs(self, selector: str) -> Sequence[Object]:
        """Return the jobs with such labels."""
        return self._listed("BatchV1Api.list_namespaced_job", label_selector=selector)

    def list_pods(self, selector: str) -> Sequence[Object]:
        """Return the pods with such labels."""
        return self._listed("CoreV1Api.list_namespaced_pod", label_selector=selector)

    def create_job(self, job: Object, *, is_dry: bool = False) -> Object:
        """Make a job and return it as it is kept, or only as it would be."""
        made = self._ask("BatchV1Api.create_namespaced_job", body=job, dry_run=_dry(is_dry)) or {}
        if not _is_object(made):
            raise Unavailable(_NO_CLUSTER)
        return made

    def change_job(self, name: str, change: Object) -> bool:
        """Change a job; return whether there is one."""
        found = self._ask("BatchV1Api.patch_namespaced_job", name=name, body=change, _content_type=_MERGE)
        return found is not None

    def delete_job(self, name: str) -> None:
        """Delete a job, if it is there; what it owns is deleted behind it."""
        self._ask("BatchV1Api.delete_namespaced_job", name=name, propagation_policy="Background")

    def delete_pod(self, name: str) -> None:
        """End a pod at once, if it is there."""
        self._ask("CoreV1Api.delete_namespaced_pod", name=name, grace_period_seconds=_ENDED_AT_ONCE_S)

    def create_secret(self, secret: Object, *, is_dry: bool = False) -> None:
        """Make a secret, or only see whether it could be made."""
        self._ask("CoreV1Api.create_namespaced_secret", body=secret, dry_run=_dry(is_dry))

    def put_config_map(self, config_map: Object) -> None:
        """Make a map of files, if it is not there."""
        self._ask("CoreV1Api.create_namespaced_config_map", body=config_map, may_be_there=True)

    def _listed(self, what: str, **asked: Any) -> Sequence[Object]:
        found = self._ask(what, **asked)
        if found is None:
            raise Unavailable(f"The cluster knows no such list: {what.partition('.')[2]}.")
        items = found.get("items") or []
        if not isinstance(items, list) or not all(map(_is_object, items)):
            raise Unavailable(_NO_CLUSTER)
        return items

    def _ask(self, what: str, *, may_be_there: bool = False, **asked: Any) -> Object | None:
        """Return what the cluster answers; None where what was named is not there.

        Raises:
            Unavailable: It does not answer, or refuses.
        """
        api, client = _api(), self._opened()
        kind, _, name = what.partition(".")
        method = getattr(getattr(api, kind)(client), name)
        try:
            content = _answered(partial(method, namespace=self._namespace, **asked))
        except api.ApiException as refused:
            if refused.status == 404 and ("name" in asked):
                return None
            if refused.status == 409 and may_be_there:
                return {}
            raise Unavailable(_refusal(refused)) from None
        except (HTTPError, OSError) as error:
            self.close()
            raise Unavailable(f"The cluster does not answer: {_why(error)}.") from None
        return _read(content)

    def _opened(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _client(self._opening)
            return self._client


def _answered(ask: Callable[..., Any]) -> bytes:
    """Return what is answered.

    Raises:
        TimeoutError: Not in time; whatever else the client raises is passed on.
    """
    with cut_after(ANSWERED_WITHIN_S) as cut:
        _under_way.cut = cut
        try:
            with ask(_preload_content=False, _request_timeout=WITHIN_S) as answer:
                content: bytes = answer.read(MAX_ANSWER_BYTES + 1)
        except (HTTPError, OSError):
            if not cut.is_done:
                raise
        finally:
            _under_way.cut = None
        if cut.is_done:  # where no length was told, what was cut off looks whole
            raise TimeoutError("it took too long")
    return content


class _Connection(HTTPSConnection):
    """Can be cut by what its thread is about, from its first byte to the last."""

    def _new_conn(self) -> socket.socket:
        opened = super()._new_conn()
        _watch(opened)
        return opened

    def request(self, *args: Any, **more: Any) -> None:
        if self.sock is not None:
            _watch(self.sock)
        super().request(*args, **more)


class _Connections(HTTPSConnectionPool):
    ConnectionCls = _Connection


def _watch(opened: socket.socket) -> None:
    cut: Cut | None = getattr(_under_way, "cut", None)
    if cut is not None:
        cut.watch(opened)


def _dry(is_dry: bool) -> str | None:
    return "All" if is_dry else None


def _api() -> Any:
    try:
        from kubernetes import client  # noqa: PLC0415 - an extra, and it takes half a second
    except ImportError:
        raise Unavailable(
            "The client of Kubernetes is not installed beside the server: pip install 'runyard[kubernetes]'."
        ) from None
    return client


def _client(opening: Opening) -> Any:
    """Return a client that connects to where the API server was found to be, and nowhere else."""
    api, access = _api(), access_of(opening)
    configuration = api.Configuration()
    configuration.host = f"https://{_address(opening, access)}:{access.port}{access.path}"
    configuration.proxy = None
    configuration.retries = Retry(0, redirect=False)
    configuration.tls_server_name = access.tls_name
    made = api.ApiClient(configuration)
    pools = made.rest_client.pool_manager
    pools.connection_pool_kw["ssl_context"] = _tls(access)
    pools.pool_classes_by_scheme = {"https": _Connections}
    made.set_default_header("Host", _bracketed(access.host) + f":{access.port}")
    if access.token:
        made.set_default_header("authorization", f"Bearer {access.token}")
    return made


def _address(opening: Opening, access: Access) -> str:
    try:
        found = opening.lookup(access.host, access.port)
    except InvalidParameter as refused:
        raise Unavailable(str(refused)) from None
    except (OSError, UnicodeError):
        raise Unavailable(f"The host {access.host!r} is not known.") from None
    if not found:
        raise Unavailable(f"The host {access.host!r} has no address.")
    return _bracketed(found[0])


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _tls(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca or None)
        if access.certificate:
            # The library of TLS reads them from files alone.
            with tempfile.TemporaryDirectory() as folder:
                certificate, key = Path(folder, "certificate"), Path(folder, "key")
                certificate.write_text(access.certificate, encoding="ascii")
                key.write_text(access.key, encoding="ascii")
                context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        raise Unavailable("The certificates of the credential are not good: PEM is expected.") from None
    return context


def _read(content: bytes) -> Object:
    try:
        found = json.loads(content) if len(content) <= MAX_ANSWER_BYTES else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unavailable(_NO_CLUSTER)
    return found


def _is_object(found: object) -> bool:
    """Whether it is a thing of the cluster's, with its name."""
    meta = found.get("metadata") if isinstance(found, dict) else None
    return isinstance(meta, dict) and {"name", "uid"} <= meta.keys()


def _refusal(refused: Any) -> str:
    """Return what the cluster says, in its own words where it has any."""
    try:
        said = str(json.loads(refused.body)["message"])
    except (ValueError, KeyError, TypeError):
        said = f"status {refused.status}"
    return f"The cluster refuses: {said[:500]}"


def _why(error: Exception) -> str:
    said = str(getattr(error, "reason", None) or error)
    # Some begin with what Python calls the connection.
    return said.rpartition(">: ")[2][:300].rstrip(".")
