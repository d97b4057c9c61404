"""Addresses are checked before they are used, and compared by what they mean."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.errors import InvalidParameter
from runyard.sdk.addresses import (
    DEFAULT_URL,
    default_url,
    is_loopback,
    origin,
    running_url,
    server_url,
    without_workspace,
)

HOSTS = st.sampled_from(["lab.example", "LAB.example", "127.0.0.1", "[::1]", "lab.example."])


@pytest.mark.parametrize(
    "not_an_address",
    [
        "",
        "lab.example",
        "lab.example:5000",
        "ftp://lab.example",
        "file:///etc/passwd",
        "http://",
        "http://lab.example:port",
        "http://lab.example:99999",
        "http://[::1",
        "http://[v1.x/",
        "http://lab.example/?token=secret",
        "http://lab.example/#/experiments",
    ],
)
def test_what_is_no_server_address_is_refused(not_an_address: str):
    with pytest.raises(InvalidParameter):
        server_url(not_an_address)


def test_an_address_with_a_password_is_refused_without_repeating_it():
    with pytest.raises(InvalidParameter) as refused:
        server_url("https://ann:hunter2@lab.example")
    assert "hunter2" not in str(refused.value)
    assert "RUNYARD_TOKEN" in str(refused.value)


def test_a_path_before_the_server_is_kept():
    assert server_url(" https://lab.example/runyard/ ") == "https://lab.example/runyard"


@given(host=HOSTS, path=st.sampled_from(["", "/", "/workspaces/a", "/x?y=z"]))
def test_an_origin_does_not_depend_on_case_path_or_a_default_port(host: str, path: str):
    assert origin(f"https://{host}{path}") == origin(f"HTTPS://{host.lower()}:443/other")


@pytest.mark.parametrize(
    "other",
    ["http://lab.example", "https://lab.example:444", "https://lab.example.evil", "https://xlab.example"],
)
def test_another_scheme_port_or_host_is_another_origin(other: str):
    assert origin(other) != origin("https://lab.example")


def test_a_user_part_that_looks_like_the_host_does_not_fool_the_origin():
    assert origin("https://lab.example@evil.example/") == origin("https://evil.example/")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:5000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:80", True),
        ("http://localhost:1", True),
        ("http://notlocalhost", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.evil.example", False),
    ],
)
def test_loopback_is_this_machine_alone(url: str, expected: bool):
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    "suffix",
    [
        "",
        "/",
        "/workspaces/vision",
        "/workspaces/vision/",
        "/mlflow/v2.0/subscriptions/s/resourceGroups/g"
        "/providers/Microsoft.MachineLearningServices/workspaces/vision",
    ],
)
def test_the_server_is_found_out_of_a_workspace_address(suffix: str):
    assert without_workspace(f"https://lab.example/runyard{suffix}") == "https://lab.example/runyard"


def test_without_anything_the_default_address_is_used():
    assert default_url() == DEFAULT_URL


def test_the_running_server_comes_before_the_default_and_the_variable_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:5001"}))
    monkeypatch.setenv("RUNYARD_HOME", str(tmp_path))
    assert default_url() == "http://127.0.0.1:5001"
    monkeypatch.setenv("RUNYARD_URL", "https://lab.example/")
    assert default_url() == "https://lab.example"
    assert default_url(tmp_path) == "http://127.0.0.1:5001"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 5}', "{"])
def test_a_broken_note_of_the_running_server_counts_as_none(tmp_path: Path, content: str):
    (tmp_path / "server.json").write_text(content)
    assert running_url(tmp_path) is None
