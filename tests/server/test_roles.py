"""Roles in workspaces and in single experiments: what each lets people do, and what they never see."""

from __future__ import annotations

import json

import pytest

from tests.server.team import Team

MLFLOW = "/workspaces/alpha/api/2.0/mlflow"
OWN = "/workspaces/alpha/api/v1"
FILES = "/workspaces/alpha/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


class Experiments:
    """Two experiments of one workspace, each with a run, a metric, a file and a model."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.open, self.closed = (self.made(name) for name in ("open", "closed"))

    def made(self, name):
        experiment_id = self.mlflow("experiments/create", {"name": name})["experiment_id"]
        run = self.mlflow("runs/create", {"experiment_id": experiment_id, "run_name": f"run of {name}"})
        run_id = run["run"]["info"]["run_id"]
        self.mlflow("runs/log-metric", {"run_id": run_id, "key": "loss", "value": 1.0, "timestamp": 1})
        self.mlflow("runs/set-tag", {"run_id": run_id, "key": "secret", "value": f"tag of {name}"})
        model = self.mlflow("logged-models", {"experiment_id": experiment_id, "name": f"model of {name}"})
        path = f"{experiment_id}/{run_id}/artifacts/notes.txt"
        self.team.ask(
            "PUT", f"{FILES}/{path}", b"of " + name.encode(), key=self.team.admin_key
        ).raise_for_status()
        return {
            "experiment_id": experiment_id,
            "run_id": run_id,
            "model_id": model["model"]["info"]["model_id"],
            "path": path,
            "name": name,
        }

    def mlflow(self, path, body):
        answer = self.team.ask("POST", f"{MLFLOW}/{path}", body, key=self.team.admin_key)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture
def experiments(team):
    return Experiments(team)


def reads(of):
    """Every way to read what belongs to an experiment, by the names of what belongs to it."""
    return [
        ("GET", f"{MLFLOW}/experiments/get", {"experiment_id": of["experiment_id"]}),
        ("GET", f"{MLFLOW}/experiments/get-by-name", {"experiment_name": of["name"]}),
        ("GET", f"{MLFLOW}/runs/get", {"run_id": of["run_id"]}),
        ("GET", f"{MLFLOW}/runs/get", {"run_uuid": of["run_id"]}),
        ("GET", f"{MLFLOW}/metrics/get-history", {"run_id": of["run_id"], "metric_key": "loss"}),
        ("GET", f"{MLFLOW}/metrics/get-history-bulk", {"run_id": of["run_id"], "metric_key": "loss"}),
        (
            "GET",
            f"{MLFLOW}/metrics/get-history-bulk-interval",
            {"run_ids": of["run_id"], "metric_key": "loss"},
        ),
        ("POST", f"{OWN}/series", {"run_ids": [of["run_id"]], "keys": ["loss"]}),
        ("GET", f"{MLFLOW}/artifacts/list", {"run_id": of["run_id"]}),
        ("GET", f"/workspaces/alpha/get-artifact?run_id={of['run_id']}&path=notes.txt", None),
        ("GET", f"/workspaces/alpha/get-artifact?run_uuid={of['run_id']}&path=notes.txt", None),
        ("GET", f"{FILES}/{of['path']}", None),
        ("GET", FILES, {"path": of["experiment_id"]}),
        ("GET", f"{MLFLOW}/logged-models/{of['model_id']}", None),
        ("GET", f"{MLFLOW}/logged-models/{of['model_id']}/artifacts/directories", None),
        ("GET", f"{OWN}/grants", {"experiment_id": of["experiment_id"]}),
    ]


def writes(of):
    """Ways to change what belongs to an experiment that a contributor has."""
    run = {"run_id": of["run_id"]}
    return [
        ("POST", f"{MLFLOW}/runs/create", {"experiment_id": of["experiment_id"]}),
        ("POST", f"{MLFLOW}/runs/log-metric", run | {"key": "loss", "value": 2, "timestamp": 2}),
        ("POST", f"{MLFLOW}/runs/log-parameter", run | {"key": "lr", "value": "1"}),
        ("POST", f"{MLFLOW}/runs/log-batch", run | {"metrics": [], "params": [], "tags": []}),
        ("POST", f"{MLFLOW}/runs/set-tag", run | {"key": "a", "value": "b"}),
        ("POST", f"{MLFLOW}/runs/delete-tag", run | {"key": "secret"}),
        ("POST", f"{MLFLOW}/runs/update", run | {"status": "FINISHED"}),
        ("POST", f"{MLFLOW}/experiments/set-experiment-tag", of | {"key": "a", "value": "b"}),
        ("PUT", f"{FILES}/{of['experiment_id']}/{of['run_id']}/artifacts/more.txt", b"more"),
        ("PATCH", f"{MLFLOW}/logged-models/{of['model_id']}/tags", {"tags": [{"key": "a", "value": "b"}]}),
        ("POST", f"{MLFLOW}/runs/delete", run),
        ("POST", f"{MLFLOW}/runs/restore", run),
        ("POST", f"{OWN}/runs/delete", {"run_ids": [of["run_id"]]}),
        ("POST", f"{OWN}/runs/restore", {"run_ids": [of["run_id"]]}),
        ("DELETE", f"{MLFLOW}/logged-models/{of['model_id']}", None),
        ("POST", f"{OWN}/logged-models/restore", {"model_ids": [of["model_id"]]}),
    ]


def manages(of):
    """What only an owner does."""
    return [
        (
            "PUT",
            f"{OWN}/grants",
            {"principal": "eve", "role": "reader", "experiment_id": of["experiment_id"]},
        ),
        ("DELETE", f"{OWN}/grants", {"principal": "eve", "experiment_id": of["experiment_id"]}),
        ("DELETE", f"{OWN}/runs/{of['run_id']}/metrics/loss", None),
        ("DELETE", f"{FILES}/{of['path']}", None),
    ]


def statuses(team, calls, key):
    return [team.ask(method, path, body, key=key).status_code for method, path, body in calls]


# --- whole workspaces -------------------------------------------------------------------------------------


def test_who_has_no_role_sees_no_workspace_and_nothing_in_it(team, experiments):
    eve = team.person("eve")
    calls = reads(experiments.open) + writes(experiments.open) + manages(experiments.open)
    assert set(statuses(team, calls, eve)) == {403}
    assert team.ask("GET", "/api/v1/workspaces", key=eve).json()["workspaces"] == []
    told = team.ask("GET", "/api/v1/caller", key=eve).json()
    assert (told["roles"], told["experiment_roles"], told["is_administrator"]) == ({}, {}, False)
    assert told["permission"] == "IDENTIFY"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("reader", (200, 403, 403)), ("contributor", (200, 200, 403)), ("owner", (200, 200, 200))],
)
def test_a_role_in_a_workspace_allows_what_it_says(team, experiments, role, allowed):
    team.person("eve")
    bea = team.person("bea")
    team.grant("bea", role, "alpha")
    for calls, status in zip((reads, writes, manages), allowed, strict=True):
        assert set(statuses(team, calls(experiments.open), bea)) == {status}
    told = team.ask("GET", "/workspaces/alpha/api/v1/caller", key=bea).json()
    assert told["permission"] == {"reader": "READ", "contributor": "CONTRIBUTE", "owner": "MANAGE"}[role]
    # Nothing of it in another workspace, nor of the server.
    assert (
        team.ask(
            "GET", "/workspaces/beta/api/2.0/mlflow/experiments/search", {"max_results": 5}, key=bea
        ).status_code
        == 403
    )
    assert team.ask("POST", "/api/v1/workspaces", {"name": "gamma"}, key=bea).status_code == 403
    assert team.ask("GET", "/api/v1/audit", key=bea).status_code == 403


def test_a_credential_narrows_what_its_owner_may(team, experiments):
    team.person("bea")
    team.grant("bea", "owner", "alpha")
    body = {"name": "narrow", "principal": "bea", "scope": "reader", "workspace": "alpha"}
    narrow = team.ask("POST", "/api/v1/keys", body, key=team.admin_key).json()["api_key"]
    assert set(statuses(team, reads(experiments.open), narrow)) == {200}
    assert set(statuses(team, writes(experiments.open), narrow)) == {403}


def test_everyone_gives_people_their_default_rights_and_services_none(team):
    bea, robot = team.person("bea"), team.person("robot", "service")
    team.grant("everyone", "reader", "alpha")
    asked = ("GET", f"{MLFLOW}/experiments/search", {"max_results": 5})
    assert statuses(team, [asked], bea) == [200]
    assert statuses(team, [asked], robot) == [403]


def test_a_group_gives_its_members_what_it_has_until_they_leave(team):
    bea = team.person("bea")
    for body in ({"name": "lab", "kind": "group"},):
        team.ask("POST", "/api/v1/principals", body, key=team.admin_key).raise_for_status()
    team.grant("lab", "contributor", "alpha")
    asked = ("POST", f"{MLFLOW}/experiments/create", {"name": "of bea"})
    assert statuses(team, [asked], bea) == [403]
    team.ask("PUT", "/api/v1/groups/lab/members/bea", key=team.admin_key).raise_for_status()
    assert statuses(team, [asked], bea) == [200]
    team.ask("DELETE", "/api/v1/groups/lab/members/bea", key=team.admin_key).raise_for_status()
    assert statuses(team, [asked], bea) == [403]


# --- single experiments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("reader", (200, 403, 403)), ("contributor", (200, 200, 403)), ("owner", (200, 200, 200))],
)
def test_a_role_in_an_experiment_allows_what_it_says_there_and_nothing_elsewhere(
    team, experiments, role, allowed
):
    team.person("eve")
    bea = team.person("bea")
    team.grant("bea", role, "alpha", experiments.open["experiment_id"])
    for calls, status in zip((reads, writes, manages), allowed, strict=True):
        assert set(statuses(team, calls(experiments.closed), bea)) == {403}
        assert set(statuses(team, calls(experiments.open), bea)) == {status}


@pytest.mark.parametrize("lesser", ["reader", "contributor"])
def test_a_role_in_an_experiment_below_the_one_in_its_workspace_takes_nothing_away(team, experiments, lesser):
    team.person("eve")
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha")
    team.grant("bea", lesser, "alpha", experiments.open["experiment_id"])
    for of in (experiments.open, experiments.closed):
        for calls in (reads, writes, manages):
            assert set(statuses(team, calls(of), bea)) == {200}
    # And is what remains when the wider one goes.
    body = {"principal": "bea"}
    team.ask("DELETE", f"{OWN}/grants", body, key=team.admin_key).raise_for_status()
    assert set(statuses(team, manages(experiments.open), bea)) == {403}
    assert team.ask(*reads(experiments.open)[0], key=bea).status_code == 200
    assert team.ask(*reads(experiments.closed)[0], key=bea).status_code == 403


def test_s05_what_may_not_be_seen_and_what_does_not_exist_sound_alike(team, experiments):
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha", experiments.open["experiment_id"])
    nowhere = experiments.closed | {
        "experiment_id": "987654",
        "run_id": "0" * 32,
        "model_id": "m-" + "0" * 32,
        "name": "nowhere",
        "path": f"987654/{'0' * 32}/artifacts/notes.txt",
    }
    for calls in (reads, writes, manages):
        for closed, missing in zip(calls(experiments.closed), calls(nowhere), strict=True):
            answers = [team.ask(*each, key=bea) for each in (closed, missing)]
            assert [answer.status_code for answer in answers] == [403, 403]
            assert answers[0].json() == answers[1].json()


def test_s10_searches_find_what_may_be_seen_and_count_nothing_else(team, experiments):
    bea = team.person("bea")
    team.grant("bea", "reader", "alpha", experiments.open["experiment_id"])
    both = [experiments.open["experiment_id"], experiments.closed["experiment_id"], "0"]
    found = team.ask("POST", f"{MLFLOW}/experiments/search", {"max_results": 1}, key=bea).json()
    assert [each["name"] for each in found["experiments"]] == ["open"]
    assert "next_page_token" not in found
    asked = {"experiment_ids": both, "max_results": 1}
    runs = team.ask("POST", f"{MLFLOW}/runs/search", asked, key=bea).json()
    assert [each["info"]["run_id"] for each in runs["runs"]] == [experiments.open["run_id"]]
    assert "next_page_token" not in runs
    closed = {"experiment_ids": [experiments.closed["experiment_id"]]}
    assert "runs" not in team.ask("POST", f"{MLFLOW}/runs/search", closed, key=bea).json()
    models = team.ask("POST", f"{MLFLOW}/logged-models/search", {"experiment_ids": both}, key=bea).json()
    assert [each["info"]["name"] for each in models["models"]] == ["model of open"]
    datasets = team.ask("POST", f"{MLFLOW}/experiments/search-datasets", closed, key=bea)
    assert "dataset_summaries" not in datasets.json()
    for answer in (found, runs, models):
        assert "closed" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{OWN}/trash", None),
        ("GET", f"{OWN}/retention-rules", None),
        ("GET", f"{OWN}/grants", None),
        ("GET", f"{OWN}/principals", None),
        ("GET", FILES, {"path": ""}),
        ("POST", f"{MLFLOW}/experiments/create", {"name": "more"}),
        ("POST", f"{OWN}/trash/collect", {"dry_run": True}),
        ("PUT", f"{OWN}/grants", {"principal": "bea", "role": "owner"}),
    ],
)
def test_what_is_about_the_whole_workspace_takes_a_role_in_all_of_it(team, experiments, method, path, body):
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha", experiments.open["experiment_id"])
    assert team.ask(method, path, body, key=bea).status_code == 403


def test_several_at_once_must_all_be_allowed(team, experiments):
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha", experiments.open["experiment_id"])
    both = [experiments.open["run_id"], experiments.closed["run_id"]]
    calls = [
        ("POST", f"{OWN}/series", {"run_ids": both, "keys": ["loss"]}),
        ("POST", f"{OWN}/runs/delete", {"run_ids": both}),
        ("POST", f"{OWN}/runs/delete", {"experiment_ids": [experiments.open["experiment_id"]], "filter": ""}),
        ("POST", f"{OWN}/experiments/delete", {"experiment_ids": [experiments.closed["experiment_id"]]}),
    ]
    assert set(statuses(team, calls, bea)) == {403}


def test_points_of_a_model_take_writing_to_the_experiment_of_the_model(team, experiments):
    bea = team.person("bea")
    team.grant("bea", "contributor", "alpha", experiments.open["experiment_id"])
    run, point = {"run_id": experiments.open["run_id"]}, {"key": "acc", "value": 0.5, "timestamp": 1}
    hidden, own = experiments.closed["model_id"], experiments.open["model_id"]
    refused = [
        ("POST", f"{MLFLOW}/runs/log-metric", run | point | {"model_id": hidden}),
        ("POST", f"{MLFLOW}/runs/log-metric", run | point | {"model_id": "m-" + "0" * 32}),
        ("POST", f"{MLFLOW}/runs/log-batch", run | {"metrics": [point | {"model_id": hidden}]}),
        (
            "POST",
            f"{MLFLOW}/runs/log-batch",
            run | {"metrics": [point | {"model_id": own}, point | {"model_id": hidden}]},
        ),
    ]
    answers = [team.ask(method, path, body, key=bea) for method, path, body in refused]
    assert {(each.status_code, each.json()["message"]) for each in answers} == {
        (403, answers[0].json()["message"])
    }

    def measured(model_id):
        model = team.ask("GET", f"{MLFLOW}/logged-models/{model_id}", key=team.admin_key).json()["model"]
        return [each["key"] for each in model.get("data", {}).get("metrics", [])]

    assert measured(hidden) == measured(own) == []
    body = run | {"metrics": [point | {"model_id": own}]}
    assert team.ask("POST", f"{MLFLOW}/runs/log-batch", body, key=bea).status_code == 200
    assert measured(own) == ["acc"]


def test_who_may_write_to_a_model_may_ask_where_to_upload_it_to(team, experiments):
    """Clients ask that before they send a model's files through the server, and take no 403 for an answer."""
    bea = team.person("bea")
    team.grant("bea", "contributor", "alpha", experiments.open["experiment_id"])
    calls = [
        ("POST", f"{MLFLOW}/artifacts/presigned-upload-url", {name: of[name], "path": "MLmodel"})
        for of in (experiments.open, experiments.closed)
        for name in ("run_id", "model_id")
    ]
    assert statuses(team, calls, bea) == [400, 400, 403, 403]


