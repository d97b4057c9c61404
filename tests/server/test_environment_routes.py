"""Runyard's routes about environments, over HTTP in this process, and who may use them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.team import Team

BASE = "/api/v1/environments"


def ok(team: Team, method: str, path: str, body: Any = None) -> Any:
    answer = team.ask(method, path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(team: Team, status: int, method: str, path: str, body: Any = None) -> str:
    answer = team.ask(method, path, body)
    assert answer.status_code == status, answer.text
    return str(answer.json()["message"])


def conda(*pip: str, packages: tuple[str, ...] = ("python=3.11", "pip")) -> dict[str, Any]:
    return {"conda": {"channels": ["conda-forge"], "packages": list(packages), "pip": list(pip)}}


def registered(team: Team, name: str = "train", *pip: str, **more: Any) -> Any:
    return ok(team, "POST", BASE, {"name": name, "python": conda(*(pip or ("numpy",))), **more})


def test_an_environment_is_registered_and_told(up):
    made = registered(up, variables={"A": "b"}, description="d", tags={"t": "é"})
    assert made.pop("is_new") is True
    told = made["environment"]
    assert told.pop("created_ms") > 0
    assert told.pop("created_by")
    assert told == {
        "name": "train",
        "version": 1,
        "latest_version": 1,
        "python": {"user_managed": False, "interpreter": "python", **conda("numpy")},
        "docker": {"image": "", "dockerfile": "", "shm_size": ""},
        "variables": {"A": "b"},
        "description": "d",
        "tags": {"t": "é"},
        "is_archived": False,
        "is_curated": False,
    }
    again = registered(up, variables={"A": "b"})
    assert not again["is_new"]
    assert registered(up, "train", "pandas")["environment"]["version"] == 2
    latest = ok(up, "GET", f"{BASE}/train")["environment"]
    assert (latest["version"], latest["description"], latest["tags"]) == (2, "d", {"t": "é"})
    assert ok(up, "GET", f"{BASE}/train", {"version": 1})["environment"]["variables"] == {"A": "b"}
    versions = ok(up, "GET", f"{BASE}/train/versions", {"max_results": 1})
    assert [each["version"] for each in versions["environments"]] == [2]
    versions = ok(up, "GET", f"{BASE}/train/versions", {"page_token": versions["next_page_token"]})
    assert [each["version"] for each in versions["environments"]] == [1]


def test_those_of_the_server_are_in_each_workspace_and_nobody_changes_them(up):
    listed = ok(up, "GET", BASE)
    names = [each["name"] for each in listed["curated"]]
    assert names == sorted(names)
    assert "Runyard-Minimal" in names
    assert listed["environments"] == []
    found = ok(up, "GET", f"{BASE}/Runyard-Minimal")["environment"]
    assert found["is_curated"]
    assert found == ok(up, "GET", f"{BASE}/Runyard-Minimal", {"version": 1})["environment"]
    assert ok(up, "GET", f"{BASE}/Runyard-Minimal/versions")["environments"] == [found]
    assert "Clone" in refused(up, 403, "POST", BASE, {"name": "Runyard-Minimal"})
    refused(up, 403, "POST", BASE, {"name": "runyard-mine"})
    refused(up, 403, "PATCH", f"{BASE}/Runyard-Minimal", {"is_archived": True})
    for path in ("Runyard-Nothing", "Runyard-Nothing/versions", "Runyard-Minimal?version=9"):
        assert "Runyard-Minimal" in refused(up, 404, "GET", f"{BASE}/{path}")
    assert "Runyard-Minimal" in refused(up, 404, "GET", f"{BASE}/AzureML-Minimal")


def test_each_that_comes_with_the_server_could_be_registered(up):
    """The rules for those of people hold for them too."""
    for each in ok(up, "GET", BASE)["curated"]:
        body = {name: each[name] for name in ("python", "docker", "variables", "description", "tags")}
        assert registered(up, f"my-{each['name']}", **body)["is_new"]


def test_an_archived_one_is_left_out_and_takes_no_versions(up):
    registered(up)
    registered(up, "other")
    assert ok(up, "PATCH", f"{BASE}/train", {"is_archived": True})["environment"]["is_archived"]
    assert [each["name"] for each in ok(up, "GET", BASE)["environments"]] == ["other"]
    everything = ok(up, "GET", BASE, {"with_archived": "true"})["environments"]
    assert [each["name"] for each in everything] == ["other", "train"]
    assert ok(up, "GET", f"{BASE}/train")["environment"]["version"] == 1
    body = {"name": "train", "python": conda("pandas")}
    assert "Restore" in refused(up, 400, "POST", BASE, body)
    assert ok(up, "GET", f"{BASE}/train")["environment"]["version"] == 1
    changed = ok(up, "PATCH", f"{BASE}/train", {"is_archived": False, "description": "back"})
    assert changed["environment"]["description"] == "back"
    assert ok(up, "POST", BASE, body)["environment"]["version"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"python": conda("x\ny")}, "python.conda.pip"),
        ({"python": conda("-r other.txt")}, "python.conda.pip"),
        ({"python": conda("-e .")}, "python.conda.pip"),
        ({"python": conda("./local")}, "python.conda.pip"),
        ({"python": conda("--index-url https://me:secret@host/simple")}, "python.conda.pip"),
        ({"python": conda(*["x"] * 1001)}, "python.conda.pip"),
        ({"python": conda("x" * 2001)}, "python.conda.pip"),
        ({"python": conda(packages=("",))}, "python.conda.packages"),
        ({"python": {"conda": {"channels": ["https://u:p@h"]}}}, "python.conda.channels"),
        ({"python": {"interpreter": ""}}, "python.interpreter"),
        ({"python": {"interpreter": 3}}, "interpreter"),
        ({"docker": {"image": "a b"}}, "docker.image"),
        ({"docker": {"image": "--privileged"}}, "docker.image"),
        ({"docker": {"image": "a", "dockerfile": "FROM b"}}, "docker"),
        ({"docker": {"dockerfile": "Dockerfile.gpu"}}, "docker.dockerfile"),
        ({"docker": {"dockerfile": "FROM a\n" + "#" * 100_000}}, "docker.dockerfile"),
        ({"docker": {"image": "a", "shm_size": "2 gigs"}}, "docker.shm_size"),
        ({"variables": {"A B": "c"}}, "variables"),
        ({"variables": {"A": "c" * 10_001}}, "variables.A"),
        ({"variables": {f"A{number}": "" for number in range(201)}}, "variables"),
        ({"variables": {f"A{number}": "é" * 9_000 for number in range(30)}}, "environment"),
        ({"description": "x" * 5001}, "description"),
        ({"tags": {"": "x"}}, "tags"),
        ({"tags": {"x": "y" * 5001}}, "tags.value"),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(up, body, field):
    assert field in refused(up, 400, "POST", BASE, {"name": "bad", **body})
    assert ok(up, "GET", BASE, {"with_archived": "true"})["environments"] == []


def test_an_environment_of_another_workspace_is_not_found(team):
    alpha, beta = f"/workspaces/alpha{BASE}", f"/workspaces/beta{BASE}"
    key = team.admin_key
    body = {"name": "train", "python": conda("numpy")}
    assert team.ask("POST", alpha, body, key=key).status_code == 200
    assert team.ask("GET", f"{alpha}/train", key=key).status_code == 200
    for method, path, sent in (
        ("GET", f"{beta}/train", None),
        ("GET", f"{beta}/train/versions", None),
        ("PATCH", f"{beta}/train", {"is_archived": True}),
    ):
        assert team.ask(method, path, sent, key=key).status_code == 404


def test_readers_read_and_contributors_write(team):
    key = team.person("rea")
    path = f"/workspaces/alpha{BASE}"
    body = {"name": "train", "python": conda("numpy")}
    assert team.ask("GET", path, key=key).status_code == 403
    team.grant("rea", "reader", "alpha")
    assert team.ask("GET", path, key=key).status_code == 200
    assert team.ask("POST", path, body, key=key).status_code == 403
    team.grant("rea", "contributor", "alpha")
    assert team.ask("POST", path, body, key=key).json()["environment"]["created_by"] == "rea"


def test_a_workspace_goes_with_its_environments(up):
    path = f"/workspaces/alpha{BASE}"
    body = {"name": "train", "python": conda("numpy")}
    assert up.ask("POST", path, body).status_code == 200
    while not ok(up, "DELETE", "/api/v1/workspaces/alpha", {"confirm": "alpha"})["is_done"]:
        pass
    with up.stores.database.reading() as connection:
        for table in ("environments", "environment_versions"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
