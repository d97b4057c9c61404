"""Object stores that somebody else pays for, opened with the credential that they gave and with no other.

obstore fills from the environment whatever it is not told: this server's own keys, its endpoint, the role of
its machine. For a place that a caller names that would lend them the server's rights. So everything that
decides whom a request goes to, and in whose name, is said here, and what has no credential is not signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from runyard.entities.datastore import DatastoreKind, Place
from runyard.errors import InvalidParameter
from runyard.stores.artifacts.objects import ObjectArtifactStore, said_by

if TYPE_CHECKING:  # obstore has these types in its stubs alone
    from obstore.store import ClientConfig, RetryConfig

_RETRY: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
_PART_TIMEOUT: Final = "10min"
_CONNECT_TIMEOUT: Final = "5s"
_READ_TIMEOUT: Final = "60s"

Bearer = Callable[[], tuple[str, datetime]]
"""Returns an access token of Google's and when it ends."""


def open_foreign(
    kind: DatastoreKind, place: Place, credential: Mapping[str, str], bearer: Bearer
) -> ObjectArtifactStore:
    """Return the bucket or container at a place, whose names have been checked.

    Args:
        kind: Whose protocol it speaks.
        place: Where it is; its prefix is not looked at.
        credential: What it is signed with; without one, only what is public can be read.
        bearer: Has a token for the service account of ``credential``.

    Raises:
        InvalidParameter: The credential is none of that kind.
    """
    opens = {DatastoreKind.S3: _open_s3, DatastoreKind.AZURE_BLOB: _open_azure}.get(kind)
    try:
        opened = opens(place, credential) if opens else _open_google(place, credential, bearer)
    except (BaseError, ValueError) as error:
        raise InvalidParameter(f"The datastore can't be opened: {said_by(error)}.") from None
    return ObjectArtifactStore(opened)


def _open_s3(place: Place, credential: Mapping[str, str]) -> ObjectStore:
    endpoint = place.endpoint or f"https://s3.{place.region}.amazonaws.com"
    shown: Any = {
        "access_key_id": credential.get("access_key_id", ""),
        "secret_access_key": credential.get("secret_access_key", ""),
        "token": credential.get("session_token"),
        "expires_at": None,
    }
    config: Any = {
        "aws_endpoint_url_s3": endpoint,  # of all its names for it the one that wins, also in the environment
        "region": place.region,
        "skip_signature": not credential,
        "virtual_hosted_style_request": False,
    }
    return S3Store(
        place.bucket,
        config=config,
        client_options=_options(endpoint),
        retry_config=_RETRY,
        credential_provider=lambda: shown,
    )


def _open_azure(place: Place, credential: Mapping[str, str]) -> ObjectStore:
    endpoint = place.endpoint or f"https://{place.account}.blob.core.windows.net"
    if "sas_token" in credential:
        shown: Any = {"sas_token": credential["sas_token"], "expires_at": None}
    else:
        shown = {"access_key": credential.get("account_key", ""), "expires_at": None}
    return AzureStore(
        place.bucket,
        config={
            "account_name": place.account,
            "endpoint": endpoint,
            "skip_signature": not credential,
            "use_emulator": False,
        },
        client_options=_options(endpoint),
        retry_config=_RETRY,
        credential_provider=lambda: shown,
    )


def _open_google(place: Place, credential: Mapping[str, str], bearer: Bearer) -> ObjectStore:
    endpoint = place.endpoint or "https://storage.googleapis.com"

    def shown() -> Any:
        token, expires = bearer()
        return {"token": token, "expires_at": expires}

    return GCSStore(
        place.bucket,
        config={"base_url": endpoint, "skip_signature": not credential},
        client_options=_options(endpoint),
        retry_config=_RETRY,
        credential_provider=shown if credential else None,
    )


def _options(endpoint: str) -> ClientConfig:
    return {
        "allow_http": endpoint.startswith("http://"),
        "allow_invalid_certificates": False,
        "timeout": _PART_TIMEOUT,
        "connect_timeout": _CONNECT_TIMEOUT,
        "read_timeout": _READ_TIMEOUT,
    }
