"""Removing a run, or parts of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING

from runyard.errors import NotFound
from runyard.protocol.messages.runs import RunId
from runyard.protocol.messages.trash import RemovedPartsAnswer, RemoveParts
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed
from runyard.sdk.connection import MLFLOW, Connection

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class RunRemoval(ABC):
    """What a run has for deletion: itself by way of the trash, its parts for good."""

    _connection: Connection
    _workspace: Workspace

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @abstractmethod
    def _refresh(self) -> None:
        """Read the run again, with all that was logged before."""

    def delete(self) -> None:
        """Move the run to the trash, from where :meth:`restore` brings it back.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.delete()
            >>> run.is_active
            False
        """
        self._connection.tell(f"{MLFLOW}/runs/delete", RunId(run_id=self.id))
        self._refresh()

    def restore(self) -> None:
        """Bring the run back from the trash.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.delete()
            >>> run.restore()
            >>> run.is_active
            True
        """
        self._connection.tell(f"{MLFLOW}/runs/restore", RunId(run_id=self.id))
        self._refresh()

    def remove(
        self,
        *,
        metrics: Collection[str] = (),
        params: Collection[str] = (),
        tags: Collection[str] = (),
        files: Collection[str] = (),
        dry_run: bool = False,
    ) -> RemovedPartsAnswer:
        """Remove parts of the run for good, without a way back, and return how much that was.

        Args:
            metrics: Keys of metrics; all their points go.
            params: Keys of params.
            tags: Keys of tags.
            files: Names of files or folders, as :meth:`get_file_names` gives them. Those of a model that
                MLflow logged belong to the model and stay with it.
            dry_run: Only say how much it would be.

        Raises:
            NotFound: The run has none of them, or does not exist any more.
            InvalidParameter: Nothing was named.
            Forbidden: The credential does not allow it.

        Example:
            >>> run.log("debug/gradients", 0.1)
            >>> run.upload_file("cache/batch.bin", "out/ridge.pkl")
            >>> run.remove(metrics=["debug/gradients"], files=["cache"]).artifact_files
            1
        """
        parts = RemoveParts(
            run_ids=[self.id],
            metric_keys=[*listed(metrics, "metrics")],
            param_keys=[*listed(params, "params")],
            tag_keys=[*listed(tags, "tags")],
            artifact_paths=[*listed(files, "files")],
            dry_run=dry_run,
        )
        removed = self._workspace.trash.remove_parts(parts)
        if not removed.runs:
            named = ", ".join([*metrics, *params, *tags, *files])
            raise NotFound(f"Run {self.id!r} has nothing of what was to be removed: {named}.")
        self._refresh()
        return removed