@pytest.mark.parametrize(
    "path",
    ["{}/../{}", "./{}", "//{}", "{}%2f..%2f{}", "٣/{}", "{} /x", "+{}/x", "0{}/x", ""],
)
def test_no_spelling_of_a_path_leads_to_another_experiment(team, experiments, path):
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha", experiments.open["experiment_id"])
    opened, closed = experiments.open["experiment_id"], experiments.closed["path"]
    written = path.format(*([opened, closed] if path.count("{}") == 2 else [closed]))
    answer = team.ask("GET", f"{FILES}/{written}", key=bea)
    assert answer.status_code in (307, 400, 403, 404)
    assert b"of closed" not in answer.content


def test_the_folder_of_an_upload_in_parts_is_the_one_in_its_address(team, experiments):
    of, key = experiments.open, team.person("ben")
    team.grant("ben", "contributor", "alpha", of["experiment_id"])
    create = f"{FILES.removesuffix('/artifacts')}/mpu/create"
    folder = f"{of['experiment_id']}/{of['run_id']}/artifacts"
    body = {"path": f"{folder}/more.txt", "num_parts": 1}  # where the file lies on the client's machine
    assert team.ask("POST", f"{create}/{folder}", body, key=key).status_code == 501  # not on a disk
    assert team.ask("POST", f"{create}/", body, key=key).status_code == 403


