"""MLflow's routes about registered models, versions and aliases, over HTTP in this process."""

from __future__ import annotations

import pytest

from runyard.entities.registered_model import IS_PROMPT_TAG
from tests.server.local import BASE, good, pairs, refusal

MODELS, VERSIONS = "/registered-models", "/model-versions"
SOURCE = "s3://bucket/model"


@pytest.fixture
def local(local_on_each_engine):
    return local_on_each_engine


def register(local, name="m", count=1, **fields):
    """Return the last of so many new versions of a model, which is made if need be."""
    answer = local.ask("POST", f"{BASE}{MODELS}/create", json={"name": name})
    assert answer.status_code in (200, 400)
    for _ in range(count):
        made = local.post(f"{VERSIONS}/create", name=name, **{"source": SOURCE, **fields})
    return made["model_version"]


def model(local, name="m"):
    return local.get(f"{MODELS}/get", name=name)["registered_model"]


def version(local, number="1", name="m"):
    return local.get(f"{VERSIONS}/get", name=name, version=number)["model_version"]


def change(local, method, path, **body):
    return good(local.ask(method, BASE + path, json=body))


def kinds(local):
    """The events of the registry, the first first, with what they are about."""
    events = local.ask("GET", "/api/v1/events").json()["events"]
    return [(each["kind"], each["subject"]) for each in reversed(events)]


def new_events(local):
    """What the server has not told of yet."""
    events = local.stores.metadata.events
    return events.take_new(events.list_new(100))


def test_a_model_is_made_and_shown_as_mlflow_shows_it(local):
    made = local.post(f"{MODELS}/create", name="m", tags=[{"key": "k", "value": "é"}], description="d")
    shown = made["registered_model"]
    assert shown.pop("creation_timestamp") == shown.pop("last_updated_timestamp") > 0
    assert shown == {"name": "m", "description": "d", "tags": [{"key": "k", "value": "é"}]}
    assert local.post(f"{MODELS}/create", name="bare")["registered_model"].keys() == {
        "name",
        "creation_timestamp",
        "last_updated_timestamp",
    }


def test_a_version_is_registered_and_shown_as_mlflow_shows_it(local):
    shown = register(local, description="d", run_link="http://elsewhere.example/r", run_id="r")
    assert shown.pop("creation_timestamp") == shown.pop("last_updated_timestamp") > 0
    assert shown == {
        "name": "m",
        "version": "1",
        "current_stage": "None",
        "source": SOURCE,
        "run_id": "r",
        "status": "READY",
        "run_link": "http://elsewhere.example/r",
        "description": "d",
    }
    assert local.get(f"{VERSIONS}/get-download-uri", name="m", version="1") == {"artifact_uri": SOURCE}
    assert model(local)["latest_versions"] == [version(local)]


def test_a_description_that_is_not_sent_is_taken_from_a_version_and_emptied_of_a_model(local):
    register(local, description="d")
    assert (
        "description"
        not in change(local, "PATCH", f"{VERSIONS}/update", name="m", version="1")["model_version"]
    )
    change(local, "PATCH", f"{MODELS}/update", name="m", description="d")
    assert "description" not in change(local, "PATCH", f"{MODELS}/update", name="m")["registered_model"]


def test_clients_of_mlflow_1_list_registered_models_page_by_page(local):
    for name in ("a", "b", "c"):
        local.post(f"{MODELS}/create", name=name)
    page = local.get(f"{MODELS}/list", max_results=2)
    assert [each["name"] for each in page["registered_models"]] == ["a", "b"]
    rest = local.get(f"{MODELS}/list", page_token=page["next_page_token"])
    assert [each["name"] for each in rest["registered_models"]] == ["c"]
    assert "next_page_token" not in rest


