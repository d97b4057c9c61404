"""What an experiment was when it was last read."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from runyard.entities.experiment import LifecycleStage
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.experiments import WireExperiment
from runyard.sdk.argument_errors import names_arguments

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class ExperimentFacts:
    """An experiment as it was when the server was last asked."""

    _workspace: Workspace
    _record: WireExperiment

    @property
    def id(self) -> str:
        """Its id, unique on the server.

        Example:
            >>> ws.get_experiment(experiment.id).name
            'diabetes'
        """
        return self._record.experiment_id

    @property
    def name(self) -> str:
        """Its name, unique in the workspace.

        Example:
            >>> experiment.name
            'diabetes'
        """
        return self._record.name

    @property
    def workspace(self) -> Workspace:
        """Where it lies.

        Example:
            >>> experiment.workspace.name
            'lab'
        """
        return self._workspace

    @property
    def tags(self) -> dict[str, str]:
        """Its tags when it was last read.

        Example:
            >>> experiment.set_tags({"team": "robots"})
            >>> experiment.tags
            {'team': 'robots'}
        """
        return mapping(self._record.tags or ())

    @property
    def created_ms(self) -> int:
        """When it was made, in milliseconds since the epoch.

        Example:
            >>> experiment.created_ms > 1_700_000_000_000
            True
        """
        return self._record.creation_time

    @property
    def is_active(self) -> bool:
        """Whether it was in use, and not in the trash, when it was last read.

        Example:
            >>> experiment.is_active
            True
        """
        return self._record.lifecycle_stage == LifecycleStage.ACTIVE.value

    @property
    def archived_time(self) -> datetime | None:
        """When it was moved to the trash; None while it is active.

        Example:
            >>> experiment.archive()
            >>> experiment.archived_time.tzname()
            'UTC'
        """
        if self.is_active:
            return None
        return datetime.fromtimestamp(self._record.last_update_time / 1000, tz=timezone.utc)
