"""Jobs over HTTP, submitted and looked at, without anything that would run them."""

from __future__ import annotations

import json

import pytest

from runyard.services import jobs as job_service
from tests.server.local import Local, good, pairs, refusal
from tests.server.submitted import COMPUTE, JOBS, SHA256, Attempt, job_of, keep_code, submit
from tests.server.team import Team


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home", local_slots=2)
    yield team
    team.close()


def test_a_job_is_a_run_that_is_scheduled(local):
    keep_code(local)
    made = submit(
        local,
        command=[],
        snapshot=SHA256,
        script="src/train.py",
        arguments=["--alpha", "$(x) 'y'\n\"é\""],
        run_name="first",
        tags={"team": "robots"},
        variables={"A": "b"},
        max_attempts=3,
        priority=7,
        max_duration_s=60,
    )
    assert (made["status"], made["attempt"], made["position"], made["compute"]) == ("queued", 0, 1, "local")
    assert made["arguments"] == ["--alpha", "$(x) 'y'\n\"é\""]
    run = local.read_run(made["run_id"])
    assert (run["info"]["status"], run["info"]["run_name"]) == ("SCHEDULED", "first")
    tags = pairs(run["data"]["tags"])
    assert (tags["team"], tags["mlflow.source.name"], tags["mlflow.source.type"]) == (
        "robots",
        "src/train.py",
        "JOB",
    )
    assert job_of(local, made["run_id"]) == made


def test_a_job_says_what_it_reads_and_writes(local):
    inputs = {"x": {"places": [{"path": "a/b", "datastore": "workspaceblobstore"}], "asset_id": ""}}
    outputs = {"y": {"datastore": "workspaceblobstore", "path": "made/{run_id}", "overwrite": True}}
    made = submit(local, inputs=inputs, outputs=outputs)
    assert made["inputs"] == inputs
    assert made["outputs"]["y"]["path"] == f"made/{made['run_id']}"
    assert job_of(local, made["run_id"]) == made


