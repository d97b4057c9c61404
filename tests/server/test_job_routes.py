"""Jobs, snapshots and compute targets over HTTP, without anything that would run them."""

from __future__ import annotations

import hashlib
import json

import pytest

from runyard.entities.job import REASON_TAG, Job, JobStatus
from runyard.services import jobs as job_service
from runyard.services.job_life import AttemptEnd, begin_attempt, end_attempt, lose
from runyard.services.snapshots import KEPT_UNNAMED_MS, remove_unneeded
from tests.server.local import Local, good, pairs, refusal
from tests.server.team import Team

JOBS, COMPUTE = "/api/v1/jobs", "/api/v1/compute"
CODE = b"an archive"
SHA256 = hashlib.sha256(CODE).hexdigest()
AGENT, OTHER_AGENT = "a" * 32, "b" * 32
NOW_MS = 1_700_000_000_000
# Who sent a credential a moment ago is remembered, and is then told that the job is not theirs.
SHUT_OUT = (400, 401)


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home", local_slots=2)
    yield team
    team.close()


def submit(local: Local, **more):
    body = {"experiment_id": "0", "command": ["true"]} | more
    return good(local.ask("POST", JOBS, json=body))["job"]


def job_of(local: Local, run_id: str):
    return good(local.ask("GET", f"{JOBS}/{run_id}"))["job"]


def keep_code(local: Local, code: bytes = CODE) -> str:
    sha256 = hashlib.sha256(code).hexdigest()
    good(local.ask("PUT", f"/api/v1/snapshots/{sha256}", content=code))
    return sha256


def kept_job(local: Local, run_id: str) -> Job:
    found = local.stores.metadata.jobs.find_job(run_id)
    assert found is not None
    return found


class Attempt:
    """An agent of a job, as the server sees it."""

    def __init__(self, local: Local, run_id: str, agent_id: str = AGENT, key: str | None = None) -> None:
        self.local, self.run_id, self.agent_id = local, run_id, agent_id
        self.key = key or begin_attempt(local.stores, kept_job(local, run_id), "here", NOW_MS)
        self.number = kept_job(local, run_id).attempt

    def tell(self, what: str, **more):
        body = {"attempt": self.number, "agent_id": self.agent_id} | more
        headers = {"Authorization": f"Bearer {self.key}"}
        return self.local.ask("POST", f"{JOBS}/{self.run_id}/{what}", json=body, headers=headers)


# --- submitting -------------------------------------------------------------------------------------------


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


# --- the code ---------------------------------------------------------------------------------------------


def test_code_is_kept_by_its_hash_and_only_whole(local):
    path = f"/api/v1/snapshots/{SHA256}"
    assert refusal(local.ask("GET", path))[0] == 404
    assert refusal(local.ask("PUT", path, content=b"something else"))[0] == 400
    assert refusal(local.ask("GET", path))[0] == 404
    keep_code(local)
    keep_code(local)
    assert good(local.ask("GET", path)) == {"sha256": SHA256, "size_bytes": len(CODE)}
    assert local.ask("GET", f"{path}/content").content == CODE
    for name in ("x", SHA256.upper(), SHA256[:-1], f"{SHA256}0"):
        assert refusal(local.ask("PUT", f"/api/v1/snapshots/{name}", content=CODE))[0] == 400


def test_too_much_code_is_refused(tmp_path):
    local = Local(tmp_path / "home", max_snapshot_bytes=len(CODE) - 1)
    try:
        assert refusal(local.ask("PUT", f"/api/v1/snapshots/{SHA256}", content=CODE))[0] == 413
    finally:
        local.close()


def test_code_that_no_job_names_goes_after_a_day(local):
    keep_code(local)
    other = keep_code(local, b"other")
    submit(local, command=[], snapshot=SHA256, script="a.py")
    now_ms = local.stores.metadata.jobs.list_active()[0].submitted_ms
    assert remove_unneeded(local.stores, now_ms) == 0
    assert remove_unneeded(local.stores, now_ms + KEPT_UNNAMED_MS + 1_000) == 1
    assert refusal(local.ask("GET", f"/api/v1/snapshots/{other}"))[0] == 404
    assert not list((local.settings.artifact_root / "default" / "snapshots").glob(other))
    assert local.ask("GET", f"/api/v1/snapshots/{SHA256}/content").content == CODE