def test_the_workspace_is_listed_for_who_may_see_a_part_of_it(team, experiments):
    bea = team.person("bea")
    team.grant("bea", "reader", "alpha", experiments.open["experiment_id"])
    listed = team.ask("GET", "/api/v1/workspaces", key=bea).json()["workspaces"]
    assert [each["name"] for each in listed] == ["alpha"]
    assert team.ask("GET", f"{OWN}/workspaces/alpha", key=bea).status_code == 200
    assert team.ask("GET", f"{OWN}/workspaces/beta", key=bea).status_code == 404
    for path in ("/version", "/api/3.0/mlflow/server-info", "/api/v1/server", "/api/v1/openapi.json"):
        assert team.ask("GET", f"/workspaces/alpha{path}", key=bea).status_code == 200


def test_a_removed_experiment_takes_its_grants_along(team, experiments):
    team.person("bea")
    team.grant("bea", "reader", "alpha", experiments.open["experiment_id"])
    gone = {"experiment_ids": [experiments.open["experiment_id"]]}
    team.ask("POST", f"{OWN}/experiments/delete", gone, key=team.admin_key).raise_for_status()
    team.ask("POST", f"{OWN}/trash/collect", {}, key=team.admin_key).raise_for_status()
    assert team.ask("GET", f"{OWN}/grants", key=team.admin_key).json()["grants"] == []


