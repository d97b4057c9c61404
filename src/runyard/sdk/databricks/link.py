"""Linking a workspace of Databricks: its clusters log into ours, all of them or one."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from runyard._version import __version__
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.sdk.addresses import is_loopback, server_url
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.databricks.account import Account
from runyard.sdk.databricks.identity import LinkIdentity
from runyard.sdk.databricks.placed import (
    check_free,
    missing_of_cluster,
    put_into_cluster,
    script_of,
    take_out,
    take_out_library,
)
from runyard.sdk.databricks.record import (
    KEY_NAME,
    LinkRecord,
    find,
    find_all,
    forget,
    keep,
    link_id_of,
)
from runyard.sdk.grants import Grants
from runyard.sdk.secrets import HasSecrets

DEFAULT_LIBRARY = f"runyard=={__version__}"


@names_arguments
class DatabricksLink:
    """A link between a workspace and one of Databricks; made by ``ws.link_databricks``.

    Args:
        place: What the workspace has.
        record: What is known of the link.

    Example:
        >>> link = ws.link_databricks("0712-093145-abc", profile="lab")  # doctest: +SKIP
        >>> link.missing(profile="lab")  # doctest: +SKIP
        []
    """

    def __init__(self, place: HasDatabricksLinks, record: LinkRecord) -> None:
        self._place = place
        self.record = record

    @property
    def link_id(self) -> str:
        """The link's id.

        Example:
            >>> ws.databricks_links()[0].link_id  # doctest: +SKIP
            '5d1f0c2ab9'
        """
        return self.record.link_id

    @property
    def is_complete(self) -> bool:
        """Whether all of it was made; one that is not is made anew, or unlinked.

        Example:
            >>> ws.databricks_link("5d1f0c2ab9").is_complete  # doctest: +SKIP
            True
        """
        return self.record.is_complete

    def missing(self, *, token: str | None = None, profile: str | None = None) -> list[str]:
        """Return what is not as it was linked, in words, after Databricks and the server are asked.

        Args:
            token: As in :meth:`HasDatabricksLinks.link_databricks`.
            profile: As ``token``.

        Raises:
            Forbidden: The caller administers no server or, where all clusters are linked, no workspace of
                Databricks.
            Unavailable: Databricks does not answer.

        Example:
            >>> ws.databricks_link("5d1f0c2ab9").missing(profile="lab")  # doctest: +SKIP
            []
        """
        record, account = self.record, self._account(token, profile)
        found = [] if self._has_good_key() else ["the API key is not good any more: link again"]
        if not account.has_secret(record.secret_scope, KEY_NAME):
            found.append(f"the secret {record.secret_scope}/{KEY_NAME} is not there: link again")
        if not record.cluster_id:
            is_as_linked = account.script_named(record.script_name) == script_of(record)
            return found if is_as_linked else [*found, "the global init script is not as it was: link again"]
        return [*found, *missing_of_cluster(account, record)]

    def unlink(
        self, *, token: str | None = None, profile: str | None = None, only_here: bool = False
    ) -> None:
        """End the link: the key first, so that nothing logs any more, then all that was put into Databricks.

        A cluster that runs starts again. A link that could only be ended in part stays listed.

        Args:
            token: As in :meth:`HasDatabricksLinks.link_databricks`.
            profile: As ``token``.
            only_here: Leave Databricks alone, as when the workspace there is gone.

        Raises:
            Forbidden: The caller administers no server, or may not change what is in Databricks.
            Unavailable: Databricks does not answer.

        Example:
            >>> ws.databricks_link("5d1f0c2ab9").unlink(profile="lab")  # doctest: +SKIP
        """
        account = None if only_here else self._account(token, profile)
        self.record = msgspec.structs.replace(self.record, is_complete=False)
        keep(self._place.secrets, self.record)
        self._place._identity_of(self.record).lock_out()
        if account is not None:
            take_out(account, self.record)
        forget(self._place.secrets, self.record)

    def _account(self, token: str | None, profile: str | None) -> Account:
        """Return the workspace of Databricks, if it was an administrator of ours who linked it.

        Raises:
            InvalidState: It was not: a contributor may write a record, but makes no service principal.
        """
        try:
            self._place._identity_of(self.record).active_keys()
        except NotFound:
            raise InvalidState(
                f"{self.link_id} is a record that nobody made by linking: there is no principal "
                f"{self.record.principal!r}. Nothing is sent to {self.record.host}; unlink it only here."
            ) from None
        return Account(self.record.host, token, profile)

    def _has_good_key(self) -> bool:
        try:
            return self.record.key_id in self._place._identity_of(self.record).active_keys()
        except NotFound:
            return False

    def __repr__(self) -> str:
        what = f"cluster {self.record.cluster_id!r}" if self.record.cluster_id else "all clusters"
        return f"DatabricksLink({self.link_id!r}, {what} of {self.record.host!r})"


@names_arguments
class HasDatabricksLinks(HasSecrets):
    """What a workspace has about the workspaces of Databricks that log into it."""

    _url: str

    def link_databricks(
        self,
        cluster_id: str | None = None,
        *,
        host: str | None = None,
        token: str | None = None,
        profile: str | None = None,
        url: str | None = None,
        library: str | os.PathLike[str] | None = None,
        dual_logging: bool = False,
        readers: str = "users",
        renew_key: bool = False,
    ) -> DatabricksLink:
        """Have what runs on a Databricks cluster, or on all, log into this workspace; return the link.

        The clusters are a service principal of their own here, a contributor of this workspace alone. Its
        API key is shown to nobody; it goes into a scope of Databricks' secrets.

        A single cluster gets the library and environment variables, in which Databricks puts the secret when
        it starts Spark, so that the driver and the executors have it
        (https://docs.databricks.com/en/security/secrets/secrets-spark-conf-env-var.html). All clusters get a
        global init script (https://docs.databricks.com/en/init-scripts/global.html), which others may read
        and which therefore only names the secret: a notebook reads it as the person who runs it, and
        executors do not have it.

        To link twice changes what differs. What fails on its way stays listed, and can be linked again or
        unlinked. A cluster that runs is started again; of all clusters each changes when it next starts.

        Args:
            cluster_id: The one cluster; left out, all clusters of the Databricks workspace.
            host: Address of the Databricks workspace; left out, as the next two, what Databricks' own client
                finds in the environment, in ``~/.databrickscfg`` and in the command lines of the clouds.
            token: A token for it, which is not kept.
            profile: A profile of ``~/.databrickscfg``.
            url: Address of this server as the clusters reach it, by default that of the workspace.
            library: What gives the clusters Runyard: a requirement of pip's, by default this version; or,
                for a single cluster, a wheel on this machine, which is uploaded to the person's own folder.
            dual_logging: Log a copy of each run's metrics, params and tags to Databricks' own MLflow, too;
                files are here alone.
            readers: Where all clusters are linked, the user or the group of Databricks that may read the key.
            renew_key: Make a new key though the one there is is good; what runs needs a new start.

        Raises:
            Forbidden: The caller administers no server here, or may not do it in Databricks.
            InvalidParameter: Databricks can't reach the address, or there is no way to sign in there.
            InvalidState: Something else sets the tracking of the cluster.
            NotFound: There is no such cluster.
            AlreadyExists: Another server's workspace is linked.

        Example:
            >>> ws.link_databricks("0712-093145-abc", profile="lab")  # doctest: +SKIP
            DatabricksLink('5d1f0c2ab9', cluster '0712-093145-abc' of 'https://dbc-1.cloud.databricks.com')
        """
        address = _reachable(url or self._url)
        account = Account(host, token, profile)
        link_id = link_id_of(account.host, self._name, cluster_id or "")
        record = LinkRecord(
            link_id, account.host, self._name, address, cluster_id or "", dual_logging=dual_logging
        )
        record = msgspec.structs.replace(record, library=_named_library(account, record, library))
        previous = find(self.secrets, link_id)
        check_free(account, record, previous)
        if previous is not None:
            take_out_library(account, previous, instead=record.library)
            record = msgspec.structs.replace(
                record,
                key_id="" if renew_key else previous.key_id,
                former_urls=tuple({previous.url, *previous.former_urls} - {record.url}),
            )
        return self._make(account, record, library, readers)

    def databricks_links(self) -> list[DatabricksLink]:
        """Return the links of the workspace, also those that were only made in part; Databricks is not asked.

        Raises:
            Forbidden: The caller is no contributor of the workspace.

        Example:
            >>> ws.databricks_links()
            []
        """
        return [DatabricksLink(self, record) for record in find_all(self.secrets)]

    def databricks_link(self, link_id: str) -> DatabricksLink:
        """Return the link of that id.

        Raises:
            NotFound: The workspace has no such link.

        Example:
            >>> ws.databricks_link("5d1f0c2ab9")
            Traceback (most recent call last):
                ...
            runyard.errors.NotFound: There is no link '5d1f0c2ab9' to Databricks. ...
        """
        record = find(self.secrets, link_id)
        if record is None:
            raise NotFound(
                f"There is no link {link_id!r} to Databricks. `runyard databricks list` shows them."
            )
        return DatabricksLink(self, record)

    def _identity_of(self, record: LinkRecord) -> LinkIdentity:
        return LinkIdentity(self._url, Grants(self._connection), record)

    def _make(
        self, account: Account, record: LinkRecord, library: str | os.PathLike[str] | None, readers: str
    ) -> DatabricksLink:
        identity = self._identity_of(record)
        identity.admit()
        keep(self.secrets, record)
        record = _with_key(account, identity, record)
        keep(self.secrets, record)
        if record.cluster_id:
            put_into_cluster(account, record, library)
        else:
            account.let_read(record.secret_scope, readers)
            account.put_script(record.script_name, script_of(record))
        identity.revoke_all_but(record.key_id)
        record = msgspec.structs.replace(record, former_urls=(), is_complete=True)
        keep(self.secrets, record)
        return DatabricksLink(self, record)


def _with_key(account: Account, identity: LinkIdentity, record: LinkRecord) -> LinkRecord:
    """Return the record with a key that is good and that Databricks has."""
    if record.key_id in identity.active_keys() and account.has_secret(record.secret_scope, KEY_NAME):
        return record
    made = identity.new_key()
    account.put_secret(record.secret_scope, KEY_NAME, made.api_key)
    return msgspec.structs.replace(record, key_id=made.key.key_id)


def _reachable(url: str) -> str:
    address = server_url(url)
    if is_loopback(address):
        raise InvalidParameter(
            f"{address} is this very machine, and clusters can't reach it: "
            "say by 'url' how they reach the server."
        )
    return address


def _named_library(account: Account, record: LinkRecord, library: str | os.PathLike[str] | None) -> str:
    """Return what the clusters are to install, as Databricks knows it."""
    user = account.user_name()
    if library is None:
        return DEFAULT_LIBRARY
    if not os.fspath(library).endswith(".whl"):
        return os.fspath(library)
    wheel = Path(library)
    if not record.cluster_id:
        raise InvalidParameter(
            "A global init script can't read a wheel that is uploaded; "
            "say a requirement of pip's for 'library', or link a single cluster."
        )
    if not wheel.is_file():
        raise InvalidParameter(f"'library' is {str(wheel)!r}, and there is no such wheel.")
    return f"/Workspace/Users/{user}/.runyard/{record.link_id}/{wheel.name}"