def test_the_run_of_a_job_notes_each_data_asset_that_it_reads_once(local):
    sources = [{"kind": "datastore", "datastore": "workspaceblobstore", "address": "scans/**"}]
    asked = {"name": "scans", "kind": "file", "sources": sources}
    asset = good(local.ask("POST", "/api/v1/data-assets", json=asked))["data_asset"]
    same = {"places": [{"path": "scans", "datastore": "workspaceblobstore"}], "asset_id": asset["asset_id"]}
    plain = {"places": [{"path": "a/b", "datastore": "workspaceblobstore"}]}
    run_id = "d" * 32
    for _ in range(2):  # the client that got no answer asks again
        submit(local, inputs={"x": same, "y": {"asset_id": asset["asset_id"]}, "z": plain}, run_id=run_id)
    (noted,) = local.read_run(run_id)["inputs"]["dataset_inputs"]
    dataset = noted["dataset"]
    assert (dataset["name"], dataset["digest"]) == ("scans", asset["content_sha256"][:16])
    assert json.loads(dataset["source"])["places"] == ["workspaceblobstore:scans/**"]
    assert pairs(noted["tags"]) == {
        "runyard.data.name": "scans",
        "runyard.data.version": "1",
        "runyard.data.id": asset["asset_id"],
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"command": []}, "script"),
        ({"script": "a.py", "snapshot": SHA256}, "not both"),
        ({"command": [], "script": "a.py"}, "snapshot"),
        ({"command": [], "script": "../a.py", "snapshot": SHA256}, "script"),
        ({"command": [], "script": "/etc/a.py", "snapshot": SHA256}, "script"),
        ({"command": [], "script": "./a.py", "snapshot": SHA256}, "script"),
        ({"command": [], "script": "a//b.py", "snapshot": SHA256}, "script"),
        ({"command": [], "script": "a/.."}, "snapshot"),
        ({"command": [], "script": "a\0.py", "snapshot": SHA256}, "script"),
        ({"command": [], "script": "é" * 2_049, "snapshot": SHA256}, "script"),
        ({"snapshot": "0"}, "sha256"),
        ({"snapshot": "0" * 64}, "Upload it first"),
        ({"arguments": ["a\0b"]}, "arguments"),
        ({"command": ["x"] * (job_service.MAX_WORDS + 1)}, "command"),
        ({"command": ["x" * (job_service.MAX_WORD_LENGTH + 1)]}, "command"),
        ({"command": ["x" * job_service.MAX_WORD_LENGTH] * 6}, "command"),
        ({"variables": {"1a": "b"}}, "variables"),
        ({"variables": {"RUNYARD_TOKEN": "b"}}, "RUNYARD_TOKEN"),
        ({"variables": {"MLFLOW_RUN_ID": "b"}}, "MLFLOW_RUN_ID"),
        ({"variables": {"a": "b\0"}}, "variables.a"),
        ({"slots": 0}, "slots"),
        ({"slots": 1_000}, "'slots' is 1000, and the compute target has "),
        ({"max_attempts": 0}, "max_attempts"),
        ({"priority": 10_000}, "priority"),
        ({"max_duration_s": -1}, "max_duration_s"),
        ({"compute": "nope"}, "'local'"),
        ({"experiment_id": "999"}, "999"),
        ({"environment": {"name": "nope"}}, "nope"),
        ({"environment": {"python": {"conda": {"pip": ["-r secrets.txt"]}}}}, "secrets.txt"),
        ({"run_id": "../x"}, "run_id"),
        ({"inputs": {"a b": {"asset_id": "x"}}}, "inputs"),
        ({"inputs": {"x": {}}}, "inputs.x"),
        ({"inputs": {"x": {"asset_id": "none"}}}, "none"),
        ({"inputs": {"x": {"places": [{"path": ""}]}}}, "inputs.x.places"),
        (
            {"inputs": {"x": {"places": [{"path": "../a", "datastore": "workspaceblobstore"}]}}},
            "inputs.x.places",
        ),
        ({"inputs": {"x": {"places": [{"path": "a", "datastore": "nowhere"}]}}}, "nowhere"),
        ({"inputs": {f"x{number}": {"asset_id": "x"} for number in range(51)}}, "inputs"),
        ({"outputs": {"x": {"datastore": "nowhere"}}}, "nowhere"),
        ({"outputs": {"x": {"datastore": "workspaceblobstore", "path": "a/../.."}}}, "outputs.x.path"),
        (
            {
                "inputs": {"x": {"places": [{"path": "a", "datastore": "workspaceblobstore"}]}},
                "outputs": {"x": {"datastore": "workspaceblobstore"}},
            },
            "'x'",
        ),
        ({"tags": {"": "x"}}, "key"),
    ],
)
def test_what_can_not_be_run_is_refused_and_leaves_no_run(local, change, said):
    keep_code(local)
    status, _, message = refusal(
        local.ask("POST", JOBS, json={"experiment_id": "0", "command": ["x"], **change})
    )
    assert status in (400, 404)
    assert said in message
    assert local.post("/runs/search", experiment_ids=["0"]).get("runs", []) == []
    assert good(local.ask("GET", JOBS))["jobs"] == []


def test_the_same_request_again_is_the_same_job(local):
    run_id = "7" * 32
    first = submit(local, run_id=run_id)
    assert submit(local, run_id=run_id) == first
    assert len(good(local.ask("GET", JOBS))["jobs"]) == 1


def test_an_environment_is_what_it_was_when_the_job_was_submitted(local):
    conda = {"conda": {"pip": ["numpy"]}}
    good(local.ask("POST", "/api/v1/environments", json={"name": "train", "python": conda}))
    by_name = submit(local, environment={"name": "train"})
    assert (by_name["environment_name"], by_name["environment_version"]) == ("train", 1)
    changed = {"name": "train", "python": {"conda": {"pip": ["pandas"]}}}
    good(local.ask("POST", "/api/v1/environments", json=changed))
    kept = local.stores.metadata.jobs.find_job(by_name["run_id"]).spec.environment
    assert kept.python.conda.pip == ("numpy",)
    curated = submit(local, environment={"name": "Runyard-Minimal"})
    assert curated["environment_version"] == 1
    inline = submit(local, environment={"python": {"user_managed": True}, "variables": {"A": "b"}})
    assert (inline["environment_name"], inline["environment_version"]) == ("", 0)
    shown = good(local.ask("GET", f"{JOBS}/{by_name['run_id']}"))["environment"]
    assert (shown["name"], shown["version"], shown["python"]["conda"]["pip"]) == ("train", 1, ["numpy"])
    shown = good(local.ask("GET", f"{JOBS}/{inline['run_id']}"))["environment"]
    assert (shown.get("name", ""), shown["python"]["user_managed"]) == ("", True)
    assert shown["variables"] == {"A": "b"}


