"""A running MLflow server as a source, over its REST API; a Runyard is one too."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import Dataset, DatasetInput, ModelOutput
from runyard.errors import InternalError, InvalidParameter, MethodNotAllowed, NotFound, StorageFull
from runyard.sdk.addresses import server_url
from runyard.sdk.credentials import FixedToken, find_credential
from runyard.sdk.spool.known_workspaces import PRODUCT
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.mlflow_pages import answers
from runyard.sdk.transfer.mlflow_server_evaluation import ServerEvaluation
from runyard.sdk.transfer.mlflow_server_registry import read_registered_models, read_versions
from runyard.sdk.transfer.mlflow_server_traces import ServerTraces
from runyard.sdk.transfer.mlflow_traces import MAX_SPANS_BYTES
from runyard.sdk.transfer.mlflow_values import mapping, number, point, whole
from runyard.sdk.transfer.records import (
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRegisteredModel,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from runyard.sdk.transfer.source import POINTS_AT_ONCE, Source, Unreadable
from runyard.sdk.transport import Credential, HttpTransport, Request

PAGE = 200
HISTORY_PAGE = 25_000
MAX_DEPTH = 64

_API = "/api/2.0/mlflow"
ATTACHMENT = "/ajax-api/3.0/mlflow/get-trace-artifact"


class MlflowServer(Source):
    """Reads a server that speaks MLflow's protocol.

    Who asks is what ``MLFLOW_TRACKING_TOKEN``, or ``MLFLOW_TRACKING_USERNAME`` and ``…_PASSWORD``, say, as
    for MLflow's own client; else the credential that is known for a Runyard at that address.

    Args:
        url: The tracking URI.

    Raises:
        InvalidParameter: It is no server's address, or no MLflow server answers there.
        Unavailable: Nobody answers.
    """

    def __init__(self, url: str) -> None:
        checked = server_url(url)
        super().__init__(checked)
        self._transport = HttpTransport(checked, _credential(checked))
        self._is_exact = self._is_runyard()
        self._traces = ServerTraces(self._get_at, self._post_at, self._content, self.problems)
        self.evaluation = ServerEvaluation(self._get_at, self._post_at)
        try:
            self._search("experiments", {"view_type": "ALL", "max_results": 1})
        except NotFound as error:
            raise InvalidParameter(f"What answers at {checked} is no MLflow server: {error}") from error

    def experiments(self) -> list[SourceExperiment]:
        """See :class:`Source`."""
        body = {"view_type": "ALL", "max_results": 1000}
        return [
            SourceExperiment(
                source_id=str(found["experiment_id"]),
                name=found["name"],
                created_ms=whole(found.get("creation_time")),
                updated_ms=whole(found.get("last_update_time")),
                is_deleted=found.get("lifecycle_stage") == "deleted",
                tags=mapping(found.get("tags")),
                artifact_location=found.get("artifact_location", ""),
            )
            for page in self._pages("experiments", body)
            for found in page
        ]

    def count_runs(self, experiment: SourceExperiment) -> int:
        """See :class:`Source`."""
        return 0

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """See :class:`Source`."""
        body = {
            "experiment_ids": [experiment.source_id],
            "run_view_type": "ALL",
            "max_results": PAGE,
            # Runs that begin meanwhile come last, so none is passed over.
            "order_by": ["attribute.start_time ASC"],
        }
        for page in self._pages("runs", body):
            yield from (_run(found) for found in page)

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        """See :class:`Source`."""
        batch: list[Point] = []
        for key in json.loads(run.place):
            for metrics in self._history(run.run_id, key):
                for each in metrics:
                    batch.append(self._point(each))
                    if len(batch) == POINTS_AT_ONCE:
                        yield batch
                        batch = []
        if batch:
            yield batch

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        """See :class:`Source`."""
        body = {"experiment_ids": [experiment.source_id], "max_results": 50}
        try:
            for page in self._pages("logged-models", body, "models"):
                yield from (_model(found) for found in page)
        except NotFound:
            return  # MLflow before version 3

    def registered_models(self) -> Iterator[SourceRegisteredModel]:
        """See :class:`Source`."""
        return read_registered_models(self._get)

    def versions(self, model: SourceRegisteredModel) -> Iterator[SourceVersion]:
        """See :class:`Source`."""
        return read_versions(self._get, model)

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """See :class:`Source`."""
        return self._traces.traces(experiment, lambda: (run.run_id for run in self.runs(experiment)))

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """See :class:`Source`."""
        return self._traces.spans(trace)

    def remote_location(self, uri: str) -> str | None:
        """See :class:`Source`."""
        return None

    def files(self, owner: SourceRun | SourceModel) -> Iterator[SourceFile]:
        """See :class:`Source`."""
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            for found in self._listed(owner, folder):
                path = str(found.get("path", ""))
                _check_path(path, folder)
                if found.get("is_dir"):
                    waiting.append(path)
                else:
                    yield SourceFile(path, whole(found.get("file_size")) or 0)

    @contextlib.contextmanager
    def fetched(self, owner: SourceRun | SourceModel, file: SourceFile) -> Iterator[Path]:
        """See :class:`Source`."""
        if isinstance(owner, SourceRun):
            path, query = "/get-artifact", (("run_uuid", owner.run_id), ("path", file.path))
        else:
            path = f"/ajax-api/2.0/mlflow/logged-models/{quote(owner.model_id, safe='')}/artifacts/files"
            query = (("artifact_file_path", file.path), ("path", file.path))
        with self._downloaded(Request("GET", path, query=query, is_repeatable=True)) as local:
            yield local

    @contextlib.contextmanager
    def attachment(self, trace: SourceTrace, attachment_id: str) -> Iterator[Path]:
        """See :class:`Source`."""
        query = (("request_id", trace.trace.trace_id), ("path", attachment_id))
        request = Request("GET", ATTACHMENT, query=query, is_repeatable=True)
        with contextlib.ExitStack() as stack:
            try:
                local = stack.enter_context(self._downloaded(request))
            except InternalError as error:
                # What a server of MLflow's answers of a file that its client didn't bring.
                raise Unreadable(f"The server can't give it out: {error}") from error
            yield local

    @contextlib.contextmanager
    def _downloaded(self, request: Request) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(prefix="runyard-import-") as kept:
            with self._transport.send(request) as answer, _told_if_full(kept.name):
                for piece in answer.body:
                    kept.write(piece)
                kept.flush()
            yield Path(kept.name)

    def _listed(self, owner: SourceRun | SourceModel, folder: str) -> Iterator[dict[str, Any]]:
        if isinstance(owner, SourceRun):
            address, query = f"{_API}/artifacts/list", {"run_id": owner.run_id, "path": folder}
        else:
            address = f"{_API}/logged-models/{quote(owner.model_id, safe='')}/artifacts/directories"
            query = {"artifact_directory_path": folder}
        asked = {name: value for name, value in query.items() if value}
        for answer in answers(lambda page: self._get_at(address, page), asked):
            yield from answer.get("files", [])

    def _history(self, run_id: str, key: str) -> Iterator[list[dict[str, Any]]]:
        query = {"run_id": run_id, "metric_key": key, "max_results": str(HISTORY_PAGE)}
        for answer in answers(lambda page: self._get("metrics/get-history", page), query):
            yield answer.get("metrics", [])

    def _pages(self, noun: str, body: Mapping[str, Any], field: str = "") -> Iterator[list[dict[str, Any]]]:
        for answer in answers(lambda page: self._search(noun, page), body):
            yield answer.get(field or noun, [])

    def _search(self, noun: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._post_at(f"{_API}/{noun}/search", body)

    def _post_at(self, address: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask(Request("POST", address, body=json.dumps(body).encode(), is_repeatable=True))

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        return self._get_at(f"{_API}/{path}", query)

    def _get_at(self, address: str, query: Mapping[str, str]) -> dict[str, Any]:
        return self._ask(Request("GET", address, query=tuple(query.items()), is_repeatable=True))

    def _content(self, address: str, query: Mapping[str, str]) -> bytes:
        request, content = (
            Request("GET", address, query=tuple(query.items()), is_repeatable=True),
            bytearray(),
        )
        with self._transport.send(request) as answer:
            for piece in answer.body:
                content += piece
                if len(content) > MAX_SPANS_BYTES:
                    raise Unreadable(f"What is at {address} is longer than {MAX_SPANS_BYTES} bytes.")
        return bytes(content)

    def _is_runyard(self) -> bool:
        """Return whether the server keeps all numbers as they are."""
        try:
            answer = self._ask(Request("GET", "/api/v1/server", is_repeatable=True))
        except (NotFound, InvalidParameter, MethodNotAllowed):
            return False
        return answer.get("product") == PRODUCT

    def _point(self, each: dict[str, Any]) -> Point:
        value = float(each["value"])
        value = value if self._is_exact else number(value)
        return point(each["key"], value, int(each.get("timestamp", 0)), int(each.get("step", 0)))

    def _ask(self, request: Request) -> dict[str, Any]:
        try:
            content = json.loads(self._transport.send(request).read())
        except ValueError as error:
            raise InvalidParameter(f"What answers at {self.name} is no MLflow server.") from error
        if not isinstance(content, dict):
            raise InvalidParameter(f"What answers at {self.name} is no MLflow server.")
        return content


@contextlib.contextmanager
def _told_if_full(name: str) -> Iterator[None]:
    """End the import where this machine's disk is full: each file after this one would meet the same."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        folder = os.path.dirname(name)
        raise StorageFull(f"The disk of {folder} on this machine is full; TMPDIR names another.") from error


