"""What can be done with scorers: register versions, list, get, delete; and say how new traces are judged.

Runyard keeps scorers and makes nothing of them: only clients run one. So one that carries code of its own is
refused, as whoever loads it would run that code.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from runyard.entities.scorer import OnlineScoring, ScorerVersion
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.json_fields import json_object
from runyard.protocol.trace_filters import parse_trace_filter
from runyard.services.call import Call
from runyard.services.experiments import get_active_experiment, readable

MAX_NAME_LENGTH = 256
MAX_SERIALIZED_LENGTH = 1_000_000
MAX_FILTER_LENGTH = 10_000
MAX_SCORER_IDS = 10_000

_GATEWAY = "gateway:/"
_WITH_A_MODEL = (
    "instructions_judge_pydantic_data",
    "builtin_scorer_pydantic_data",
    "third_party_scorer_data",
)
_EXPECTATIONS = re.compile(r"\{\{\s*expectations\s*\}\}")
_CARRIES_CODE = (
    "Custom scorer registration (using @scorer decorator) is disabled: whoever loads such a scorer runs its "
    "code. Keep the code in a repository and import it."
)


def register_scorer(call: Call, experiment_id: str, name: str, serialized: str) -> ScorerVersion:
    """Return a new version of an experiment's scorer, the first one if it has none of the name.

    Raises:
        InvalidParameter: The experiment is deleted, or it is no scorer, or one with code of its own.
        NotFound: There is no such experiment.
    """
    check_scorer(name, serialized)
    with call.stores.atomic():
        experiment = get_active_experiment(call, experiment_id)
        scorer = ScorerVersion(
            scorer_id=str(uuid.uuid4()),
            experiment_id=experiment.experiment_id,
            name=name,
            version=0,
            serialized=serialized,
            created_ms=call.now_ms(),
        )
        return call.stores.metadata.scorers.register(scorer)


def check_scorer(name: str, serialized: str) -> None:
    """Refuse what is no scorer, or one with code of its own."""
    if not name.strip():
        raise InvalidParameter("Scorer name cannot be empty or contain only whitespace.")
    limits.check_length(name, MAX_NAME_LENGTH, "name")
    limits.check_length(serialized, MAX_SERIALIZED_LENGTH, "serialized_scorer")
    said = json_object(serialized, "serialized_scorer")
    if _carries_code(said):
        raise InvalidParameter(_CARRIES_CODE)
    _check_model(_model_of(said))


def check_online_scoring(sample_rate: float, filter: str | None) -> None:
    """Refuse a part of the traces that can't be."""
    if not 0.0 <= sample_rate <= 1.0:
        raise InvalidParameter(f"sample_rate must be between 0.0 and 1.0, got {sample_rate}")
    limits.check_length(filter or "", MAX_FILTER_LENGTH, "filter_string")


def list_scorers(
    call: Call, experiment_id: str | None, experiment_ids: Sequence[str] | None
) -> list[ScorerVersion]:
    """Return the last version of each scorer of an experiment, of several, or of all that are to be read.

    Raises:
        InvalidParameter: One and several experiments are named, or the one is deleted.
        NotFound: There is no such experiment.
    """
    store, workspace = call.stores.metadata.scorers, call.workspace.name
    if experiment_id and experiment_ids is not None:
        raise InvalidParameter(
            "Cannot specify both 'experiment_id' and 'experiment_ids'. Use 'experiment_ids' to scope the "
            "query to multiple experiments, or 'experiment_id' to scope it to a single experiment."
        )
    if experiment_ids is not None:
        return store.list_latest(workspace, readable(call, list(dict.fromkeys(experiment_ids))))
    if experiment_id:
        found = readable(call, [experiment_id])
        if not found:
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        return store.list_latest(workspace, [get_active_experiment(call, found[0]).experiment_id])
    seen = call.experiments_to_read()
    return store.list_latest(workspace, None if seen is None else sorted(seen))


def list_scorer_versions(call: Call, experiment_id: str, name: str) -> list[ScorerVersion]:
    """Return all versions of an experiment's scorer, the first one first."""
    experiment = get_active_experiment(call, experiment_id)
    return call.stores.metadata.scorers.list_versions(experiment.experiment_id, name)