def test_code_that_is_uploaded_again_while_it_is_removed_stays(local, monkeypatch):
    keep_code(local)
    submit(local, command=[], snapshot=keep_code(local, b"other"), script="a.py")
    now_ms = local.stores.metadata.jobs.list_active()[0].submitted_ms
    snapshots = local.stores.metadata.snapshots
    forget = snapshots.forget

    def forgotten_and_uploaded_again(*unneeded):
        forgotten = forget(*unneeded)
        assert refusal(local.ask("GET", f"/api/v1/snapshots/{SHA256}"))[0] == 404
        keep_code(local)
        return forgotten

    monkeypatch.setattr(snapshots, "forget", forgotten_and_uploaded_again)
    assert remove_unneeded(local.stores, now_ms + KEPT_UNNAMED_MS + 1_000) == 1
    assert local.ask("GET", f"/api/v1/snapshots/{SHA256}/content").content == CODE


# --- the life of a job ------------------------------------------------------------------------------------


def test_an_agent_takes_a_job_from_its_begin_to_its_end(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    assert job_of(local, run_id)["status"] == "starting"
    good(agent.tell("begin"))
    good(agent.tell("begin"))
    assert local.read_run(run_id)["info"]["status"] == "SCHEDULED"
    assert good(agent.tell("report", status="running")) == {"is_cancel_requested": False}
    assert local.read_run(run_id)["info"]["status"] == "RUNNING"
    good(agent.tell("end", status="completed", exit_code=0))
    job = job_of(local, run_id)
    assert (job["status"], job["exit_code"], job["reason"]) == ("completed", 0, "")
    assert job["started_ms"] <= job["ended_ms"]
    info = local.read_run(run_id)["info"]
    assert (info["status"], info["end_time"]) == ("FINISHED", job["ended_ms"])
    assert agent.tell("end", status="completed", exit_code=0).status_code in SHUT_OUT


def test_the_last_slot_of_a_target_is_given_away_once(local):
    """By servers that have looked at the queue at different moments, or pass over different jobs."""
    good(local.ask("POST", COMPUTE, json={"name": "gpu", "kind": "local", "slots": 2}))
    first, second = (kept_job(local, submit(local, compute="gpu", slots=slots)["run_id"]) for slots in (2, 1))
    assert begin_attempt(local.stores, first, "one", NOW_MS)
    assert begin_attempt(local.stores, second, "two", NOW_MS) is None
    assert job_of(local, second.run_id)["status"] == "queued"
    end_attempt(local.stores, first.run_id, 1, AttemptEnd(JobStatus.COMPLETED, 0, ""), NOW_MS)
    assert begin_attempt(local.stores, second, "two", NOW_MS)


def test_of_two_agents_one_has_the_job(local):
    run_id = submit(local)["run_id"]
    first = Attempt(local, run_id)
    second = Attempt(local, run_id, OTHER_AGENT, key=first.key)
    good(first.tell("begin"))
    for what, more in (
        ("begin", {}),
        ("report", {"status": "running"}),
        ("end", {"status": "completed"}),
    ):
        assert refusal(second.tell(what, **more))[:2] == (400, "INVALID_STATE")
    good(first.tell("report", status="running"))


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("begin", {"agent_id": "x"}),
        ("report", {"status": "completed"}),
        ("report", {"status": "x"}),
        ("end", {"status": "running"}),
        ("end", {"status": "failed", "reason": "x" * 1_001}),
        ("end", {"status": "failed", "exit_code": 2**40}),
        ("report", {"status": "running", "attempt": 2}),
    ],
)
def test_what_an_agent_can_not_say_is_refused(local, what, more):
    agent = Attempt(local, submit(local)["run_id"])
    if what != "begin":
        good(agent.tell("begin"))
    assert refusal(agent.tell(what, **more))[0] == 400


