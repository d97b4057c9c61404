"""Agent and SDK each have what they know of scripts: it must be the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from runyard.agent import console, marks, variables
from runyard.agent.life import _with_last_word
from runyard.agent.process import explained, oom_kills
from runyard.entities.job import JobStatus
from runyard.protocol.messages import workspaces
from runyard.protocol.messages.jobs import BeginJob, EndJob, ReportJob
from runyard.sdk.addresses import without_workspace
from runyard.sdk.script import child, running
from runyard.sdk.script import console as sdk_console


@pytest.mark.parametrize("ran_out", [False, True])
@pytest.mark.parametrize("code", [0, 1, 3, 255, -1, -2, -6, -9, -11, -15, -40])
def test_an_end_is_explained_in_the_same_words(code: int, ran_out: bool):
    ours, theirs = explained(code, ran_out=ran_out), child._explained(code, is_stopped=False, ran_out=ran_out)
    assert (ours.exit_code, ours.reason) == (theirs.exit_code, theirs.reason)


@pytest.mark.parametrize(
    ("groups", "file"),
    [
        ("0::/jobs/1\n", "jobs/1/memory.events"),
        ("4:memory:/box\n0::/\n", "memory/box/memory.oom_control"),
        ("4:cpu,memory:/not/seen/here\n", "memory/memory.oom_control"),
    ],
)
def test_what_the_kernel_killed_for_memory_is_counted_in_the_same_way(tmp_path: Path, groups: str, file: str):
    (tmp_path / "groups").write_text(groups)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("oom_kill 3\n")
    for count in (oom_kills, child.oom_kills):
        assert count(tmp_path, tmp_path / "groups") == 3
        assert count(tmp_path, tmp_path / "none") == 0


def test_the_last_word_of_a_script_is_added_in_the_same_way():
    end = child.ScriptEnd("FAILED", "exit code 1", 1)
    assert _with_last_word("exit code 1", "x" * 2_000) == running._with_last_word(end, "x" * 2_000).reason
    assert _with_last_word("exit code 1", "") == running._with_last_word(end, "").reason


def test_pieces_of_a_console_have_the_same_size():
    assert console.PIECE_BYTES == sdk_console.PIECE_BYTES


def test_what_azures_clients_read_is_the_servers_word():
    assert workspaces.SUBSCRIPTION_ID == variables.SUBSCRIPTION_ID
    assert workspaces.RESOURCE_GROUP == variables.RESOURCE_GROUP


def test_statuses_are_the_jobs():
    ends = {marks.COMPLETED, marks.FAILED, marks.CANCELED}
    assert ends == {status.value for status in JobStatus if status.is_over}


def test_messages_have_the_fields_of_the_servers():
    assert {"attempt", "agent_id"} == set(BeginJob.__struct_fields__)
    assert {"attempt", "agent_id", "status"} == set(ReportJob.__struct_fields__)
    assert {"attempt", "agent_id", *marks.JobEnd.__slots__} == set(EndJob.__struct_fields__)


@pytest.mark.parametrize(
    "url",
    [
        "http://h:1/workspaces/lab",
        "http://h:1",
        "https://h/runyard/workspaces/a%20b",
        "http://h/workspaces/a/b",
    ],
)
def test_the_servers_address_is_read_from_the_workspaces_in_the_same_way(url: str):
    assert variables.server_address(url) == without_workspace(url)


def test_what_processes_have_of_the_agents_variables_is_little(monkeypatch):
    for name in ("RUNYARD_DATABASE", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_TOKEN", "PYTHONPATH", "XPATH"):
        monkeypatch.setenv(name, "s3cret")
    for name in (
        "LC_ALL",
        "no_proxy",
        "HTTPS_PROXY",
        "UV_CACHE_DIR",
        "CUDA_VISIBLE_DEVICES",
        "SSL_CERT_FILE",
    ):
        monkeypatch.setenv(name, "known")
    found = variables.inherited()
    assert "s3cret" not in found.values()
    assert sum(value == "known" for value in found.values()) == 6
    assert found["PATH"] == os.environ["PATH"]
    monkeypatch.delenv("PATH")
    assert variables.inherited()["PATH"] == os.defpath
    assert sys.executable not in found.values()
