"""Quotas over HTTP: set and told, held to where something is created, and who may do what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from runyard.auth.permissions import Scope
from runyard.entities.quota import Limited, Quota
from runyard.errors import Forbidden, QuotaReached, Unavailable, error_for
from runyard.services import usage
from runyard.services.standings import Standings, defaults_of
from runyard.settings import Settings
from tests.server.local import Local, good, refusal
from tests.server.team import Team
from tests.server.test_usage_routes import upload
from tests.server.trashed import collect, ours
from tests.waiting import until

QUOTA = "/api/v1/workspaces/default/quota"


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


def limit(local: Local, **limits):
    return good(local.ask("PUT", QUOTA, json=limits))


def told(local: Local):
    return good(local.ask("GET", QUOTA))


def point(local: Local, run_id: str, step: int, count: int = 1) -> httpx.Response:
    metrics = [{"key": "loss", "value": 0.5, "timestamp": 1, "step": step + each} for each in range(count)]
    return local.ask("POST", "/api/2.0/mlflow/runs/log-batch", json={"run_id": run_id, "metrics": metrics})


def is_reached(answer: tuple[int, str, str], name: str, told: str) -> bool:
    status, code, message = answer
    assert (status, code) == (403, "QUOTA_EXCEEDED")
    assert f"The quota {name} of workspace 'default' is reached: there are {told}" in message
    assert f"runyard quota set --workspace default --{name.replace('_', '-')}" in message
    return True


def test_a_quota_is_set_told_and_cleared(local):
    assert told(local)["limits"] == {}
    answer = limit(local, max_runs=5, max_experiments=0)
    nothing = {"max_artifact_bytes": None, "max_metric_points": None}
    assert answer["quota"] == {"max_runs": 5, "max_experiments": 0, **nothing}
    assert answer["limits"] == {"max_runs": 5}
    assert answer["used"] == {
        "max_runs": 0,
        "max_experiments": 1,
        "max_artifact_bytes": 0,
        "max_metric_points": 0,
    }
    assert told(local) == answer
    assert limit(local)["limits"] == {}


@pytest.mark.parametrize(
    ("name", "value"), [("max_runs", -1), ("max_metric_points", 2**62 + 1), ("max_experiments", "many")]
)
def test_a_limit_that_can_not_be_is_refused_by_name(local, name, value):
    status, code, message = refusal(local.ask("PUT", QUOTA, json={name: value}))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert name in message


def test_runs_are_limited_with_those_in_the_trash_until_that_is_emptied(local):
    limit(local, max_runs=2)
    first, _ = local.run(), local.run()
    assert is_reached(local.refused("/runs/create", experiment_id="0"), "max_runs", "2 of 2 runs")
    local.post("/runs/delete", run_id=first)
    assert is_reached(local.refused("/runs/create", experiment_id="0"), "max_runs", "2 of 2 runs")
    collect(local)
    limit(local, max_runs=2)
    local.run()
    local.refused("/runs/create", experiment_id="0")
    limit(local, max_runs=3)
    local.run()


def test_a_run_that_is_sent_again_is_the_one_that_there_is(local):
    limit(local, max_runs=1)
    run_id = "0123456789abcdef" * 2
    for _ in range(3):
        assert local.run(run_id=run_id) == run_id
    local.refused("/runs/create", experiment_id="0", run_id="f" * 32)


def test_experiments_are_limited(local):
    limit(local, max_experiments=2)
    local.experiment("one")
    refused = local.refused("/experiments/create", name="two")
    assert is_reached(refused, "max_experiments", "2 of 2 experiments")
    # What exists already is told as it always was.
    assert local.refused("/experiments/create", name="one")[1] == "RESOURCE_ALREADY_EXISTS"


def test_points_are_limited_and_a_refused_batch_leaves_nothing(local):
    run_id = local.run()
    limit(local, max_metric_points=10)
    good(point(local, run_id, 0, 8))
    assert is_reached(refusal(point(local, run_id, 8, 3)), "max_metric_points", "8 of 10 points of metrics")
    good(point(local, run_id, 8, 2))
    one = {"run_id": run_id, "key": "loss", "value": 1.0, "timestamp": 1, "step": 99}
    assert is_reached(local.refused("/runs/log-metric", **one), "max_metric_points", "10 of 10")
    local.post("/runs/log-batch", run_id=run_id, params=[{"key": "lr", "value": "1"}])
    history = local.get("/metrics/get-history", run_id=run_id, metric_key="loss")["metrics"]
    assert [each["step"] for each in history] == list(range(10))


def test_a_batch_that_is_sent_again_takes_nothing(local):
    run_id = local.run()
    limit(local, max_metric_points=1)
    batch = {
        "run_id": run_id,
        "batch_id": "018f3f0e-7c00-7000-8000-000000000001",
        "metrics": [{"key": "loss", "value": 0.5, "timestamp": 1, "step": 0}],
    }
    for _ in range(3):
        local.post("/runs/log-batch", **batch)


def test_uploads_are_limited_by_what_they_declare_and_by_what_comes(local):
    run_id = local.run()
    limit(local, max_artifact_bytes=1000)
    upload(local, run_id, "a.bin", 600)
    place = "/api/2.0/mlflow-artifacts/artifacts/b.bin"
    declared = refusal(local.ask("PUT", place, content=b"x" * 401))
    assert is_reached(declared, "max_artifact_bytes", "600 of 1000 bytes of artifacts")

    async def pieces():
        for _ in range(5):
            yield b"x" * 100

    assert is_reached(refusal(local.ask("PUT", place, content=pieces())), "max_artifact_bytes", "600 of 1000")
    assert local.ask("GET", place).status_code == 404
    upload(local, run_id, "b.bin", 400)
    page = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=c.txt"
    assert is_reached(refusal(local.ask("POST", page, content=b"x")), "max_artifact_bytes", "1000 of 1000")


def test_what_was_taken_is_known_to_the_next_server_before_it_is_measured(local):
    run_id = local.run()
    limit(local, max_artifact_bytes=1000, max_metric_points=10)
    upload(local, run_id, "a.bin", 600)
    good(point(local, run_id, 0, 8))
    limit(local, max_artifact_bytes=1000, max_metric_points=10)
    used = told(local)["used"]
    assert (used["max_artifact_bytes"], used["max_metric_points"]) == (600, 8)
    (standing,) = Standings().refresh(local.stores, local.settings)
    assert standing.used == {name: used[name] for name in standing.used}
    usage.measure_due(local.stores, lambda: 10**13, lambda worked_s: None)
    assert told(local)["used"] == used
    ours(local, "runs/delete", run_ids=[run_id])
    collect(local)
    limit(local, max_artifact_bytes=1000)
    assert told(local)["used"]["max_artifact_bytes"] == 0


def test_what_could_not_be_written_is_written_by_the_next_reading(local, monkeypatch):
    limit(local, max_metric_points=100)
    standings = Standings()
    standings.refresh(local.stores, local.settings)
    standing = standings.of("default")
    assert standing is not None
    standings.note(standing, Limited.METRIC_POINTS, 3)
    with monkeypatch.context() as away:
        away.setattr(local.stores.metadata.usage, "note_use", raising_unavailable)
        with pytest.raises(Unavailable):
            standings.refresh(local.stores, local.settings)
    standings.refresh(local.stores, local.settings)
    assert told(local)["used"]["max_metric_points"] == 3


def raising_unavailable(*_asked):
    raise Unavailable("The database is away.")


def test_many_at_once_overrun_a_quota_by_no_more_than_came_at_once(start_server):
    server = start_server(environment={"RUNYARD_MAX_RUNS": "20"})
    create = f"{server.url}/api/2.0/mlflow/runs/create"

    def create_some(_number: int) -> list[int]:
        with httpx.Client(timeout=60) as client:
            return [client.post(create, json={"experiment_id": "0"}).status_code for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        statuses = [status for some in pool.map(create_some, range(4)) for status in some]
    assert set(statuses) == {200, 403}
    assert 20 <= statuses.count(200) <= 20 + 4


def test_the_settings_limit_all_workspaces_but_those_with_a_quota_of_their_own(tmp_path):
    server = Local(tmp_path / "home", max_runs=1)
    try:
        limit(server, max_experiments=5)
        server.run()
        server.refused("/runs/create", experiment_id="0")
        assert limit(server, max_runs=0)["limits"] == {}
        server.run()
    finally:
        server.close()
    assert Quota(max_runs=3).limits(defaults_of(Settings(max_runs=1, max_metric_points=7))) == {
        "max_runs": 3,
        "max_metric_points": 7,
    }


def test_a_server_reads_the_quotas_that_another_one_has_set(start_server):
    server = start_server()
    home = server.home
    with httpx.Client(base_url=server.url, timeout=60) as client:
        client.put(QUOTA, json={"max_runs": 1}).raise_for_status()
        client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).raise_for_status()
    server.kill9()
    start_server(home=home, port=server.port)
    with httpx.Client(base_url=server.url, timeout=60) as client:
        refused = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
        assert refused.json()["error_code"] == "QUOTA_EXCEEDED"
        client.put(QUOTA, json={"max_runs": 2}).raise_for_status()
        create = "/api/2.0/mlflow/runs/create"
        until(lambda: client.post(create, json={"experiment_id": "0"}).status_code == 200)


def test_a_client_is_told_by_a_class_of_its_own_that_a_refusal_is():
    error = error_for(403, "QUOTA_EXCEEDED", "full")
    assert isinstance(error, QuotaReached)
    assert isinstance(error, Forbidden)


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def test_administrators_set_a_quota_and_readers_of_the_workspace_see_it(team):
    path = "/workspaces/alpha/api/v1/workspaces/alpha/quota"
    owner, reader = team.key(Scope.OWNER, "alpha"), team.key(Scope.READER, "alpha")
    assert team.ask("PUT", path, {"max_runs": 1}, key=owner).status_code == 403
    good(team.ask("PUT", path, {"max_runs": 1}, key=team.admin_key))
    assert good(team.ask("GET", path, key=reader))["limits"] == {"max_runs": 1}
    audit = good(team.ask("GET", "/api/v1/audit", key=team.admin_key))["entries"]
    told = [entry["target"] for entry in audit if entry["action"] == "quotas.set_quota"]
    assert "name=alpha max_runs=1" in told
    other = team.ask("GET", "/workspaces/alpha/api/v1/workspaces/beta/quota", key=reader)
    assert other.status_code == 404
    nowhere = team.ask("PUT", "/api/v1/workspaces/nowhere/quota", {"max_runs": 1}, key=team.admin_key)
    assert nowhere.status_code == 404
    create = "/workspaces/{}/api/2.0/mlflow/runs/create"
    key = team.key(Scope.CONTRIBUTOR)
    made = good(team.ask("GET", "/workspaces/alpha/api/v1/workspaces/alpha", key=key))["workspace"]
    assert made["run_count"] == 0
    for workspace, statuses in (("alpha", [200, 403]), ("beta", [200, 200])):
        answers = [team.ask("POST", create.format(workspace), {"experiment_id": "0"}, key=key) for _ in "12"]
        assert [answer.status_code for answer in answers] == statuses
