"""The contract of the store for logged models; what holds for all stores stands in ``base.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runyard.entities.logged_model import LoggedModel, LoggedModelMetric, LoggedModelStatus
from runyard.stores.metadata.base import Search


@dataclass(frozen=True, slots=True)
class MeasuredOn:
    """A dataset that a metric of a model was measured on; without a digest, any dataset of the name."""

    name: str
    digest: str | None = None


class LoggedModelStore(ABC):
    """Remembers logged models with their params, tags and metrics.

    A deleted model stays what it was and is found only by :meth:`get_logged_model` when asked for.
    """

    @abstractmethod
    def add_logged_model(self, model: LoggedModel) -> None:
        """Keep a new model with its params and tags; its metrics are appended later.

        Raises:
            AlreadyExists: A model has this id.
        """

    @abstractmethod
    def get_logged_model(self, workspace: str, model_id: str, or_deleted: bool = False) -> LoggedModel:
        """Return a model with its params, tags and metrics, the metrics by key, timestamp and step.

        Args:
            workspace: Where the model must be.
            model_id: Which model.
            or_deleted: Whether a deleted model is found too.

        Raises:
            NotFound: The workspace has no such model.
        """

    @abstractmethod
    def set_model_status(self, model_id: str, status: LoggedModelStatus, now_ms: int) -> None:
        """Note how far a model has come."""

    @abstractmethod
    def delete_logged_model(self, model_id: str, now_ms: int) -> None:
        """Move a model to the trash."""

    @abstractmethod
    def delete_unfinished(self, experiment_name: str, tag: str, created_before_ms: int, now_ms: int) -> int:
        """Move models to the trash that are still pending and that no version names; return how many.

        Args:
            experiment_name: Only those of experiments of this name, of whichever workspace.
            tag: Only those with this tag.
            created_before_ms: Only older ones.
            now_ms: When they go.
        """

    @abstractmethod
    def restore_logged_model(self, model_id: str, now_ms: int) -> None:
        """Bring a model back from the trash."""

    @abstractmethod
    def add_model_params(self, model_id: str, params: Mapping[str, str]) -> None:
        """Keep params that the model does not have yet."""

    @abstractmethod
    def set_model_tags(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Set tags, over older values."""

    @abstractmethod
    def delete_model_tag(self, model_id: str, key: str) -> bool:
        """Delete one tag and return whether it was there."""

    @abstractmethod
    def append_metrics(self, model_id: str, metrics: Sequence[LoggedModelMetric]) -> None:
        """Keep points that runs logged for a model; a point that is there already stays once.

        Raises:
            NotFound: No model of the runs' own workspace has this id.
        """

    @abstractmethod
    def search_logged_models(
        self, search: Search, measured_on: Sequence[MeasuredOn] = ()
    ) -> list[LoggedModel]:
        """Return a page of active models, the last created first unless an order is asked for.

        Args:
            search: What to look for; its view is not used.
            measured_on: Only models with a metric on one of these datasets, and where the filter
                compares metrics, only those metrics count.
        """
