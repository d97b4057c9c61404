"""Where artifacts are kept: the setting ``artifact_store`` becomes a store, and says so if it can't be used.

Credentials are those that each cloud's own tools take from the environment; obstore reads them.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from runyard.errors import InvalidParameter, RunyardError, Unavailable
from runyard.settings import Durability
from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.folder import FolderArtifactStore
from runyard.stores.artifacts.objects import AddressedObjectArtifactStore, said_by
from runyard.stores.artifacts.paths import ArtifactPath

if TYPE_CHECKING:  # obstore has these types in its stubs alone
    from obstore.store import ClientConfig, RetryConfig


@dataclass(frozen=True, slots=True)
class _Backend:
    """A kind of object store, and what steers it: its endpoint's variables, the one that wins first."""

    opens: type[S3Store] | type[AzureStore] | type[GCSStore]
    endpoint_variables: tuple[str, ...]
    what_to_set: str


_AMAZON = _Backend(
    S3Store,
    ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or a role of the machine), AWS_REGION, and "
    "AWS_ENDPOINT_URL if it is not Amazon's",
)
_AZURE = _Backend(
    AzureStore,
    ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    "AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or the variables of "
    "an identity",
)
_GOOGLE = _Backend(
    GCSStore,
    ("GOOGLE_BASE_URL",),
    "GOOGLE_APPLICATION_CREDENTIALS (or a service account of the machine)",
)
_BACKENDS = {
    "s3": _AMAZON,
    "s3a": _AMAZON,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "wasbs": _AZURE,
    "gs": _GOOGLE,
}

# As Hadoop and older Azure tools write it.
_WASB = re.compile(r"wasbs?://([^/@]+)@([^/.]+)\.blob\.(core\.[^/]+)(/.*)?")
_RETRY: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}
_PART_TIMEOUT = "10min"  # for one request with its body; the largest part over a slow line
_CONNECT_TIMEOUT = "5s"
_READ_TIMEOUT = "60s"


def open_artifacts(
    location: str,
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    durability: Durability = Durability.COMMIT,
) -> ArtifactStore:
    """Return the store at ``location``, or the one in ``folder`` if there is none.

    Raises:
        InvalidParameter: ``location`` is no address of a store, or the environment contradicts itself.
    """
    if not location:
        return FolderArtifactStore(folder, durability)
    backend = _backend_of(location)
    endpoint = next((environment[name] for name in backend.endpoint_variables if environment.get(name)), "")
    options: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "timeout": _PART_TIMEOUT,
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": _READ_TIMEOUT,
    }
    url = _WASB.sub(r"abfss://\1@\2.dfs.\3\4", location)
    try:
        opened = backend.opens.from_url(url, client_options=options, retry_config=_RETRY)
    except (BaseError, ValueError) as error:
        raise InvalidParameter(
            f"artifact_store {location!r} can't be opened: {said_by(error)}. Set {backend.what_to_set}."
        ) from None
    return AddressedObjectArtifactStore(opened, environment.get("AWS_SECRET_ACCESS_KEY", ""))


def _backend_of(location: str) -> _Backend:
    scheme, _, rest = location.partition("://")
    backend = _BACKENDS.get(scheme)
    if backend is None or not rest.strip("/"):
        known = ", ".join(f"{name}://" for name in sorted(_BACKENDS))
        raise InvalidParameter(
            f"artifact_store must name a bucket or container ({known}), as in s3://bucket/prefix, "
            f"not {location!r}."
        )
    if set("?#") & set(rest) or ":" in rest.partition("/")[0]:
        raise InvalidParameter(
            "artifact_store takes no query, fragment, port or password: credentials and endpoint come from "
            "the environment."
        )
    return backend


def check_writable(store: ArtifactStore, location: str) -> None:
    """Write, read, list and delete a file of our own, so that a server that can't says so when it starts.

    Raises:
        Unavailable: One of them failed; the text says what the service said, and what to set.
    """
    if not location:
        return
    probe = ArtifactPath((".probe", secrets.token_hex(8)))
    try:
        with store.create(probe) as upload:
            upload.write(b"runyard")
            upload.commit()
        with store.open(probe) as download:
            download.read(0, download.file.size_bytes)
        store.list(probe.parent)
        store.delete(probe)
    except RunyardError as error:
        reason = said_by(error.__cause__ or error)
        raise Unavailable(
            f"The artifact store {location} can't be written and read: {reason}. The bucket or container "
            f"must exist and let this server write; set {_backend_of(location).what_to_set}."
        ) from None