def _credential(url: str) -> Credential | None:
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if token:
        return FixedToken(token)
    name, password = (os.environ.get(f"MLFLOW_TRACKING_{each}") for each in ("USERNAME", "PASSWORD"))
    if name and password:
        return FixedToken("Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())
    return find_credential(url)


def _run(found: dict[str, Any]) -> SourceRun:
    info, content = found["info"], found.get("data", {})
    inputs, outputs = found.get("inputs", {}), found.get("outputs", {})
    tags = mapping(content.get("tags"))
    return SourceRun(
        run_id=info["run_id"],
        experiment_id=str(info["experiment_id"]),
        name=info.get("run_name") or tags.get("mlflow.runName", ""),
        user_id=info.get("user_id", ""),
        status=info.get("status", "FINISHED"),
        started_ms=whole(info.get("start_time")),
        ended_ms=whole(info.get("end_time")),
        is_deleted=info.get("lifecycle_stage") == "deleted",
        artifact_uri=info.get("artifact_uri", ""),
        params=mapping(content.get("params")),
        tags=tags,
        datasets=[_dataset_input(each) for each in inputs.get("dataset_inputs", [])],
        model_ids=[each["model_id"] for each in inputs.get("model_inputs", [])],
        outputs=[
            ModelOutput(each["model_id"], whole(each.get("step")) or 0)
            for each in outputs.get("model_outputs", [])
        ],
        # What of it has points: which is all that a search tells of them.
        place=json.dumps(sorted(metric["key"] for metric in content.get("metrics", []))),
    )


def _dataset_input(found: dict[str, Any]) -> DatasetInput:
    dataset = found["dataset"]
    return DatasetInput(
        Dataset(
            name=dataset["name"],
            digest=dataset["digest"],
            source_type=dataset.get("source_type", ""),
            source=dataset.get("source", ""),
            schema=dataset.get("schema") or None,
            profile=dataset.get("profile") or None,
        ),
        mapping(found.get("tags")),
    )


def _model(found: dict[str, Any]) -> SourceModel:
    info, content = found["info"], found.get("data", {})
    return SourceModel(
        model_id=info["model_id"],
        experiment_id=str(info["experiment_id"]),
        name=info["name"],
        status=info.get("status", "LOGGED_MODEL_READY"),
        created_ms=whole(info.get("creation_timestamp_ms")),
        updated_ms=whole(info.get("last_updated_timestamp_ms")),
        model_type=info.get("model_type", ""),
        source_run_id=info.get("source_run_id", ""),
        artifact_uri=info.get("artifact_uri", ""),
        params=mapping(content.get("params")),
        tags=mapping(info.get("tags")),
        metrics=[
            LoggedModelMetric(
                key=each["key"],
                value=number(float(each["value"])),
                timestamp_ms=int(each.get("timestamp", 0)),
                step=int(each.get("step", 0)),
                run_id=each.get("run_id", ""),
                dataset_name=each.get("dataset_name"),
                dataset_digest=each.get("dataset_digest"),
            )
            for each in content.get("metrics", [])
        ],
    )


def _check_path(path: str, folder: str) -> None:
    """Refuse a path that does not lie right in its folder: it would lead elsewhere, or round and round."""
    parts = path.split("/")
    if path.rpartition("/")[0] != folder or len(parts) > MAX_DEPTH or not {"", ".", ".."}.isdisjoint(parts):
        raise Unreadable(f"{path[:200]!r} is no path of a file in {folder[:200]!r}.")
