"""Logged models (MLflow 3) that this process began: their calls are kept, and answered from memory."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from mlflow.utils.proto_json_utils import parse_dict

from runyard.entities.run_names import random_name
from runyard.sdk.mlflow_entities import wire_pairs
from runyard.sdk.spool.outbox import Outbox
from runyard.sdk.spool.records import ModelBegun, ModelUpdated

MAX_BEGUN = 1_000

_PENDING = "LOGGED_MODEL_PENDING"
_NOT_IN_A_NAME = re.compile(r"[/:.%\"']")
_MODEL = re.compile(r"/logged-models/(m-[0-9a-f]{32})(?:/params|/tags)?$")


class BegunModels:
    """Makes the ids of logged models here, so that logging one needs no server.

    It looks at the calls that MLflow's store is about to make: not every version of MLflow has the store's
    methods, and the entities that they return.

    Args:
        outbox: Where to put what is logged.
        place_of: Returns an experiment's name if it has no id yet, and where its artifacts go, by its id.
    """

    def __init__(self, outbox: Outbox, place_of: Callable[[str], tuple[str, str]]) -> None:
        self._outbox = outbox
        self._place_of = place_of
        self._begun: dict[str, dict[str, Any]] = {}

    def answer(self, api: Any, json_body: str, endpoint: str, is_current: Callable[[], bool]) -> Any | None:
        """Keep a call and return its answer, or None if it is one that only the server can answer.

        Args:
            api: MLflow's message.
            json_body: Its content.
            endpoint: The path, where MLflow makes one.
            is_current: Tells whether the server has all that was logged, and answers.
        """
        name = api.DESCRIPTOR.name
        if name == "CreateLoggedModel":
            return self._begin(api, json.loads(json_body))
        named = _MODEL.search(endpoint)
        model = self._begun.get(named[1]) if named else None
        if model is None:
            return None
        if name == "GetLoggedModel":
            return None if model["status"] != _PENDING and is_current() else _shown(api, model)
        return self._update(name, api, model, json.loads(json_body))

    def _begin(self, api: Any, body: dict[str, Any]) -> Any | None:
        name = body.get("name") or random_name()
        if _NOT_IN_A_NAME.search(name):
            # The server says so at once, as it does without a spool.
            return None
        experiment_id = str(body.get("experiment_id", ""))
        offline_name, location = self._place_of(experiment_id)
        record = ModelBegun(
            model_id=f"m-{uuid.uuid4().hex}",
            experiment_id="" if offline_name else experiment_id,
            experiment_name=offline_name,
            name=name,
            model_type=body.get("model_type", ""),
            source_run_id=body.get("source_run_id", ""),
            params=_mapping(body.get("params")),
            tags=_mapping(body.get("tags")),
        )
        now_ms = time.time_ns() // 1_000_000
        model = {
            "model_id": record.model_id,
            "experiment_id": experiment_id,
            "name": name,
            "creation_timestamp_ms": now_ms,
            "last_updated_timestamp_ms": now_ms,
            "artifact_uri": f"{location}/models/{record.model_id}/artifacts",
            "status": _PENDING,
            "model_type": record.model_type,
            "source_run_id": record.source_run_id,
            "params": dict(record.params),
            "tags": dict(record.tags),
        }
        if len(self._begun) >= MAX_BEGUN:
            self._begun.pop(next(iter(self._begun)))
        self._begun[record.model_id] = model
        self._outbox.add(record)
        return _shown(api, model)

    def _update(self, name: str, api: Any, model: dict[str, Any], body: dict[str, Any]) -> Any | None:
        update = ModelUpdated(model["model_id"])
        if name == "LogLoggedModelParamsRequest":
            update.params = _mapping(body.get("params"))
        elif name == "SetLoggedModelTags":
            update.tags = _mapping(body.get("tags"))
        elif name == "FinalizeLoggedModel":
            update.status = str(body["status"])
            model["status"] = update.status
        else:
            return None
        model["params"].update(update.params)
        model["tags"].update(update.tags)
        self._outbox.add(update)
        return _shown(api, model) if name == "FinalizeLoggedModel" else api.Response()


def _shown(api: Any, model: dict[str, Any]) -> Any:
    info = {key: value for key, value in model.items() if key not in ("params", "tags")}
    content = {
        "info": info | {"tags": wire_pairs(model["tags"])},
        "data": {"params": wire_pairs(model["params"])},
    }
    answer = api.Response()
    parse_dict({"model": content}, answer)
    return answer


def _mapping(pairs: list[dict[str, str]] | None) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in pairs or []}
