"""The three kinds of address of a workspace, and the header that names one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.server.addresses import Address, parse_address

AZURE = (
    "/mlflow/{}/subscriptions/{}/resourceGroups/{}/providers/Microsoft.MachineLearningServices/workspaces/{}"
)
PATH = "/api/2.0/mlflow/runs/get"
names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)


def prefixes(name):
    return [
        f"/workspaces/{name}",
        AZURE.format("v1.0", "0000", "runyard", name),
        AZURE.format("v2.0", "any subscription", "any-group", name),
    ]


def test_the_root_is_the_default_workspace():
    assert parse_address(PATH) == Address("default", "", PATH)
    assert parse_address("/") == Address("default", "", "/")


@pytest.mark.parametrize("path", ["/", "/health", PATH, "/workspaces/vision/health"])
def test_slashes_too_many_at_the_begin_say_nothing(path):
    assert parse_address("/" + path) == parse_address("//" + path) == parse_address(path)


def test_the_header_names_the_workspace_of_the_root():
    assert parse_address(PATH, "vision") == Address("vision", "", PATH)
    assert parse_address(PATH, "") == Address("default", "", PATH)


@given(names)
def test_a_prefix_names_the_workspace(name):
    for prefix in prefixes(name):
        assert parse_address(prefix + PATH) == Address(name, prefix, PATH)
        assert parse_address(prefix + "/") == Address(name, prefix, "/")
        assert parse_address(prefix) == Address(name, prefix, "")
        assert parse_address(prefix + PATH, name) == Address(name, prefix, PATH)


@pytest.mark.parametrize("prefix", prefixes("vision"))
def test_a_header_that_names_another_workspace_is_refused(prefix):
    with pytest.raises(InvalidParameter, match="The address names workspace 'vision', the header X-MLFLOW-W"):
        parse_address(prefix + PATH, "speech")


@pytest.mark.parametrize("prefix", ["", *prefixes("vision")])
@pytest.mark.parametrize("api", ["/api", "/ajax-api"])
def test_the_preview_form_of_a_path_is_the_path(prefix, api):
    address = parse_address(f"{prefix}{api}/2.0/preview/mlflow/runs/get")
    assert address.path == f"{api}/2.0/mlflow/runs/get"


@pytest.mark.parametrize(
    "path",
    [
        "/workspaces/",
        "/workspaces",
        "/workspaces//api",
        "/mlflowish/api",
        "/api/mlflow/",
        "/api/v1/workspaces/vision",
        "/api/2.0/mlflow/preview/mlflow/x",
        "/get-artifact/preview/mlflow/",
    ],
)
def test_other_paths_are_left_as_they_are(path):
    assert parse_address(path) == Address("default", "", path)


@pytest.mark.parametrize("prefix", ["", *prefixes("vision")])
@pytest.mark.parametrize(
    "path", ["", "/", "/index.html", "/static-files/static/js/main.js", "/ajax-api" + PATH]
)
def test_mlflows_pages_lie_below_each_address(prefix, path):
    address = parse_address(f"{prefix}/mlflow{path}")
    assert address == Address(
        "vision" if prefix else "default", f"{prefix}/mlflow", path, is_mlflow_page=True
    )
    assert address.is_mlflow_page_of_one is bool(prefix)


def test_a_page_at_the_root_may_choose_its_workspace_and_one_of_a_workspace_may_not():
    assert parse_address("/mlflow" + PATH, "speech").workspace == "speech"
    assert parse_address("/workspaces/vision/mlflow" + PATH, "speech").workspace == "vision"


@pytest.mark.parametrize(
    "path",
    [
        "/v3.0/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w",
        "/v1.0/subscriptions/s/resourceGroups/g/workspaces/w/api",
    ],
)
def test_what_only_looks_like_azures_form_names_no_workspace(path):
    assert parse_address(f"/mlflow{path}") == Address("default", "/mlflow", path, is_mlflow_page=True)


def test_a_workspace_within_a_workspace_is_a_path_and_no_address():
    address = parse_address("/workspaces/vision/workspaces/speech/health")
    assert (address.workspace, address.path) == ("vision", "/workspaces/speech/health")


@given(st.text(max_size=60).map(lambda text: "/" + text), st.none() | st.text(max_size=10))
def test_any_path_and_header_make_an_address_or_are_refused(path, header):
    address = parse_address(path, header)
    assert path.startswith(address.prefix)
    assert address.workspace
