"""The names of files for Microsoft's clients mean the files that they were made of; all else stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.protocol.azure_uris import (
    SCOPE_FORM,
    AzureArtifact,
    parse_azure_artifact,
    parse_job_files,
    with_azure_uris,
)

RUN, MODEL = "0a" * 16, f"m-{'0b' * 16}"
PREFIX = "/mlflow/v2.0" + SCOPE_FORM.format(subscription="s", group="g", workspace="vision")
AZURE, WEB = f"azureml://h:1{PREFIX}", f"https://h:1{PREFIX}/api/2.0/mlflow-artifacts/artifacts"


def told(answer: object, *, as_web: bool = False) -> object:
    """Return an answer as a client of Microsoft's gets it."""
    body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
    return json.loads(with_azure_uris(body, "h:1", PREFIX, scheme="https", as_web=as_web))


@pytest.mark.parametrize(
    ("kept", "azure"),
    [
        (f"7/{RUN}/artifacts", f"{AZURE}/experiments/7/runs/{RUN}/artifacts"),
        (f"7/models/{MODEL}/artifacts", f"{AZURE}/experiments/7/runs/{MODEL}/artifacts"),
        (f"a/b c/{RUN}/artifacts", f"{AZURE}/experiments/b c/runs/{RUN}/artifacts"),
        (f"7/{RUN}/artifacts/mödel/x", f"{AZURE}/experiments/7/runs/{RUN}/artifacts/mödel/x"),
        ("7", f"{WEB}/7"),
        (f"7/{RUN}", f"{WEB}/7/{RUN}"),
    ],
)
def test_a_place_is_told_in_the_form_that_the_client_reads(kept: str, azure: str):
    answer = {"run": {"info": {"artifact_uri": f"mlflow-artifacts:/{kept}"}}}
    assert told(answer) == {"run": {"info": {"artifact_uri": azure}}}
    assert told(answer, as_web=True) == {"run": {"info": {"artifact_uri": f"{WEB}/{kept}"}}}


@pytest.mark.parametrize("field", ["artifact_uri", "artifact_location", "root_uri", "source"])
def test_all_fields_that_name_places_are_told_so(field: str):
    assert told({field: f"mlflow-artifacts:/1/{RUN}/artifacts"}) == {
        field: f"{AZURE}/experiments/1/runs/{RUN}/artifacts"
    }


def test_a_place_in_another_storage_stays():
    answer = {"artifact_uri": f"s3://bucket/1/{RUN}/artifacts"}
    assert told(answer) == answer


@given(st.text(), st.text())
def test_what_people_wrote_is_never_changed(key: str, value: str):
    inner = json.dumps({"artifact_uri": f"mlflow-artifacts:/1/{RUN}/artifacts", key: value})
    answer = {"key": inner, "value": f'"artifact_uri":"mlflow-artifacts:/{value}"', "tags": [value, key]}
    assert told(answer) == answer


def test_a_place_is_read_back():
    assert parse_azure_artifact(f"{AZURE}/experiments/7/runs/{RUN}/artifacts") == AzureArtifact(
        "vision", RUN, ""
    )
    found = parse_azure_artifact(f"{AZURE}/experiments/7/runs/{MODEL}/artifacts/a b/c/")
    assert found == AzureArtifact("vision", MODEL, "a b/c")
    assert parse_azure_artifact(f"{WEB}/7/x%20y") == AzureArtifact("vision", "", "7/x y")


@pytest.mark.parametrize(
    "uri",
    [
        f"mlflow-artifacts:/7/{RUN}/artifacts",
        f"s3://bucket{PREFIX}/experiments/7/runs/{RUN}/artifacts",
        f"azureml://h{PREFIX}/experiments/7/runs/{RUN}/elsewhere",
        f"{AZURE}/experiments/7/runs/{RUN}/artifacts?x=1",
        f"{AZURE}/experiments/7/runs/{RUN}/artifacts#x",
        f"https://h{PREFIX}/7",
        "",
    ],
)
def test_what_is_no_such_place_is_none(uri: str):
    assert parse_azure_artifact(uri) is None


@given(st.text(max_size=200))
def test_any_text_is_read_or_is_none(text: str):
    parse_azure_artifact(f"{AZURE}/experiments/7/runs/{text}")
    parse_azure_artifact(text)


@pytest.mark.parametrize(
    ("below", "path"),
    [("/paths/model", "model"), ("/paths/a b/c/", "a b/c"), ("/model", "model"), ("/paths/", ""), ("", "")],
)
def test_files_of_a_job_are_those_of_its_run(below: str, path: str):
    assert parse_job_files(f"azureml://jobs/{RUN}/outputs/artifacts{below}") == (RUN, path)


@pytest.mark.parametrize(
    "uri",
    [
        f"azureml://jobs/{RUN}/outputs/model/paths/x",
        f"azureml://jobs/{RUN}/outputs/artifacts/paths/x?y=1",
        f"azureml://jobs/{RUN}/outputs/artifactsx",
        "azureml://jobs//outputs/artifacts/paths/x",
        f"azureml://datastores/d/paths/jobs/{RUN}/outputs/artifacts",
    ],
)
def test_other_outputs_are_no_files_of_a_run(uri: str):
    assert parse_job_files(uri) is None