def get_scorer(call: Call, experiment_id: str, name: str, version: int | None) -> ScorerVersion:
    """Return a version of an experiment's scorer, the last one unless it is named."""
    experiment = get_active_experiment(call, experiment_id)
    return call.stores.metadata.scorers.get_version(experiment.experiment_id, name, version)


def delete_scorer(call: Call, experiment_id: str, name: str, version: int | None) -> None:
    """Delete a version of an experiment's scorer, or all of it, for good."""
    with call.stores.atomic():
        experiment = get_active_experiment(call, experiment_id)
        call.stores.metadata.scorers.delete(experiment.experiment_id, name, version)


def set_online_scoring(
    call: Call, experiment_id: str, name: str, sample_rate: float, filter: str | None
) -> OnlineScoring:
    """Keep how much of an experiment's new traces its scorer is to judge, and return that.

    Runyard judges none itself: a program of the team's reads this and does.

    Raises:
        InvalidParameter: The rate is none, or the scorer's last version asks no gateway, or the filter is
            none over traces.
        NotFound: There is no such experiment or scorer.
    """
    check_online_scoring(sample_rate, filter)
    parse_trace_filter(filter)
    with call.stores.atomic():
        latest = get_scorer(call, experiment_id, name, None)
        serialized = json_object(latest.serialized, "serialized_scorer")
        if sample_rate > 0 and not (_model_of(serialized) or "").startswith(_GATEWAY):
            raise InvalidParameter(
                f"Scorer '{name}' does not use a gateway model. Automatic evaluation is only supported for "
                "scorers that use gateway models."
            )
        if sample_rate > 0 and _asks_for_expectations(serialized):
            raise InvalidParameter(
                f"Scorer '{name}' requires expectations, but scorers with expectations are not currently "
                "supported for automatic evaluation."
            )
        said = OnlineScoring(
            config_id=uuid.uuid4().hex,
            scorer_id=latest.scorer_id,
            experiment_id=latest.experiment_id,
            sample_rate=sample_rate,
            filter=filter,
        )
        call.stores.metadata.scorers.set_online(said)
    return said


def list_online_scoring(call: Call, scorer_ids: Sequence[str]) -> list[OnlineScoring]:
    """Return what is said of scorers whose experiments the caller may read."""
    if len(scorer_ids) > MAX_SCORER_IDS:
        raise InvalidParameter(
            f"'scorer_ids' has {len(scorer_ids)} entries; at most {MAX_SCORER_IDS} are allowed."
        )
    seen = call.experiments_to_read()
    store = call.stores.metadata.scorers
    return store.list_online(call.workspace.name, scorer_ids, None if seen is None else sorted(seen))


def _carries_code(said: Any) -> bool:
    """Whether a scorer, or one within it, brings the source of a function."""
    if isinstance(said, dict):
        return said.get("call_source") is not None or any(map(_carries_code, said.values()))
    return isinstance(said, list) and any(map(_carries_code, said))


def _model_of(said: Mapping[str, Any]) -> Any:
    """Return the model that a scorer asks, as MLflow's kinds of scorers name it."""
    for name in _WITH_A_MODEL:
        kind = said.get(name)
        if kind and isinstance(kind, dict):
            return kind.get("model")
    remembering = said.get("memory_augmented_judge_data")
    base = remembering.get("base_judge") if isinstance(remembering, dict) else None
    return _model_of(base) if isinstance(base, dict) else None


def _asks_for_expectations(said: Mapping[str, Any]) -> bool:
    """Whether a judge's instructions name what should have come out, which new traces don't have."""
    judge = said.get("instructions_judge_pydantic_data")
    instructions = judge.get("instructions") if isinstance(judge, dict) else None
    return isinstance(instructions, str) and _EXPECTATIONS.search(instructions) is not None


def _check_model(model: Any) -> None:
    if model is None:
        return
    if not isinstance(model, str):
        raise InvalidParameter(f"Scorer model must be a string, got {type(model).__name__}.")
    if not model.strip():
        raise InvalidParameter("Scorer model cannot be empty or contain only whitespace.")
