"""MLflow's entities, as far as a process knows them without asking the server."""

from __future__ import annotations

import json
import uuid
from collections import deque
from typing import Any

from mlflow.entities import Experiment, Metric, Run
from mlflow.protos.service_pb2 import GetExperiment, GetRun
from mlflow.store.entities import PagedList
from mlflow.utils.proto_json_utils import parse_dict

from runyard.sdk.spool.known_workspaces import KnownExperiment
from runyard.sdk.spool.records import Logged, Point, RunBegun, RunUpdated

RUN_NAME_TAG = "mlflow.runName"
OFFLINE_PREFIX = "offline-"
MAX_POINTS = 50_000


class BegunRun:
    """A run that this process began, as far as it knows it.

    Args:
        record: How it began.
        experiment_id: Its experiment's id, or a stand-in for one.
        artifact_uri: Where its files go, as far as can be told.
    """

    def __init__(self, record: RunBegun, experiment_id: str, artifact_uri: str) -> None:
        self.is_new = True
        self.experiment_name = record.experiment_name
        self._metrics: dict[str, Point] = {}
        self._points: deque[Point] = deque(maxlen=MAX_POINTS)
        self._params: dict[str, str] = {}
        self._tags = dict(record.tags)
        self._info: dict[str, Any] = {
            "run_id": record.run_id,
            "run_uuid": record.run_id,
            "experiment_id": experiment_id,
            "run_name": record.name,
            "user_id": record.user_id,
            "status": "RUNNING",
            "start_time": record.started_ms,
            "artifact_uri": artifact_uri,
            "lifecycle_stage": "active",
        }

    def log(self, record: Logged) -> None:
        """Take in what was logged."""
        self.is_new = False
        self._points.extend(record.metrics)
        for point in record.metrics:
            self._metrics[point.key] = point
        self._params.update(record.params)
        self._tags.update(record.tags)

    def update(self, record: RunUpdated) -> None:
        """Take in a new status, end or name."""
        if record.status is not None:
            self._info["status"] = record.status
        if record.ended_ms is not None:
            self._info["end_time"] = record.ended_ms
        if record.name:
            self._info["run_name"] = self._tags[RUN_NAME_TAG] = record.name

    def history(self, key: str) -> PagedList:
        """Return the points of a metric, of the last :data:`MAX_POINTS` of all metrics together."""
        found = [point for point in list(self._points) if point.key == key]
        return PagedList(
            [
                Metric(key, float(point.value), point.timestamp, point.step)
                for point in found
                if not point.model_id
            ],
            token=None,
        )

    def shown(self, experiment_id: str | None = None) -> Run:
        """Return it as MLflow's own entity, in its experiment or in another one."""
        points = [
            {"key": point.key, "value": point.value, "timestamp": point.timestamp, "step": point.step}
            for point in list(self._metrics.values())
        ]
        content = {
            "info": self._info | ({"experiment_id": experiment_id} if experiment_id else {}),
            "data": {"metrics": points, "params": wire_pairs(self._params), "tags": wire_pairs(self._tags)},
        }
        answer = GetRun.Response()
        parse_dict({"run": content}, answer)
        return Run.from_proto(answer.run)


def offline_experiment(name: str) -> KnownExperiment:
    """Return a stand-in for an experiment that nobody has seen, always the same for a name."""
    stand_in = OFFLINE_PREFIX + uuid.uuid5(uuid.NAMESPACE_URL, name).hex
    return KnownExperiment(stand_in, name, f"mlflow-artifacts:/{stand_in}")


def mlflow_experiment(known: KnownExperiment) -> Experiment:
    """Return an experiment as MLflow's own entity."""
    content = {
        "experiment_id": known.experiment_id,
        "name": known.name,
        "artifact_location": known.artifact_location,
        "lifecycle_stage": "active",
    }
    answer = GetExperiment.Response()
    parse_dict(json.loads(json.dumps({"experiment": content})), answer)
    return Experiment.from_proto(answer.experiment)


def wire_pairs(texts: dict[str, str]) -> list[dict[str, str]]:
    """Return a mapping as MLflow's messages have it."""
    return [{"key": key, "value": value} for key, value in list(texts.items())]