def test_jobs_are_listed_filtered_and_paged(local):
    other = local.experiment()
    ids = [submit(local, experiment_id=each)["run_id"] for each in ("0", other, other)]
    for run_id in ids[1:]:
        good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))

    def found(**query):
        answer = good(local.ask("GET", JOBS, params=query))
        return [job["run_id"] for job in answer["jobs"]], answer["next_page_token"]

    assert found() == (ids[::-1], None)
    assert found(statuses="active") == ([ids[0]], None)
    assert found(statuses="canceled,queued") == (ids[::-1], None)
    assert found(experiment_id=other) == (ids[:0:-1], None)
    assert found(compute="nope") == ([], None)
    assert found(text="TRUE ") == (ids[::-1], None)
    assert found(text=ids[0][:12]) == ([ids[0]], None)
    page, token = found(max_results=2)
    assert page == ids[:0:-1]
    assert found(max_results=2, page_token=token) == ([ids[0]], None)
    assert found(order_by=["status DESC", "submitted_ms"]) == (ids, None)
    assert "'spec'" in refusal(local.ask("GET", JOBS, params={"order_by": "spec"}))[2]
    for query in ({"statuses": "done"}, {"max_results": 0}, {"page_token": "x"}, {"experiment_id": "x"}):
        assert refusal(local.ask("GET", JOBS, params=query))[0] == 400
    assert "text" in refusal(local.ask("GET", JOBS, params={"text": "x" * 501}))[2]


def test_the_queue_says_whose_turn_it_is(local):
    first, second = submit(local)["run_id"], submit(local)["run_id"]
    urgent = submit(local, priority=1)["run_id"]
    assert [job_of(local, each)["position"] for each in (urgent, first, second)] == [1, 2, 3]


def test_the_queue_says_what_each_job_waits_for(local):
    good(local.ask("POST", COMPUTE, json={"name": "pool", "slots": 3}))
    first, second, third, last = (
        submit(local, compute="pool", slots=slots, run_name=f"takes {slots}")["run_id"]
        for slots in (2, 2, 1, 3)
    )

    def listed():
        jobs = good(local.ask("GET", JOBS))["jobs"]
        return {job["run_id"]: (job["position"], job["waits_for"]) for job in jobs}

    assert listed() == {
        first: (1, ""),
        second: (2, "1 job is before it"),
        third: (3, "2 jobs are before it"),
        last: (4, "3 jobs are before it"),
    }
    Attempt(local, first)
    assert listed()[first] == (None, "")
    assert listed()[second] == (1, "it needs 2 slots, and of 3 only 1 is free")
    good(local.ask("PATCH", f"{COMPUTE}/pool", json={"slots": 2}))
    assert listed()[second] == (1, "all slots of compute target 'pool' are taken")
    assert listed()[last] == (3, "it needs 3 slots, and compute target 'pool' has 2")
    good(local.ask("PATCH", f"{COMPUTE}/pool", json={"is_paused": True}))
    job = job_of(local, second)
    assert (job["waits_for"], job["run_name"]) == ("compute target 'pool' is paused", "takes 2")


def test_a_role_in_one_experiment_is_enough_for_its_jobs(team):
    key = team.person("cora")
    base = "/workspaces/beta/api/2.0/mlflow/experiments/create"
    own, other = (
        team.ask("POST", base, {"name": name}, key=team.admin_key).json()["experiment_id"]
        for name in ("own", "other")
    )
    team.grant("cora", "contributor", "beta", own)

    def send(experiment_id, key):
        body = {"experiment_id": experiment_id, "command": ["true"]}
        return team.ask("POST", "/workspaces/beta/api/v1/jobs", body, key=key)

    assert send(own, key).status_code == 200
    assert send(other, key).status_code == 403
    foreign = send(other, team.admin_key).json()["job"]["run_id"]
    listed = team.ask("GET", "/workspaces/beta/api/v1/jobs", key=key).json()["jobs"]
    assert [each["experiment_id"] for each in listed] == [own]
    for method, path in (("GET", foreign), ("POST", f"{foreign}/cancel")):
        assert team.ask(method, f"/workspaces/beta/api/v1/jobs/{path}", key=key).status_code == 403
    elsewhere = team.ask("GET", f"/workspaces/alpha/api/v1/jobs/{foreign}", key=team.admin_key)
    assert elsewhere.status_code == 404