# --- S11: nobody raises their own rights ------------------------------------------------------------------


def test_s11_nobody_gives_themselves_more_than_they_have(team, experiments):
    people = {role: team.person(role) for role in ("reader", "contributor")}
    for name, key in people.items():
        team.grant(name, name, "alpha")
        calls = [
            ("PUT", f"{OWN}/grants", {"principal": name, "role": "owner"}),
            ("PUT", f"{OWN}/grants", {"principal": "everyone", "role": "owner"}),
            ("PATCH", f"{OWN}/principals/{name}", {"is_administrator": True}),
            ("POST", f"{OWN}/principals", {"name": "more", "is_administrator": True}),
            ("PUT", f"{OWN}/groups/everyone/members/{name}", None),
            ("POST", "/api/v1/keys", {"name": "wide", "scope": "admin"}),
            ("POST", "/api/v1/token", {"scope": "admin"}),
            ("POST", "/api/v1/keys", {"name": "theirs", "principal": "ann"}),
            ("DELETE", f"{FILES}/{experiments.open['path']}", None),
        ]
        assert set(statuses(team, calls, key)) == {403}


def test_s11_an_owner_rules_one_workspace_and_no_people(team):
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha")
    team.person("eve")
    body = {"principal": "eve", "role": "owner"}
    assert team.ask("PUT", f"{OWN}/grants", body, key=bea).status_code == 200
    refused = [
        ("PUT", "/workspaces/beta/api/v1/grants", body),
        ("PATCH", f"{OWN}/principals/bea", {"is_administrator": True}),
        ("POST", f"{OWN}/principals", {"name": "more"}),
        ("DELETE", "/workspaces/alpha/api/v1/workspaces/alpha", {"dry_run": "true"}),
        ("GET", f"{OWN}/audit", None),
        ("GET", "/metrics", None),
    ]
    assert set(statuses(team, refused, bea)) == {403}


def test_an_owner_does_not_learn_email_addresses(team):
    body = {"name": "eve", "email": "Eve@Lab.Example"}
    team.ask("POST", "/api/v1/principals", body, key=team.admin_key).raise_for_status()
    bea = team.person("bea")
    team.grant("bea", "owner", "alpha")
    seen = [team.ask("GET", f"{OWN}/principals/eve", key=key).json() for key in (team.admin_key, bea)]
    assert [each["principal"]["email"] for each in seen] == ["eve@lab.example", None]
