"""What the server tells of a datastore, under the names that Azure's first SDK has for it."""

from __future__ import annotations

from runyard.protocol.messages.datastores import WireDatastore

_AZURES_NAMES = {"folder": "LocalFolder", "s3": "S3", "azure_blob": "AzureBlob", "gcs": "GoogleCloudStorage"}


class DatastoreFacts:
    """A datastore as it was when the server was asked."""

    _described: WireDatastore

    @property
    def datastore_type(self) -> str:
        """What keeps the files, as Azure's SDK names it: ``AzureBlob``, and ``S3`` and the like.

        Example:
            >>> store.datastore_type
            'LocalFolder'
        """
        return _AZURES_NAMES.get(self._described.kind, self._described.kind)

    @property
    def container_name(self) -> str:
        """The container or bucket; empty for a folder.

        Example:
            >>> store.container_name
            ''
        """
        return self._described.bucket

    @property
    def account_name(self) -> str:
        """Azure's storage account; empty for others.

        Example:
            >>> store.account_name
            ''
        """
        return self._described.account

    @property
    def endpoint(self) -> str:
        """The service's address where it is not the cloud's own.

        Example:
            >>> store.endpoint
            ''
        """
        return self._described.endpoint

    @property
    def is_default(self) -> bool:
        """Whether it was the workspace's default one when the server was asked.

        Example:
            >>> store.is_default
            True
        """
        return self._described.is_default

    @property
    def details(self) -> WireDatastore:
        """All that the server tells of it, which is all but the credential.

        Example:
            >>> store.details.kind
            'folder'
        """
        return self._described
