"""What a run was when it was last read, in the words that Azure's SDK has for it."""

from __future__ import annotations

from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import RunStatus
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.runs import WireRun
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.logged_values import PROPERTY_PREFIX, is_hidden
from runyard.sdk.metric_values import latest_values

_STATUS_WORDS = {
    RunStatus.SCHEDULED.value: "Queued",
    RunStatus.RUNNING.value: "Running",
    RunStatus.FINISHED.value: "Completed",
    RunStatus.FAILED.value: "Failed",
    RunStatus.KILLED.value: "Canceled",
}
_SYSTEM_PREFIX = "mlflow."


@names_arguments
class RunRecord:
    """A run as it was when the server was last asked.

    Args:
        record: What the server answered.
    """

    def __init__(self, record: WireRun) -> None:
        self._record = record

    @property
    def id(self) -> str:
        """Its id, unique on the server.

        Example:
            >>> ws.get_run(run.id).display_name
            'ridge'
        """
        return self._record.info.run_id

    @property
    def experiment_id(self) -> str:
        """The id of the experiment that it belongs to.

        Example:
            >>> run.experiment_id == experiment.id
            True
        """
        return self._record.info.experiment_id

    @property
    def display_name(self) -> str:
        """Its name, which need not be unique.

        Example:
            >>> run.display_name
            'ridge'
        """
        return self._record.info.run_name

    @property
    def status(self) -> str:
        """Where it was in its life: ``Queued``, ``Running``, ``Completed``, ``Failed`` or ``Canceled``."""
        return _STATUS_WORDS.get(self._record.info.status, self._record.info.status)

    @property
    def is_active(self) -> bool:
        """Whether it was in use, and not in the trash.

        Example:
            >>> run.is_active
            True
        """
        return self._record.info.lifecycle_stage == LifecycleStage.ACTIVE.value

    @property
    def started_ms(self) -> int | None:
        """When it began, in milliseconds since the epoch.

        Example:
            >>> run.started_ms > 1_700_000_000_000
            True
        """
        return self._record.info.start_time or None

    @property
    def ended_ms(self) -> int | None:
        """When it ended, in milliseconds since the epoch; None while it runs.

        Example:
            >>> run.ended_ms is None
            True
            >>> run.complete()
            >>> run.ended_ms >= run.started_ms
            True
        """
        return self._record.info.end_time or None

    @property
    def type(self) -> str | None:
        """What kind of source the run has, as ``LOCAL``, ``NOTEBOOK`` or ``PROJECT``.

        Example:
            >>> run.type
            'LOCAL'
        """
        return self.tags.get("mlflow.source.type")

    @property
    def params(self) -> dict[str, str]:
        """Its params, which MLflow keeps as text.

        Example:
            >>> run.log_params({"alpha": 0.1})
            >>> ws.get_run(run.id).params
            {'alpha': '0.1'}
        """
        return mapping(self._record.data.params)

    @property
    def tags(self) -> dict[str, str]:
        """Its tags, those that MLflow's client set (``mlflow.*``) among them.

        Example:
            >>> run.tag("team", "robots")
            >>> ws.get_run(run.id).tags["team"]
            'robots'
        """
        return {key: value for key, value in self._known_tags().items() if not is_hidden(key)}

    @property
    def properties(self) -> dict[str, str]:
        """What was added as properties, and what MLflow's client recorded, as user, source and git commit.

        Example:
            >>> run.add_properties({"data": "2026-11"})
            >>> ws.get_run(run.id).properties["data"]
            '2026-11'
        """
        return {
            key.removeprefix(PROPERTY_PREFIX): value
            for key, value in self._known_tags().items()
            if key.startswith((_SYSTEM_PREFIX, PROPERTY_PREFIX))
        }

    @property
    def latest_metrics(self) -> dict[str, float]:
        """The last value of each metric.

        Example:
            >>> run.log_list("rmse", [61.2, 53.9])
            >>> ws.get_run(run.id).latest_metrics
            {'rmse': 53.9}
        """
        return latest_values(self._record.data.metrics)

    def _known_tags(self) -> dict[str, str]:
        return mapping(self._record.data.tags)

    def _last_step(self, key: str) -> int:
        return next((metric.step for metric in self._record.data.metrics if metric.key == key), -1)

    def _artifact_uri(self) -> str:
        return self._record.info.artifact_uri
