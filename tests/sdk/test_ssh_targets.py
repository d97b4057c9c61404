"""Hosts as compute targets: what the SDK and the command line send of them, and what they refuse."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from runyard import Workspace
from runyard.cli.compute_ssh import host_configuration
from runyard.errors import InvalidParameter
from runyard.sdk.compute_ssh import RemoteCompute, known_hosts_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJT9xUkGx3PrBJCZzCzGBvFIXoWrXvFeA3PCDqQhR7iD"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".ssh" / "known_hosts"
    path.parent.mkdir()
    path.write_text(f"vm.example {KEY}\n[vm.example]:2222 {KEY}\n@cert-authority *.lab {KEY}\n")
    return path


def hashed(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)
    assert "vm.example" not in path.read_text()
    return path


def test_a_host_is_sent_with_what_it_is_known_by(known: Path, tmp_path: Path):
    (tmp_path / "id").write_text("KEY")
    wanted = RemoteCompute.attach_configuration(
        username="ada",
        address="vm.example",
        ssh_port=2222,
        private_key_file=str(tmp_path / "id"),
        private_key_passphrase="p",
        slots=3,
        python="/opt/python3",
    )
    assert (wanted.kind, wanted.slots) == ("ssh", 3)
    assert wanted.settings == {
        "host": "vm.example",
        "port": 2222,
        "username": "ada",
        "known_hosts": [f"[vm.example]:2222 {KEY}"],
        "python": "/opt/python3",
    }
    assert wanted.credential == {"private_key": "KEY", "private_key_passphrase": "p"}
    assert "KEY" not in repr(wanted).replace(KEY, "")


@pytest.mark.parametrize("name", ["vm.example", "other.lab"])
def test_a_host_may_be_known_by_who_signed_it(known: Path, name: str):
    assert len(known_hosts_of(name, 22, "ada")) == 1


def test_names_that_are_hashed_are_found(known: Path):
    (line,) = known_hosts_of("vm.example", 22, "ada", [str(hashed(known))])
    assert line.startswith("|1|")
    assert line.endswith(KEY)


def test_a_host_that_nobody_knows_is_refused_with_the_command_that_makes_it_known(known: Path):
    with pytest.raises(
        InvalidParameter, match=r"\[new\.example\]:2222 is not in ~/\.ssh/known_hosts"
    ) as refused:
        RemoteCompute.attach_configuration("ada", "new.example", 2222)
    assert "`ssh -p 2222 ada@new.example`" in str(refused.value)
    wanted = RemoteCompute.attach_configuration("ada", "new.example", host_key_fingerprint="SHA256:x")
    assert "known_hosts" not in wanted.settings


def test_what_can_not_be_a_host_is_refused(known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"resource_id": "/subscriptions/x"}, "does not ask Azure where a machine is"),
        ({}, "give its address"),
        ({"address": "-F"}, "no address"),
        ({"address": "vm.example", "private_key_file": str(tmp_path / "none")}, "private_key_file"),
    ]
    for asked, words in wrong:
        with pytest.raises(InvalidParameter, match=words):
            RemoteCompute.attach_configuration("ada", **asked)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InvalidParameter, match=r"can't be asked about vm\.example"):
        known_hosts_of("vm.example", 22, "ada")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ada@vm.example", "vm.example", 22),
        ("ada@vm.example:2222", "vm.example", 2222),
        ("ada@[::1]:7", "::1", 7),
    ],
)
def test_a_host_is_written_as_ssh_takes_it(text: str, host: str, port: int):
    settings: dict[str, object] = {"host_key_fingerprint": "SHA256:x"}
    wanted = host_configuration(text, "", settings, passphrase=False, password=False)
    assert (wanted.settings["host"], wanted.settings["port"]) == (host, port)
    assert wanted.settings["username"] == "ada"


@pytest.mark.parametrize("text", ["vm.example", "@vm", "ada@", "ada@vm:x", "ada@b@vm", "ada@::1"])
def test_what_is_no_host_is_refused_by_the_command_line(text: str):
    with pytest.raises(InvalidParameter, match="USER@HOST"):
        host_configuration(text, "", {}, passphrase=False, password=False)


def test_a_host_is_attached_as_azure_s_sdk_once_did(workspace: Workspace, known: Path):
    """Without a configuration; nobody answers there, which is looked at before it is kept."""
    with pytest.raises(InvalidParameter, match=r"vm\.example"):
        RemoteCompute.attach(workspace, "vm", username="ada", address="vm.example", ssh_port=2222)
    with pytest.raises(InvalidParameter, match="give its address"):
        RemoteCompute.attach(workspace, "vm", "ada")
    wanted = RemoteCompute.attach_configuration("ada", "vm.example", 2222, skip_validation=True)
    assert RemoteCompute.attach(workspace, "vm", wanted).settings["host"] == "vm.example"
    assert sorted(workspace.compute_targets) == ["local", "vm"]
