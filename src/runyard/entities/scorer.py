"""A scorer (MLflow 3): what judges the outputs of a model, kept by an experiment in numbered versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScorerVersion:
    """One version of a scorer as it is stored.

    Args:
        scorer_id: Of the scorer; its versions share it.
        experiment_id: Whose it is.
        name: By which the experiment knows it.
        version: From 1 on.
        serialized: JSON, as the client wrote it; only clients make a scorer of it again.
        created_ms: In milliseconds since the epoch.
    """

    scorer_id: str
    experiment_id: str
    name: str
    version: int
    serialized: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class OnlineScoring:
    """How much of an experiment's new traces a scorer is to judge.

    Args:
        config_id: Another one after each change.
        scorer_id: Which scorer.
        experiment_id: Whose it is.
        sample_rate: From 0 to 1.
        filter: Which traces; ``None`` for all.
    """

    config_id: str
    scorer_id: str
    experiment_id: str
    sample_rate: float
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class Scorer:
    """A scorer as a whole.

    Args:
        versions: All of them, the lowest number first.
        online: How much of new traces it is to judge, if anybody has said that.
    """

    versions: Sequence[ScorerVersion]
    online: OnlineScoring | None = None
