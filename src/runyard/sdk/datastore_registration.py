"""Registering datastores: the ways of Azure's first SDK, and their like for what it has no words for."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.datastores import (
    DatastoreAnswer,
    RegisterDatastore,
    WireCredential,
    WireDatastore,
)
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import connection_of

if TYPE_CHECKING:
    from runyard.sdk.datastore import Datastore
    from runyard.sdk.workspace import Workspace

_AZURES_OWN = "core.windows.net"
_ARGUMENT_OF = {"name": "datastore_name", "bucket": "bucket_name", "account": "account_name"}
_FIELD = re.compile(r"(^|for |parameter )'(?:credential\.)?([a-z_]+)'")


@names_arguments
class RegistersDatastores:
    """What the class ``Datastore`` knows about new ones."""

    @classmethod
    def _of(cls, workspace: Workspace, described: WireDatastore) -> Datastore:
        raise NotImplementedError

    @classmethod
    def register_azure_blob_container(
        cls,
        workspace: Workspace,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: str | None = None,
        account_key: str | None = None,
        protocol: str | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: int | None = None,
        grant_workspace_access: bool = False,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        *,
        prefix: str = "",
        description: str = "",
    ) -> Datastore:
        """Register a container of Azure Blob Storage; without a key or token, what is public in it is read.

        Args:
            workspace: For which workspace.
            datastore_name: What to call it: letters of ASCII, digits, ``_`` and ``-``.
            container_name: The container, which must be there.
            account_name: The storage account.
            sas_token: A shared access signature; kept encrypted and never shown.
            account_key: The account's key, in place of a ``sas_token``.
            protocol: ``https``, or ``http`` with an ``endpoint`` of your own.
            endpoint: Of another cloud than Azure's own, as ``core.chinacloudapi.cn``, or a whole address as
                ``http://127.0.0.1:10000/account``. An administrator must have named its host in the
                setting ``outbound_allow``.
            overwrite: Whether to replace a datastore of this name.
            create_if_not_exists: Not done here: make the container first.
            skip_validation: Whether to register it without looking whether it can be listed.
            blob_cache_timeout: No effect.
            grant_workspace_access: No effect.
            subscription_id: No effect.
            resource_group: No effect.
            prefix: The folder in the container that is the datastore's root.
            description: Free text.

        Raises:
            InvalidParameter: It can't be, or the container can't be listed.
            AlreadyExists: There is one of that name, and ``overwrite`` is false.
            Forbidden: The credential does not allow it.

        Example:
            >>> key = base64.b64encode(b"the account's key").decode()
            >>> Datastore.register_azure_blob_container(
            ...     ws, "scans", "scans", "labdata", account_key=key, skip_validation=True
            ... )
            Datastore('scans', kind='azure_blob')
        """
        if create_if_not_exists:
            raise NotImplementedHere("Runyard makes no containers: make it first, then register it.")
        address = _azure_endpoint(account_name, endpoint, protocol)
        wanted = RegisterDatastore(
            name=datastore_name,
            kind="azure_blob",
            bucket=container_name,
            account=account_name,
            endpoint=address,
            prefix=prefix,
            credential=_credential(account_key=account_key, sas_token=sas_token and sas_token.lstrip("?")),
            description=description,
            overwrite=overwrite,
            skip_validation=skip_validation,
        )
        return cls._register(workspace, wanted)

    @classmethod
    def register_s3_bucket(
        cls,
        workspace: Workspace,
        datastore_name: str,
        bucket_name: str,
        *,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        session_token: str | None = None,
        region: str = "",
        endpoint: str = "",
        prefix: str = "",
        overwrite: bool = False,
        skip_validation: bool = False,
        description: str = "",
    ) -> Datastore:
        """Register a bucket of Amazon S3, or of a service that speaks its protocol.

        Args:
            workspace: For which workspace.
            datastore_name: What to call it: letters of ASCII, digits, ``_`` and ``-``.
            bucket_name: The bucket, which must be there.
            access_key_id: The key's id; without a key, what is public in the bucket is read.
            secret_access_key: The key's secret; kept encrypted and never shown.
            session_token: What goes with a key of a session.
            region: The bucket's region, by default ``us-east-1``.
            endpoint: The address of another service than Amazon's, as ``https://minio.lab.example``. An
                administrator must have named its host in the setting ``outbound_allow``.
            prefix: The folder in the bucket that is the datastore's root.
            overwrite: Whether to replace a datastore of this name.
            skip_validation: Whether to register it without looking whether it can be listed.
            description: Free text.

        Raises:
            InvalidParameter: It can't be, or the bucket can't be listed.
            AlreadyExists: There is one of that name, and ``overwrite`` is false.
            Forbidden: The credential does not allow it.

        Example:
            >>> Datastore.register_s3_bucket(
            ...     ws,
            ...     "scans",
            ...     "lab-scans",
            ...     access_key_id="AKIA0EXAMPLE",
            ...     secret_access_key="s3cr3t",
            ...     skip_validation=True,
            ... )
            Datastore('scans', kind='s3')
        """
        credential = _credential(
            access_key_id=access_key_id, secret_access_key=secret_access_key, session_token=session_token
        )
        wanted = RegisterDatastore(
            name=datastore_name,
            kind="s3",
            bucket=bucket_name,
            region=region,
            endpoint=endpoint,
            prefix=prefix,
            credential=credential,
            description=description,
            overwrite=overwrite,
            skip_validation=skip_validation,
        )
        return cls._register(workspace, wanted)

    @classmethod
    def register_gcs_bucket(
        cls,
        workspace: Workspace,
        datastore_name: str,
        bucket_name: str,
        *,
        service_account_key: str | os.PathLike[str] | None = None,
        endpoint: str = "",
        prefix: str = "",
        overwrite: bool = False,
        skip_validation: bool = False,
        description: str = "",
    ) -> Datastore:
        """Register a bucket of Google Cloud Storage.

        Args:
            workspace: For which workspace.
            datastore_name: What to call it: letters of ASCII, digits, ``_`` and ``-``.
            bucket_name: The bucket, which must be there.
            service_account_key: The JSON of a service account's key, or a path to that file; kept encrypted
                and never shown. Without one, what is public in the bucket is read.
            endpoint: The address of another service than Google's. An administrator must have named its host
                in the setting ``outbound_allow``.
            prefix: The folder in the bucket that is the datastore's root.
            overwrite: Whether to replace a datastore of this name.
            skip_validation: Whether to register it without looking whether it can be listed.
            description: Free text.

        Raises:
            InvalidParameter: It can't be, or the bucket can't be listed.
            AlreadyExists: There is one of that name, and ``overwrite`` is false.
            Forbidden: The credential does not allow it.

        Example:
            >>> Datastore.register_gcs_bucket(ws, "scans", "lab-scans", skip_validation=True)
            Datastore('scans', kind='gcs')
        """
        key = service_account_key
        if isinstance(key, os.PathLike) or (
            isinstance(key, str) and key and not key.lstrip().startswith("{")
        ):
            key = _read_key(Path(key))
        wanted = RegisterDatastore(
            name=datastore_name,
            kind="gcs",
            bucket=bucket_name,
            endpoint=endpoint,
            prefix=prefix,
            credential=_credential(service_account_key=key),
            description=description,
            overwrite=overwrite,
            skip_validation=skip_validation,
        )
        return cls._register(workspace, wanted)

    @classmethod
    def register_folder(
        cls,
        workspace: Workspace,
        datastore_name: str,
        folder: str = "",
        *,
        overwrite: bool = False,
        description: str = "",
    ) -> Datastore:
        """Register a folder: one in the server's own artifact store, or one of the server's machine.

        Args:
            workspace: For which workspace.
            datastore_name: What to call it: letters of ASCII, digits, ``_`` and ``-``.
            folder: A folder of the server's machine, as ``/data/scans``, which an administrator must have
                named in the setting ``datastore_folders``, itself or one around it. Left out, a new one in
                the server's own store.
            overwrite: Whether to replace a datastore of this name.
            description: Free text.

        Raises:
            InvalidParameter: The server does not let that folder be used.
            AlreadyExists: There is one of that name, and ``overwrite`` is false.
            Forbidden: The credential does not allow it.

        Example:
            >>> Datastore.register_folder(ws, "scans", description="What the microscopes made.")
            Datastore('scans', kind='folder')
        """
        wanted = RegisterDatastore(
            name=datastore_name, kind="folder", folder=folder, description=description, overwrite=overwrite
        )
        return cls._register(workspace, wanted)

    @classmethod
    def _register(cls, workspace: Workspace, wanted: RegisterDatastore) -> Datastore:
        """Register what a method was asked for; a refusal names that method's arguments."""
        try:
            return cls.register(workspace, wanted)
        except InvalidParameter as error:
            raise InvalidParameter(_in_arguments(error.message, wanted.kind)) from error

    @staticmethod
    def register_azure_file_share(workspace: Workspace, datastore_name: str, *_: Any, **__: Any) -> NoReturn:
        """Say what to use in place of a file share of Azure's.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> Datastore.register_azure_file_share(ws, "share")
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Runyard has no datastores on Azure's file shares: ...
        """
        raise NotImplementedHere(
            "Runyard has no datastores on Azure's file shares: use register_azure_blob_container, or mount "
            "the share on the server's machine and use register_folder."
        )

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: Workspace, datastore_name: str, *_: Any, **__: Any
    ) -> NoReturn:
        """Say what to use in place of a service principal for a data lake of Azure's.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> Datastore.register_azure_data_lake_gen2(ws, "lake")
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Runyard has no datastores by a service principal ...
        """
        raise NotImplementedHere(
            "Runyard has no datastores by a service principal of Azure's: use register_azure_blob_container "
            "with the file system's name as container_name, and an account_key or a sas_token."
        )

    @staticmethod
    def register_azure_sql_database(
        workspace: Workspace, datastore_name: str, *_: Any, **__: Any
    ) -> NoReturn:
        """Say what to use in place of a database as a datastore.

        Raises:
            NotImplementedHere: Always.

        Example:
            >>> Datastore.register_azure_sql_database(ws, "warehouse")
            Traceback (most recent call last):
                ...
            runyard.errors.NotImplementedHere: Runyard has no databases as datastores: ...
        """
        raise NotImplementedHere(
            "Runyard has no databases as datastores: keep the connection's password in ws.secrets, and ask "
            "the database from your script."
        )

    @classmethod
    def register(cls, workspace: Workspace, wanted: RegisterDatastore) -> Datastore:
        """Register what a message describes; the methods that are named by kinds make it.

        Raises:
            InvalidParameter: It can't be, or can't be listed.
            AlreadyExists: There is one of that name, and ``overwrite`` is false.
            Forbidden: The credential does not allow it.

        Example:
            >>> from runyard.protocol.messages.datastores import RegisterDatastore
            >>> Datastore.register(ws, RegisterDatastore(name="scans", kind="folder"))
            Datastore('scans', kind='folder')
        """
        answer = connection_of(workspace).post(
            "/api/v1/datastores", wanted, DatastoreAnswer, is_repeatable=wanted.overwrite
        )
        return cls._of(workspace, answer.datastore)


def _in_arguments(refusal: str, kind: str) -> str:
    """Return a server's refusal with the argument named in place of the message's field."""
    arguments = _ARGUMENT_OF | ({"bucket": "container_name"} if kind == "azure_blob" else {})
    return _FIELD.sub(lambda found: f"{found[1]}'{arguments.get(found[2], found[2])}'", refusal, count=1)


def _credential(**given: str | None) -> WireCredential | None:
    found = {name: value for name, value in given.items() if value}
    return WireCredential(**found) if found else None


def _read_key(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"service_account_key can't be read: {error}") from None


def _azure_endpoint(account: str, endpoint: str | None, protocol: str | None) -> str:
    """Return a whole address for what Azure's SDK takes; empty for Azure's own cloud."""
    if protocol not in (None, "https", "http"):
        raise InvalidParameter(f"protocol is 'https' or 'http', not {protocol!r}.")
    if not endpoint or (endpoint == _AZURES_OWN and protocol != "http"):
        return ""
    return endpoint if "://" in endpoint else f"{protocol or 'https'}://{account}.blob.{endpoint}"
