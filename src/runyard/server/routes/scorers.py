"""MLflow's routes about scorers, and what is said of their use on new traces."""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.scorers import (
    GetOnlineScoring,
    ListScorers,
    NamedScorer,
    NamedScorerVersion,
    OnlineScoringAnswer,
    OnlineScoringsAnswer,
    RegisterScorer,
    RegisterScorerAnswer,
    ScorerAnswer,
    ScorersAnswer,
    SetOnlineScoring,
    wire_online_scoring,
    wire_registered,
    wire_scorer,
)
from runyard.server.routing import Routes
from runyard.services import reach, scorers
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/3.0/mlflow/scorers"

routes.refuse(
    "POST",
    "/ajax-api/3.0/mlflow/scorer/invoke",
    why="Runyard calls no language model and runs no scorer. Judge traces in your own process with "
    "`mlflow.genai.evaluate`.",
)


@routes.post(
    f"{_BASE}/register",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    summary="Register a scorer with an experiment, or its next version.",
)
def register_scorer(call: Call, body: RegisterScorer) -> RegisterScorerAnswer:
    """Keep a version of a scorer."""
    made = scorers.register_scorer(call, body.experiment_id, body.name, body.serialized_scorer)
    return wire_registered(made)


@routes.get(
    f"{_BASE}/list",
    permits=Permission.READ,
    of=reach.searched,
    summary="List the scorers of experiments, of each the last version.",
)
def list_scorers(call: Call, body: ListScorers) -> ScorersAnswer:
    """Answer scorers."""
    found = scorers.list_scorers(call, body.experiment_id, body.experiment_ids)
    return ScorersAnswer(scorers=[wire_scorer(each) for each in found] or UNSET)


@routes.get(
    f"{_BASE}/versions",
    permits=Permission.READ,
    of=reach.experiment,
    summary="List all versions of a scorer.",
)
def list_scorer_versions(call: Call, body: NamedScorer) -> ScorersAnswer:
    """Answer the versions of a scorer."""
    found = scorers.list_scorer_versions(call, body.experiment_id, body.name)
    return ScorersAnswer(scorers=[wire_scorer(each) for each in found])


@routes.get(
    f"{_BASE}/get",
    permits=Permission.READ,
    of=reach.experiment,
    summary="Get a scorer, its last version unless one is named.",
)
def get_scorer(call: Call, body: NamedScorerVersion) -> ScorerAnswer:
    """Answer a version of a scorer."""
    found = scorers.get_scorer(call, body.experiment_id, body.name, body.version)
    return ScorerAnswer(scorer=wire_scorer(found))


@routes.delete(
    f"{_BASE}/delete",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    is_audited=True,
    summary="Delete a version of a scorer, or all of it, for good.",
)
def delete_scorer(call: Call, body: NamedScorerVersion) -> Empty:
    """Delete a scorer."""
    scorers.delete_scorer(call, body.experiment_id, body.name, body.version)
    return Empty()


@routes.put(
    f"{_BASE}/online-config",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    summary="Keep how much of an experiment's new traces a scorer is to judge.",
)
def set_online_scoring(call: Call, body: SetOnlineScoring) -> OnlineScoringAnswer:
    """Keep what is said of a scorer's use."""
    said = scorers.set_online_scoring(
        call, body.experiment_id, body.name, body.sample_rate, body.filter_string
    )
    return OnlineScoringAnswer(config=wire_online_scoring(said))


@routes.get(
    f"{_BASE}/online-configs",
    permits=Permission.READ,
    of=reach.searched,
    summary="List how much of the new traces scorers are to judge.",
)
def list_online_scoring(call: Call, body: GetOnlineScoring) -> OnlineScoringsAnswer:
    """Answer what is said of scorers' use."""
    found = scorers.list_online_scoring(call, body.scorer_ids)
    return OnlineScoringsAnswer(configs=[wire_online_scoring(each) for each in found])
