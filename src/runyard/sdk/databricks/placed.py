"""What a link puts into Databricks: how it gets there, what of it is missing, how it is taken out."""

from __future__ import annotations

import os
from pathlib import Path

from runyard.errors import AlreadyExists, InvalidState, NotFound
from runyard.sdk.databricks.account import Account
from runyard.sdk.databricks.init_script import init_script
from runyard.sdk.databricks.record import KEY_NAME, LinkRecord
from runyard.sdk.databricks.secret import NAMED_BY
from runyard.sdk.databricks.variables import tracking_variables


def check_free(account: Account, record: LinkRecord, previous: LinkRecord | None) -> None:
    """Refuse to link what logs elsewhere, before anything is changed.

    Raises:
        AlreadyExists: Another server's workspace is linked.
        InvalidState: Something else sets the tracking of the cluster, or of all clusters.
    """
    if previous is None and account.has_scope(record.secret_scope):
        raise AlreadyExists(
            f"Databricks has a scope of secrets {record.secret_scope!r}: another server's workspace "
            f"{record.workspace!r} is linked. Unlink it there, or remove the scope."
        )
    if not record.cluster_id:
        links = [name for name in account.script_names() if name.startswith("Runyard link ")]
        others = [name for name in links if name != record.script_name]
        if others:
            raise InvalidState(f"All clusters are linked already, by the global init script {others[0]!r}.")
        return
    present = account.variables_of(record.cluster_id)
    if previous is not None:
        present = previous.without_own(present)
    set_by_others = sorted(present.keys() & record.cluster_variables.keys())
    if set_by_others:
        raise InvalidState(
            f"The cluster {record.cluster_id} has {', '.join(set_by_others)} from somewhere else: "
            "unlink it there, or remove them from its environment variables."
        )


def script_of(record: LinkRecord) -> str:
    """Return the global init script of a link."""
    variables = {
        **tracking_variables(record.url, record.workspace, dual_logging=record.dual_logging),
        NAMED_BY: f"{record.secret_scope}/{KEY_NAME}",
    }
    return init_script(variables, library=record.library, may_fail=False)


def put_into_cluster(account: Account, record: LinkRecord, library: str | os.PathLike[str] | None) -> None:
    """Give a cluster the library and the variables that it lacks; one that runs is started again."""
    if record.wheel and library is not None:
        account.upload(record.wheel.removeprefix("/Workspace"), Path(library).read_bytes())
    account.install(record.cluster_id, record.library)
    present = account.variables_of(record.cluster_id)
    wanted = {**record.without_own(present), **record.cluster_variables}
    if wanted != present:
        account.set_variables(record.cluster_id, wanted)


def missing_of_cluster(account: Account, record: LinkRecord) -> list[str]:
    """Return in words what a cluster has no longer of what its link put there."""
    present = account.variables_of(record.cluster_id)
    found = [
        f"the cluster's variable {name} is not as it was: link again"
        for name, value in record.cluster_variables.items()
        if present.get(name) != value
    ]
    state = account.state_of_library(record.cluster_id, record.library)
    if state.partition(":")[0] != "INSTALLED":
        found.append(f"the library {record.library} is {state or 'not there: link again'}")
    return found


def take_out(account: Account, record: LinkRecord) -> None:
    """Take out of Databricks what a link put there, as far as it is there."""
    if record.cluster_id:
        _take_out_of_cluster(account, record)
    else:
        account.remove_script(record.script_name)
    account.remove_scope(record.secret_scope)


def _take_out_of_cluster(account: Account, record: LinkRecord) -> None:
    try:
        present = account.variables_of(record.cluster_id)
    except NotFound:
        return
    take_out_library(account, record, instead="")
    left = record.without_own(present)
    if left != present:
        account.set_variables(record.cluster_id, left)


def take_out_library(account: Account, record: LinkRecord, instead: str) -> None:
    """Take a link's library from its cluster, unless what is to be there ``instead`` is the same one."""
    if not record.cluster_id or record.library == instead:
        return
    account.uninstall(record.cluster_id, record.library)
    if record.wheel:
        account.remove_file(record.wheel.removeprefix("/Workspace"))