def test_a_job_that_fails_says_why(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    good(agent.tell("end", status="failed", exit_code=3, reason="exit code 3: ValueError"))
    tags = pairs(local.read_run(run_id)["data"]["tags"])
    assert (tags[REASON_TAG], tags["runyard.exit_code"]) == ("exit code 3: ValueError", "3")
    assert job_of(local, run_id)["reason"] == "exit code 3: ValueError"


def test_a_job_that_may_be_tried_again_is_and_the_old_agent_is_shut_out(local):
    run_id = submit(local, max_attempts=2)["run_id"]
    first = Attempt(local, run_id)
    good(first.tell("begin"))
    good(first.tell("report", status="running"))
    good(first.tell("end", status="failed", exit_code=1, reason="once"))
    good(first.tell("end", status="failed", exit_code=1, reason="once"))
    job = job_of(local, run_id)
    assert (job["status"], job["attempt"], job["reason"]) == ("queued", 1, "attempt 1 of 2 failed: once")
    assert local.read_run(run_id)["info"]["status"] == "SCHEDULED"
    second = Attempt(local, run_id, OTHER_AGENT)
    assert second.number == 2
    assert first.tell("report", status="running").status_code in SHUT_OUT
    good(second.tell("begin"))
    good(second.tell("end", status="failed", exit_code=1, reason="twice"))
    assert job_of(local, run_id)["status"] == "failed"


def test_the_scripts_own_word_counts_where_it_ended_well(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    local.post("/runs/update", run_id=run_id, status="FAILED", end_time=5)
    good(agent.tell("end", status="completed", exit_code=0))
    assert local.read_run(run_id)["info"]["status"] == "FAILED"
    assert job_of(local, run_id)["status"] == "completed"


def test_a_job_that_waits_is_canceled_at_once(local):
    run_id = submit(local)["run_id"]
    job = good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))["job"]
    assert (job["status"], job["reason"]) == ("canceled", "canceled by local")
    assert local.read_run(run_id)["info"]["status"] == "KILLED"
    assert good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))["job"] == job
    assert refusal(local.ask("POST", f"{JOBS}/{'0' * 32}/cancel", json={}))[0] == 404


@pytest.mark.parametrize("status", ["canceled", "failed"])
def test_an_agent_is_told_to_end_and_the_job_is_not_tried_again(local, status):
    run_id = submit(local, max_attempts=3)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))
    assert job_of(local, run_id)["is_cancel_requested"]
    assert good(agent.tell("report", status="running")) == {"is_cancel_requested": True}
    good(agent.tell("end", status=status, exit_code=143, reason="it was canceled"))
    job = job_of(local, run_id)
    assert (job["status"], job["exit_code"], job["reason"]) == ("canceled", 143, "canceled by local")
    assert local.read_run(run_id)["info"]["status"] == "KILLED"


def test_r11_a_lost_job_is_as_before_when_its_agent_reports_again(local):
    run_id = submit(local)["run_id"]
    agent = Attempt(local, run_id)
    good(agent.tell("begin"))
    good(agent.tell("report", status="running"))
    seen = local.stores.metadata.jobs.find_job(run_id)
    assert lose(local.stores, seen, NOW_MS, "silent")
    assert not lose(local.stores, seen, NOW_MS, "silent")
    assert (job_of(local, run_id)["status"], local.read_run(run_id)["info"]["status"]) == ("lost", "FAILED")
    metric = {"run_id": run_id, "key": "m", "value": 1.0, "timestamp": 1}
    headers = {"Authorization": f"Bearer {agent.key}"}
    good(local.ask("POST", "/api/2.0/mlflow/runs/log-metric", json=metric, headers=headers))
    good(agent.tell("report", status="running"))
    job = job_of(local, run_id)
    assert (job["status"], job["reason"]) == ("running", "")
    run = local.read_run(run_id)
    assert run["info"]["status"] == "RUNNING"
    assert REASON_TAG not in pairs(run["data"]["tags"])
    assert [each["key"] for each in run["data"]["metrics"]] == ["m"]
    good(agent.tell("end", status="completed", exit_code=0))
    assert local.read_run(run_id)["info"]["status"] == "FINISHED"


def test_whoever_comes_second_changes_nothing(local):
    run_id = submit(local)["run_id"]
    queued = local.stores.metadata.jobs.find_job(run_id)
    assert begin_attempt(local.stores, queued, "here", NOW_MS)
    assert begin_attempt(local.stores, queued, "there", NOW_MS) is None
    end = AttemptEnd(JobStatus.FAILED, 1, "x")
    assert end_attempt(local.stores, run_id, 2, end, NOW_MS) is None
    assert end_attempt(local.stores, run_id, 1, end, NOW_MS)
    assert kept_job(local, run_id).status is JobStatus.FAILED
    assert end_attempt(local.stores, run_id, 1, AttemptEnd(JobStatus.COMPLETED, 0, ""), NOW_MS) is None
    assert job_of(local, run_id)["reason"] == "x"


