"""What is known of a link: kept with the workspace's secrets, though no secret is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from runyard.decoding import learnt
from runyard.errors import InvalidState, NotFound
from runyard.sdk.databricks.variables import TOKEN, tracking_variables
from runyard.sdk.secrets import Secrets

CONTENT_TYPE: Final = "application/vnd.runyard.databricks-link+json"
KEY_NAME: Final = "api-key"
_PREFIX: Final = "databricks-link."


class LinkRecord(msgspec.Struct, frozen=True):
    """A link as it was last made.

    Args:
        link_id: The same for the same workspaces and cluster.
        host: Address of the Databricks workspace.
        workspace: Name of our workspace.
        url: Address of our server, as clusters reach it.
        cluster_id: The one cluster that is linked; empty for all of the Databricks workspace.
        library: What is installed: a requirement of pip's, or a wheel below ``/Workspace``.
        dual_logging: Whether a copy of each run is logged to Databricks, too.
        key_id: The API key that the clusters send; empty before there is one.
        former_urls: Addresses that a cluster may still have, as the way to another one failed in between.
        is_complete: Whether all of it was made; if not, link again or unlink.
    """

    link_id: str
    host: str
    workspace: str
    url: str
    cluster_id: str = ""
    library: str = ""
    dual_logging: bool = False
    key_id: str = ""
    former_urls: tuple[str, ...] = ()
    is_complete: bool = False

    @property
    def principal(self) -> str:
        """Name of the service principal that the clusters are for our server."""
        return f"databricks-{self.link_id}"

    @property
    def secret_scope(self) -> str:
        """Name of the scope of Databricks' secrets that holds the key."""
        return f"runyard-{self.link_id}"

    @property
    def script_name(self) -> str:
        """Name of the global init script, where there is one."""
        return f"Runyard link {self.link_id}"

    @property
    def wheel(self) -> str:
        """The wheel that was uploaded, if one was; it lies in a folder of the link's own."""
        folder, _, name = self.library.partition(f"/.runyard/{self.link_id}/")
        is_own = folder.startswith("/Workspace/Users/") and ".." not in folder and name and "/" not in name
        return self.library if is_own else ""

    @property
    def cluster_variables(self) -> dict[str, str]:
        """What the environment of a linked cluster has, with a reference in the place of the key."""
        return self._variables(self.url, dual_logging=self.dual_logging)

    def without_own(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return what is left of a cluster's variables without the link's own; what others changed stays."""
        own = [self._variables(url, dual_logging=True) for url in (self.url, *self.former_urls)]
        return {
            name: value for name, value in variables.items() if all(each.get(name) != value for each in own)
        }

    def _variables(self, url: str, *, dual_logging: bool) -> dict[str, str]:
        reference = f"{{{{secrets/{self.secret_scope}/{KEY_NAME}}}}}"
        return {**tracking_variables(url, self.workspace, dual_logging=dual_logging), TOKEN: reference}


def link_id_of(host: str, workspace: str, cluster_id: str) -> str:
    """Return the id of a link, by which it is found again when it is made a second time."""
    return hashlib.sha256(f"{host}\n{workspace}\n{cluster_id}".encode()).hexdigest()[:10]


def keep(secrets: Secrets, record: LinkRecord) -> None:
    """Keep a record in place of the one before.

    Raises:
        Forbidden: The caller is no contributor of the workspace.
    """
    text = msgspec.json.encode(record).decode()
    secrets.set(_PREFIX + record.link_id, text, content_type=CONTENT_TYPE)


def find(secrets: Secrets, link_id: str) -> LinkRecord | None:
    """Return the record of a link; None if there is none.

    Raises:
        InvalidState: What is kept under its name is no such record, or that of another link.
    """
    try:
        text = secrets.get(_PREFIX + link_id)
    except NotFound:
        return None
    try:
        record = msgspec.json.decode(text, type=learnt(LinkRecord))
    except msgspec.MsgspecError as error:
        raise InvalidState(f"The secret {_PREFIX}{link_id} is no record of a link: {error}") from None
    # Each contributor may write secrets, and who unlinks sends their token for Databricks to this host.
    if {record.link_id, link_id_of(record.host, record.workspace, record.cluster_id)} != {link_id}:
        raise InvalidState(f"The secret {_PREFIX}{link_id} is the record of another link: remove it.")
    return record


def find_all(secrets: Secrets) -> list[LinkRecord]:
    """Return the records of all links of the workspace, by id."""
    names = [each.name for each in secrets.describe() if each.content_type == CONTENT_TYPE]
    found = (find(secrets, name.removeprefix(_PREFIX)) for name in names)
    return [record for record in found if record is not None]


def forget(secrets: Secrets, record: LinkRecord) -> None:
    """Forget a record."""
    secrets.delete(_PREFIX + record.link_id)