def test_stages_move_and_archive_as_mlflow_moves_them(local):
    register(local, count=3)

    def move(number, stage, **more):
        return local.post(f"{VERSIONS}/transition-stage", name="m", version=number, stage=stage, **more)

    assert move("1", "PRODUCTION")["model_version"]["current_stage"] == "Production"
    move("2", "production", archive_existing_versions=True)
    move("3", "Staging", archive_existing_versions="true")
    assert [version(local, n)["current_stage"] for n in "123"] == ["Archived", "Production", "Staging"]
    latest = local.get(f"{MODELS}/get-latest-versions", name="m")["model_versions"]
    assert {each["current_stage"]: each["version"] for each in latest} == {
        "Archived": "1",
        "Production": "2",
        "Staging": "3",
    }
    only = local.post(f"{MODELS}/get-latest-versions", name="m", stages=["staging"])["model_versions"]
    assert [each["version"] for each in only] == ["3"]
    assert local.get(f"{MODELS}/get-latest-versions", name="m", stages=["None"]) == {}
    refused = local.refused(
        f"{VERSIONS}/transition-stage", name="m", version="1", stage="None", archive_existing_versions=True
    )
    assert refused[0] == 400
    assert "because 'None' is not an Active stage. Valid stages are ['Staging', 'Production']" in refused[2]
    refused = local.refused(f"{VERSIONS}/transition-stage", name="m", version="1", stage="live")
    assert "Invalid Model Version stage: live. Value must be one of None, Staging" in refused[2]


def test_aliases_are_set_moved_and_taken_away(local):
    register(local, count=2)
    for alias, number in (("a", "1"), ("b", "1"), ("a", "2")):
        local.post(f"{MODELS}/alias", name="m", alias=alias, version=number)
    assert model(local)["aliases"] == [{"alias": "a", "version": "2"}, {"alias": "b", "version": "1"}]
    assert version(local, "2")["aliases"] == ["a"]
    assert local.get(f"{MODELS}/alias", name="m", alias="a")["model_version"] == version(local, "2")
    assert local.get(f"{MODELS}/alias", name="m", alias="Latest")["model_version"]["version"] == "2"
    for _ in range(2):
        change(local, "DELETE", f"{MODELS}/alias", name="m", alias="a")
    refused = local.refused_get(f"{MODELS}/alias", name="m", alias="a")
    assert refused == (400, "INVALID_PARAMETER_VALUE", "Registered model alias a not found.")


def test_tags_of_both_are_set_and_taken_away(local):
    register(local)
    for path, more in ((MODELS, {}), (VERSIONS, {"version": "1"})):
        for value in ("1", ""):
            local.post(f"{path}/set-tag", name="m", key="a/b", value=value, **more)
        local.post(f"{path}/set-tag", name="m", key="no value", **more)
        for _ in range(2):
            change(local, "DELETE", f"{path}/delete-tag", name="m", key="no value", **more)
    assert pairs(model(local)["tags"]) == pairs(version(local)["tags"]) == {"a/b": ""}


def test_a_deleted_version_leaves_its_number_and_nothing_else(local):
    register(local, count=2, tags=[{"key": "k", "value": "v"}])
    local.post(f"{MODELS}/alias", name="m", alias="a", version="2")
    change(local, "DELETE", f"{VERSIONS}/delete", name="m", version="2")
    gone = (404, "RESOURCE_DOES_NOT_EXIST", "Model Version (name=m, version=2) not found")
    assert local.refused_get(f"{VERSIONS}/get", name="m", version="2") == gone
    assert (
        refusal(local.ask("DELETE", f"{BASE}{VERSIONS}/delete", json={"name": "m", "version": "2"})) == gone
    )
    assert "aliases" not in model(local)
    assert register(local)["version"] == "3"