def test_a_job_goes_with_its_run(local):
    run_id = submit(local)["run_id"]
    good(local.ask("POST", f"{JOBS}/{run_id}/cancel", json={}))
    local.post("/runs/delete", run_id=run_id)
    assert job_of(local, run_id)["status"] == "canceled"
    good(local.ask("POST", "/api/v1/trash/collect", json={"run_ids": [run_id]}))
    assert refusal(local.ask("GET", f"{JOBS}/{run_id}"))[0] == 404


# --- compute targets --------------------------------------------------------------------------------------


def test_targets_are_made_shown_changed_and_deleted(local):
    (here,) = good(local.ask("GET", COMPUTE))["compute_targets"]
    assert (here["name"], here["is_built_in"]) == ("local", True)
    assert here["slots"] >= 1
    made = good(local.ask("POST", COMPUTE, json={"name": "pool", "slots": 2, "tags": {"a": "b"}}))
    assert (made["compute_target"]["slots"], made["compute_target"]["created_by"]) == (2, "local")
    waiting = submit(local, compute="pool")["run_id"]
    Attempt(local, submit(local, compute="pool", slots=2, priority=1)["run_id"])
    shown = good(local.ask("GET", f"{COMPUTE}/pool"))["compute_target"]
    assert (shown["slots_taken"], shown["jobs_waiting"]) == (2, 1)
    changed = good(local.ask("PATCH", f"{COMPUTE}/pool", json={"slots": 5, "is_paused": True}))
    assert changed["compute_target"] == shown | {"slots": 5, "is_paused": True}
    assert [each["name"] for each in good(local.ask("GET", COMPUTE))["compute_targets"]] == ["local", "pool"]
    status, code, message = refusal(local.ask("DELETE", f"{COMPUTE}/pool"))
    assert (status, code) == (400, "INVALID_STATE")
    assert "2 jobs" in message
    good(local.ask("POST", f"{JOBS}/{waiting}/cancel"))
    assert "has 1 job that is not over" in refusal(local.ask("DELETE", f"{COMPUTE}/pool"))[2]
    good(local.ask("DELETE", f"{COMPUTE}/pool", params={"force": "true"}))
    assert refusal(local.ask("GET", f"{COMPUTE}/pool"))[0] == 404
    states = {job["status"]: job["is_cancel_requested"] for job in good(local.ask("GET", JOBS))["jobs"]}
    assert states == {"canceled": True, "starting": True}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a b"}, "INVALID_PARAMETER_VALUE"),
        ({"name": "x" * 64}, "INVALID_PARAMETER_VALUE"),
        ({"name": "local"}, "RESOURCE_ALREADY_EXISTS"),
        ({"name": "taken"}, "RESOURCE_ALREADY_EXISTS"),
        ({"name": "a", "slots": 0}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "slots": 10_000}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "kind": "abacus"}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "tags": {"": "x"}}, "INVALID_PARAMETER_VALUE"),
    ],
)
def test_a_target_that_can_not_be_is_refused(local, body, code):
    good(local.ask("POST", COMPUTE, json={"name": "taken"}))
    assert refusal(local.ask("POST", COMPUTE, json=body))[1] == code


def test_the_machine_itself_is_changed_by_a_setting_alone(local):
    for method in ("PATCH", "DELETE"):
        body = {"json": {"slots": 1}} if method == "PATCH" else {}
        assert refusal(local.ask(method, f"{COMPUTE}/local", **body))[:2] == (403, "PERMISSION_DENIED")


def test_a_teams_server_runs_no_jobs_unless_its_operator_says_so(tmp_path):
    team = Team(tmp_path / "home")
    try:
        body = {"experiment_id": "0", "command": ["true"]}
        answer = team.ask("POST", JOBS, body, key=team.admin_key)
        assert (answer.status_code, "local_slots" in answer.text) == (404, True)
        made = team.ask("POST", COMPUTE, {"name": "pool"}, key=team.admin_key)
        assert (made.status_code, "local_slots" in made.text) == (403, True)
        assert team.ask("GET", COMPUTE, key=team.admin_key).json() == {"compute_targets": []}
    finally:
        team.close()
