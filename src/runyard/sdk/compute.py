"""Compute targets: where the code of jobs runs, in the words of Azure's first SDK."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from runyard.entities.compute_target import LOCAL, RAY
from runyard.errors import InvalidParameter
from runyard.protocol.messages.compute_targets import ChangeComputeTarget, WireComputeTarget
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.compute_configuration import TargetConfiguration
from runyard.sdk.compute_records import (
    change_target,
    create_target,
    delete_target,
    get_target,
    list_targets,
)
from runyard.sdk.compute_state import READY, ComputeStatus, ComputeTargetRecord, unreachable_text
from runyard.sdk.connection import connection_of
from runyard.sdk.job_records import list_jobs, optional_status
from runyard.sdk.representation import html_table
from runyard.sdk.run import Run
from runyard.sdk.run_search import TagFilter, wanted_properties, wanted_tags
from runyard.sdk.run_sinks import print_line

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

# Where the classes of targets are, by kind; each registers itself.
_HOMES_OF_KINDS = {
    "kubernetes": "runyard.sdk.compute_kubernetes",
    LOCAL: "runyard.sdk.compute_pool",
    RAY: "runyard.sdk.compute_pool",
    "slurm": "runyard.sdk.compute_slurm",
    "ssh": "runyard.sdk.compute_ssh",
}


@names_arguments
class ComputeTarget(ComputeTargetRecord):
    """A place of a workspace that jobs are sent to by its name: so many at a time as it has slots.

    ``local``, the server's own machine, is there from the beginning. For Azure's scripts, targets on that
    machine are :class:`AmlCompute`; those that are elsewhere have classes of their own.

    Args:
        workspace: Where it lies.
        name: Its name.

    Raises:
        NotFound: The workspace has none of that name.

    Example:
        >>> pool = AmlCompute.provisioning_configuration(max_nodes=4)
        >>> target = ComputeTarget.create(ws, "pool", pool)
        >>> target.slots, target.slots_taken, target.jobs_waiting
        (4, 0, 0)
    """

    _classes: ClassVar[dict[str, builtins.type[ComputeTarget]]] = {}

    def __init_subclass__(cls, kind: str, **more: Any) -> None:
        """Make a class that of the targets of a kind."""
        super().__init_subclass__(**more)
        ComputeTarget._classes[kind] = cls

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace = workspace
        self._record = get_target(connection_of(workspace), name)
        if type(self) is ComputeTarget:
            # Azure's scripts ask of what they get by this name whether it is an AmlCompute.
            self.__class__ = ComputeTarget._class_of(self._record.kind)

    @staticmethod
    def _class_of(kind: str) -> builtins.type[ComputeTarget]:
        if kind in _HOMES_OF_KINDS:
            importlib.import_module(_HOMES_OF_KINDS[kind])
        return ComputeTarget._classes.get(kind, ComputeTarget)

    @staticmethod
    def _of(workspace: Workspace, record: WireComputeTarget) -> ComputeTarget:
        found = object.__new__(ComputeTarget._class_of(record.kind))
        found._workspace = workspace
        found._record = record
        return found

    @staticmethod
    def create(
        workspace: Workspace, name: str, provisioning_configuration: TargetConfiguration
    ) -> ComputeTarget:
        """Make a target; blocks while the server looks whether one that is elsewhere can be reached.

        Args:
            workspace: Where.
            name: Its name, unique in the workspace.
            provisioning_configuration: What :meth:`AmlCompute.provisioning_configuration` returned, or the
                ``attach_configuration`` of another class.

        Raises:
            AlreadyExists: There is one of that name.
            InvalidParameter: No target can have this name, or so many slots, or it can't be reached.
            Forbidden: The credential does not allow it.

        Example:
            >>> wanted = AmlCompute.provisioning_configuration(max_nodes=4)
            >>> ComputeTarget.create(ws, "pool", wanted).slots
            4
        """
        wanted = provisioning_configuration
        if not isinstance(wanted, TargetConfiguration):
            raise InvalidParameter(
                "provisioning_configuration must be what AmlCompute.provisioning_configuration() returns, "
                f"not a {type(wanted).__name__}."
            )
        record = create_target(connection_of(workspace), wanted._wire(name))
        wanted._warn_of_ignored(record)
        return ComputeTarget._of(workspace, record)

    @staticmethod
    def list(workspace: Workspace) -> builtins.list[ComputeTarget]:
        """Return all targets of a workspace, ``local`` first.

        Example:
            >>> [target.name for target in ComputeTarget.list(ws)]
            ['local']
        """
        return [ComputeTarget._of(workspace, record) for record in list_targets(connection_of(workspace))]

    @staticmethod
    def attach(workspace: Workspace, name: str, attach_configuration: TargetConfiguration) -> ComputeTarget:
        """Make a target of a machine or a cluster that is there; as :meth:`create`.

        Args:
            workspace: Where.
            name: Its name, unique in the workspace.
            attach_configuration: What the ``attach_configuration`` of the target's class returned.

        Raises:
            AlreadyExists: There is one of that name.
            InvalidParameter: No target can have this name or these settings, or it can't be reached.
            Forbidden: The credential does not allow it.

        Example:
            >>> wanted = RemoteCompute.attach_configuration(
            ...     "ada",
            ...     "vm.example",
            ...     host_key_fingerprint="SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            ...     skip_validation=True,
            ... )
            >>> ComputeTarget.attach(ws, "vm", wanted)
            RemoteCompute('vm', workspace='lab')
        """
        return ComputeTarget.create(workspace, name, attach_configuration)

    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
        *,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        credential: Mapping[str, str] | None = None,
        skip_validation: bool = False,
    ) -> None:
        """Change the target; jobs that run go on, also where they hold more slots than are left.

        Blocks while the server looks whether it can be reached by other settings or another credential.

        Args:
            min_nodes: Taken for Azure's scripts; no effect.
            max_nodes: How many slots it has.
            idle_seconds_before_scaledown: As ``min_nodes``.
            description: What it is for.
            tags: Free key and value pairs, in place of those that it has.
            settings: How it is reached; those that are not named stay.
            credential: With what, in place of what it has.
            skip_validation: Keep these without looking whether it can be reached.

        Raises:
            InvalidParameter: It can't have so many slots or these settings, or it can't be reached.
            InvalidState: Its settings are to change, and jobs were begun by those that it has.

        Example:
            >>> pool.update(max_nodes=8)
            >>> pool.slots
            8
        """
        changed = ChangeComputeTarget(
            slots=max_nodes,
            description=description,
            tags=None if tags is None else dict(tags),
            settings=None if settings is None else dict(settings),
            credential=None if credential is None else dict(credential),
            skip_validation=skip_validation,
        )
        self._change(changed)

    def pause(self) -> None:
        """Begin no more jobs; those that run go on.

        Example:
            >>> pool.pause()
            >>> pool.is_paused
            True
        """
        self._change(ChangeComputeTarget(is_paused=True))

    def resume(self) -> None:
        """Take back :meth:`pause`.

        Example:
            >>> pool.pause()
            >>> pool.resume()
            >>> pool.is_paused
            False
        """
        self._change(ChangeComputeTarget(is_paused=False))

    def delete(self, *, force: bool = False) -> None:
        """Remove the target.

        Args:
            force: Whether its jobs that are not over are ended.

        Raises:
            InvalidState: There are such jobs, and ``force`` is false.
            Forbidden: It is ``local``, or the credential does not allow it.

        Example:
            >>> pool.delete()
            >>> "pool" in ws.compute_targets
            False
        """
        delete_target(self._workspace.connection, self.name, force=force)

    detach = delete

    def refresh_state(self) -> None:
        """Read the target from the server again.

        Raises:
            NotFound: It does not exist any more.

        Example:
            >>> pool.refresh_state()
            >>> pool.jobs_waiting
            0
        """
        self._record = get_target(self._workspace.connection, self.name)

    def wait_for_completion(
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: float | None = None,
        is_delete_operation: bool = False,
    ) -> None:
        """Return: a target is there as soon as it is made, and gone as soon as it is deleted.

        Args:
            show_output: Whether to say so.
            min_node_count: Taken for Azure's scripts; no effect.
            timeout_in_minutes: As ``min_node_count``.
            is_delete_operation: As ``min_node_count``.

        Example:
            >>> pool.wait_for_completion(show_output=True)
            Compute target pool: Succeeded
        """
        if not is_delete_operation:
            self.refresh_state()
        if show_output:
            print_line(f"Compute target {self.name}: {'Deleted' if is_delete_operation else READY}")

    def get_status(self) -> ComputeStatus:
        """Return how many slots the target has now, and how many of them are taken.

        Raises:
            NotFound: It does not exist any more.

        Example:
            >>> pool.get_status()
            ComputeStatus(0 of 4 slots taken, 0 waiting)
        """
        self.refresh_state()
        return ComputeStatus(self._record)

    def get_active_runs(
        self,
        type: str | None = None,
        tags: TagFilter = None,
        properties: TagFilter = None,
        status: str | None = None,
    ) -> Iterator[Run]:
        """Yield the runs of jobs on this target that are not over, the latest submitted first.

        Args:
            type: Only runs whose source is of this type, as ``JOB``.
            tags: Only runs with this tag, or with all of these tags and values; a value of None asks for
                the tag alone.
            properties: The same for properties; see :meth:`Run.get_properties`.
            status: Only runs that are so now, as ``Running`` or ``Queued``; see :meth:`Run.get_status`.

        Raises:
            InvalidParameter: No run ever has this status.

        Example:
            >>> pool.pause()
            >>> run = experiment.submit(ScriptRunConfig("training", "train.py", compute_target=pool))
            >>> [each.status for each in pool.get_active_runs()]
            ['Queued']
        """
        optional_status(status)
        wanted = wanted_tags(tags) & wanted_properties(properties)
        if type is not None:
            wanted &= wanted_tags({"mlflow.source.type": type})
        for job in list_jobs(self._workspace.connection, compute=self.name, statuses="active"):
            run = Run.get(self._workspace, job.run_id)
            if wanted.accept(run._known_tags()) and status in (None, run.status):
                yield run

    def serialize(self) -> dict[str, Any]:
        """Return what the server said of the target, under the names that Azure's SDK uses.

        Example:
            >>> pool.serialize()["properties"]["computeType"]
            'AmlCompute'
        """
        return self._serialized(self._workspace.location)

    @staticmethod
    def deserialize(workspace: Workspace, object_dict: Mapping[str, Any]) -> ComputeTarget:
        """Return the target that :meth:`serialize` described, as it is now.

        Raises:
            NotFound: The workspace has none of that name any more.
            InvalidParameter: It describes none.

        Example:
            >>> ComputeTarget.deserialize(ws, pool.serialize()) == pool
            True
        """
        name = object_dict.get("name")
        if not isinstance(name, str):
            raise InvalidParameter("'object_dict' is what serialize() of a compute target returned.")
        return ComputeTarget(workspace, name)

    @property
    def workspace(self) -> Workspace:
        """Where it lies.

        Example:
            >>> pool.workspace.name
            'lab'
        """
        return self._workspace

    def _change(self, changed: ChangeComputeTarget) -> None:
        self._record = change_target(self._workspace.connection, self.name, changed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComputeTarget) and (self._workspace, self.name) == (
            other._workspace,
            other.name,
        )

    def __hash__(self) -> int:
        return hash((self._workspace, self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, workspace={self._workspace.name!r})"

    def _repr_html_(self) -> str:
        return html_table(
            [
                ("Compute target", self.name),
                ("Slots", f"{self.slots_taken} of {self.slots} taken"),
                ("Jobs waiting", str(self.jobs_waiting)),
                ("Paused", "yes" if self.is_paused else ""),
                ("State", unreachable_text(self._record)),
                ("Description", self.description),
            ]
        )
