"""MLflow's messages about scorers and what is said of their use on new traces."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.entities.scorer import OnlineScoring, ScorerVersion
from runyard.protocol.messages.common import Int64, Wire


class RegisterScorer(Wire):
    """Body of ``scorers/register``."""

    experiment_id: str
    name: str
    serialized_scorer: str


class ListScorers(Wire):
    """Query of ``scorers/list``: one experiment, several, or all of the workspace."""

    experiment_id: str | None = None
    experiment_ids: list[str] | None = None


class NamedScorer(Wire):
    """Query of ``scorers/versions``."""

    experiment_id: str
    name: str


class NamedScorerVersion(Wire):
    """Query of ``scorers/get``, query or body of ``scorers/delete``."""

    experiment_id: str
    name: str
    version: Int64 | None = None


class GetOnlineScoring(Wire):
    """Query of ``scorers/online-configs``."""

    scorer_ids: list[str]


class SetOnlineScoring(Wire):
    """Body of ``scorers/online-config``."""

    experiment_id: str
    name: str
    sample_rate: float
    filter_string: str | None = None


class RegisterScorerAnswer(Wire, omit_defaults=False):
    """The version that was made."""

    version: int
    scorer_id: str
    experiment_id: str
    name: str
    serialized_scorer: str
    creation_time: int


class WireScorer(Wire, omit_defaults=False):
    """A version of a scorer on the wire; its experiment's id is a number there."""

    experiment_id: int
    scorer_name: str
    scorer_version: int
    serialized_scorer: str
    creation_time: int
    scorer_id: str


class ScorerAnswer(Wire, omit_defaults=False):
    """One version of a scorer."""

    scorer: WireScorer


class ScorersAnswer(Wire):
    """Versions of scorers."""

    scorers: list[WireScorer] | UnsetType = UNSET


class WireOnlineScoring(Wire, omit_defaults=False):
    """What is said of a scorer's use on new traces."""

    online_scoring_config_id: str
    scorer_id: str
    sample_rate: float
    experiment_id: str
    filter_string: str | UnsetType = UNSET


class OnlineScoringAnswer(Wire, omit_defaults=False):
    """What is said of one scorer."""

    config: WireOnlineScoring


class OnlineScoringsAnswer(Wire, omit_defaults=False):
    """What is said of several scorers."""

    configs: list[WireOnlineScoring]


def wire_registered(scorer: ScorerVersion) -> RegisterScorerAnswer:
    """Return a new version as MLflow writes it."""
    return RegisterScorerAnswer(
        version=scorer.version,
        scorer_id=scorer.scorer_id,
        experiment_id=scorer.experiment_id,
        name=scorer.name,
        serialized_scorer=scorer.serialized,
        creation_time=scorer.created_ms,
    )


def wire_scorer(scorer: ScorerVersion) -> WireScorer:
    """Return a version as MLflow writes it."""
    return WireScorer(
        experiment_id=int(scorer.experiment_id),
        scorer_name=scorer.name,
        scorer_version=scorer.version,
        serialized_scorer=scorer.serialized,
        creation_time=scorer.created_ms,
        scorer_id=scorer.scorer_id,
    )


def wire_online_scoring(said: OnlineScoring) -> WireOnlineScoring:
    """Return what is said of a scorer as MLflow writes it."""
    return WireOnlineScoring(
        online_scoring_config_id=said.config_id,
        scorer_id=said.scorer_id,
        sample_rate=said.sample_rate,
        experiment_id=said.experiment_id,
        filter_string=said.filter or UNSET,
    )