def test_a_model_is_renamed_and_deleted_with_its_versions(local):
    register(local)
    renamed = local.post(f"{MODELS}/rename", name="m", new_name="n")["registered_model"]
    assert [each["name"] for each in renamed["latest_versions"]] == ["n"]
    assert version(local, name="n")["version"] == "1"
    register(local)
    taken = local.refused(f"{MODELS}/rename", name="m", new_name="n")
    assert taken == (400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name=n) already exists.")
    change(local, "DELETE", f"{MODELS}/delete", name="n")
    gone = (404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=n not found")
    assert local.refused_get(f"{MODELS}/get", name="n") == gone
    assert local.refused(f"{VERSIONS}/create", name="n", source=SOURCE) == gone
    assert [each["name"] for each in local.get(f"{VERSIONS}/search")["model_versions"]] == ["m"]


def test_models_are_searched_page_by_page(local):
    for name in "edcba":
        local.post(f"{MODELS}/create", name=name, tags=[{"key": "vowel", "value": str(name in "ae")}])

    def found(**query):
        return [each["name"] for each in local.get(f"{MODELS}/search", **query).get("registered_models", [])]

    assert found() == list("abcde")
    assert found(filter="name IN ('b', 'd')", order_by="name DESC") == ["d", "b"]
    assert found(filter="tags.vowel = 'True'") == ["a", "e"]
    first = local.get(f"{MODELS}/search", max_results=2)
    assert found(max_results=2, page_token=first["next_page_token"]) == ["c", "d"]
    assert "next_page_token" not in local.get(f"{MODELS}/search", max_results=5)


def test_a_page_of_no_models_tells_whether_there_are_any(local):
    assert local.get(f"{MODELS}/search", max_results=0) == {}
    local.post(f"{MODELS}/create", name="m")
    assert list(local.get(f"{MODELS}/search", max_results=0)) == ["next_page_token"]
    assert local.refused_get(f"{MODELS}/search", max_results=-1)[0] == 400


def test_versions_are_searched_with_what_hangs_on_them(local):
    register(local, count=2, run_id="r", tags=[{"key": "k", "value": "v"}])
    register(local, "n")
    found = local.get(f"{VERSIONS}/search", filter="run_id = 'r'", order_by="version_number")
    assert [each["version"] for each in found["model_versions"]] == ["1", "2"]
    assert [pairs(each["tags"]) for each in found["model_versions"]] == [{"k": "v"}] * 2
    page = local.get(f"{VERSIONS}/search", max_results=1, order_by=["name DESC"])
    rest = local.get(f"{VERSIONS}/search", order_by=["name DESC"], page_token=page["next_page_token"])
    names = [each["name"] for each in [*page["model_versions"], *rest["model_versions"]]]
    assert names == ["n", "m", "m"]


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        (f"{MODELS}/create", {"name": ""}, "Missing value for required parameter 'name'"),
        (f"{MODELS}/create", {"name": "  "}, "Missing value for required parameter 'name'"),
        (f"{MODELS}/create", {"name": "a/b"}, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        (f"{MODELS}/create", {"name": ".."}, "Names may be treated as files"),
        (f"{MODELS}/create", {"name": "x" * 257}, "'name' exceeds the maximum length of 256 characters"),
        (f"{MODELS}/create", {"name": "x", "description": "d" * 65_536}, "'description' exceeds the maximum"),
        (
            f"{MODELS}/create",
            {"name": "x", "tags": [{"key": "", "value": ""}]},
            "A key name must be provided.",
        ),
        (
            f"{MODELS}/create",
            {"name": "x", "tags": [{"key": "k", "value": "v" * 100_001}]},
            "'value' exceeds",
        ),
        (f"{MODELS}/rename", {"name": "m"}, "Missing value for required parameter 'new_name'"),
        (f"{MODELS}/rename", {"name": "m", "new_name": "a:b"}, "Names cannot contain '/' or ':'."),
        (f"{MODELS}/set-tag", {"name": "m", "key": "k" * 251}, "'key' exceeds the maximum length of 250"),
        (f"{MODELS}/alias", {"name": "m", "alias": "LATEST", "version": "1"}, "'latest' alias name (case"),
        (
            f"{MODELS}/alias",
            {"name": "m", "alias": "v12", "version": "1"},
            "Version alias name 'v12' is reserved.",
        ),
        (f"{MODELS}/alias", {"name": "m", "alias": "a b", "version": "1"}, "Invalid alias name: 'a b'."),
        (
            f"{MODELS}/alias",
            {"name": "m", "alias": "a" * 256, "version": "1"},
            "exceeds the maximum length of 255",
        ),
        (
            f"{MODELS}/alias",
            {"name": "m", "alias": "a", "version": "one"},
            "'version' must be an integer, got 'one'",
        ),
        (f"{VERSIONS}/create", {"name": "m"}, "Missing value for required parameter 'source'"),
        (
            f"{VERSIONS}/create",
            {"name": "m", "source": "s3://b/" + "x" * 2048},
            "'source' exceeds the maximum",
        ),
        (f"{VERSIONS}/create", {"name": "m", "source": SOURCE, "run_id": "r" * 257}, "'run_id' exceeds"),
        (
            f"{VERSIONS}/set-tag",
            {"name": "m", "version": "1", "key": "mlflow.prompt.text", "value": "t" * 100_001},
            "Prompt text exceeds max length of 100000 characters.",
        ),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(local, path, body, text):
    register(local)
    before = model(local)
    status, code, message = local.refused(path, **body)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert text in message
    assert model(local) == before


def test_a_version_that_can_not_be_is_not_found(local):
    register(local)
    for number in ("0", "-1", "9" * 12):
        status, code, _ = local.refused_get(f"{VERSIONS}/get", name="m", version=number)
        assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert local.refused_get(f"{VERSIONS}/get", name="m", version="1.5")[0] == 400


def test_prompts_and_models_have_one_name_space(local):
    prompt = [{"key": IS_PROMPT_TAG, "value": "true"}]
    local.post(f"{MODELS}/create", name="p", tags=prompt)
    assert local.refused(f"{MODELS}/create", name="p", tags=prompt)[2] == "Prompt (name=p) already exists."
    assert "the name is already taken by a prompt" in local.refused(f"{MODELS}/create", name="p")[2]
    register(local)
    assert "taken by a registered model" in local.refused(f"{MODELS}/create", name="m", tags=prompt)[2]
    made = local.post(f"{VERSIONS}/create", name="p", source="dummy-source", tags=prompt)
    assert made["model_version"]["source"] == "dummy-source"
    refused = local.refused(f"{VERSIONS}/create", name="p", source=SOURCE, tags=prompt)
    assert refused[2] == f"Invalid prompt source: '{SOURCE}'. Prompt sources must use an MLflow placeholder."


def test_each_change_is_announced_once_in_mlflows_words(local):
    register(local, tags=[{"key": "secret", "value": "value"}])
    local.post(f"{VERSIONS}/set-tag", name="m", version="1", key="k", value="v")
    local.post(f"{MODELS}/set-tag", name="m", key="k", value="v")
    change(local, "DELETE", f"{VERSIONS}/delete-tag", name="m", version="1", key="k")
    change(local, "DELETE", f"{VERSIONS}/delete-tag", name="m", version="1", key="k")
    local.post(f"{MODELS}/alias", name="m", alias="a", version="1")
    change(local, "DELETE", f"{MODELS}/alias", name="m", alias="a")
    local.post(f"{VERSIONS}/transition-stage", name="m", version="1", stage="Staging")
    local.post(f"{MODELS}/rename", name="m", new_name="n")
    change(local, "DELETE", f"{VERSIONS}/delete", name="n", version="1")
    change(local, "DELETE", f"{MODELS}/delete", name="n")
    one = {"name": "m", "version": "1"}
    assert kinds(local) == [
        ("registered_model.created", {"name": "m"}),
        ("model_version.created", one),
        ("model_version_tag.set", {**one, "key": "k"}),
        ("model_version_tag.deleted", {**one, "key": "k"}),
        ("model_version_alias.created", {**one, "alias": "a"}),
        ("model_version_alias.deleted", {"name": "m", "alias": "a"}),
        ("model_version.stage_changed", {**one, "stage": "Staging"}),
        ("registered_model.renamed", {"name": "n", "old_name": "m"}),
        ("model_version.deleted", {"name": "n", "version": "1"}),
        ("registered_model.deleted", {"name": "n"}),
    ]
    payloads = [each.payload for each in new_events(local)]
    assert payloads[1:3] == [
        {**one, "source": SOURCE, "run_id": None, "tags": {"secret": "value"}, "description": None},
        {**one, "key": "k", "value": "v"},
    ]
    assert payloads[-1] is None


def test_a_refused_change_is_not_announced(local):
    register(local)
    before = kinds(local)
    local.refused(f"{VERSIONS}/create", name="m", source="/etc/passwd")
    local.refused(f"{MODELS}/create", name="m")
    assert kinds(local) == before


def test_changes_of_prompts_are_announced_as_such(local):
    tags = [{"key": IS_PROMPT_TAG, "value": "true"}, {"key": "own", "value": "1"}]
    local.post(f"{MODELS}/create", name="p", tags=tags)
    text = {"key": "mlflow.prompt.text", "value": "Hello {{who}}"}
    local.post(f"{VERSIONS}/create", name="p", source="prompt-template", tags=[*tags, text])
    local.post(f"{MODELS}/set-tag", name="p", key="k", value="v")
    change(local, "DELETE", f"{MODELS}/delete-tag", name="p", key="k")
    local.post(f"{VERSIONS}/set-tag", name="p", version="1", key="k", value="v")
    change(local, "DELETE", f"{VERSIONS}/delete-tag", name="p", version="1", key="k")
    local.post(f"{MODELS}/alias", name="p", alias="a", version="1")
    change(local, "DELETE", f"{MODELS}/alias", name="p", alias="a")
    assert [(each.kind.value, each.payload) for each in new_events(local)] == [
        ("prompt.created", {"name": "p", "tags": {"own": "1"}, "description": ""}),
        (
            "prompt_version.created",
            {
                "name": "p",
                "version": "1",
                "template": "Hello {{who}}",
                "tags": {"own": "1"},
                "description": None,
            },
        ),
        ("prompt_tag.set", {"name": "p", "key": "k", "value": "v"}),
        ("prompt_tag.deleted", {"name": "p", "key": "k"}),
        ("prompt_version_tag.set", {"name": "p", "version": "1", "key": "k", "value": "v"}),
        ("prompt_version_tag.deleted", {"name": "p", "version": "1", "key": "k"}),
        ("prompt_alias.created", {"name": "p", "alias": "a", "version": "1"}),
        ("prompt_alias.deleted", {"name": "p", "alias": "a"}),
    ]


def test_many_models_are_deleted_at_once(local):
    for name in ("a", "b", "draft-1", "draft-2"):
        register(local, name)
    path = "/api/v1/registered-models/delete"
    like = {"filter": "name LIKE 'draft%'"}
    assert good(local.ask("POST", path, json={**like, "dry_run": True})) == {"names": ["draft-1", "draft-2"]}
    assert refusal(local.ask("POST", path, json={"names": ["a", "nobody"]}))[0] == 404
    for body in ({}, {"names": ["a"], **like}, {"filter": " "}, {"names": ["a"] * 10_001}):
        assert refusal(local.ask("POST", path, json=body))[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert len(local.get(f"{MODELS}/search")["registered_models"]) == 4
    assert good(local.ask("POST", path, json=like)) == {"names": ["draft-1", "draft-2"]}
    assert good(local.ask("POST", path, json={"names": ["a", "b", "a"]})) == {"names": ["a", "b"]}
    assert local.get(f"{MODELS}/search") == {}


def test_many_versions_are_deleted_at_once(local):
    register(local, count=4, run_id="r")
    path = "/api/v1/model-versions/delete"
    named = [{"name": "m", "version": number} for number in ("1", "3", "1")]
    assert (
        refusal(local.ask("POST", path, json={"versions": [*named, {"name": "m", "version": "9"}]}))[0] == 404
    )
    assert good(local.ask("POST", path, json={"versions": named})) == {"versions": named[:2]}
    found = good(local.ask("POST", path, json={"filter": "version_number > 2 AND run_id = 'r'"}))
    assert found == {"versions": [{"name": "m", "version": "4"}]}
    left = local.get(f"{VERSIONS}/search")["model_versions"]
    assert [each["version"] for each in left] == ["2"]
