"""Set-up: what it decides from what it finds, and what it tells the person."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bootstrap

ROOT = Path(__file__).resolve().parents[2]
(CHROMIUM,) = (each for each in bootstrap.PACKAGES if each.name == "chromium")


def test_versions_are_compared_as_numbers():
    assert bootstrap.as_numbers("3.9") < bootstrap.as_numbers("3.10\n") < bootstrap.as_numbers("3.10.1")


def test_an_interpreter_is_held_to_a_range():
    here = ".".join(map(str, sys.version_info[:2]))
    after = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
    assert bootstrap.is_within(sys.executable, f">={here},<{after}")
    assert not bootstrap.is_within(sys.executable, f">={after},<4.0")
    assert not bootstrap.is_within(sys.executable, f">=3.0,<{here}")


def test_an_interpreter_that_does_not_run_is_in_no_range(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    assert not bootstrap.is_within(str(broken), ">=3.0,<4.0")


def test_a_stamp_is_fresh_until_an_input_changes(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("one==1")
    stamp = bootstrap.Stamp(tmp_path, lock)
    assert not stamp.is_fresh
    stamp.write()
    assert bootstrap.Stamp(tmp_path, lock).is_fresh
    lock.write_text("one==2")
    assert not bootstrap.Stamp(tmp_path, lock).is_fresh


def test_an_image_that_another_checkout_has_made_is_not_made_again(tmp_path, monkeypatch):
    class Made(Exception):
        pass

    def run(*command: str, **_: object) -> None:
        raise Made

    monkeypatch.setattr(bootstrap, "run", run)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "base.tar").write_bytes(b"image")
    (folders[0] / ".made-from").write_text(bootstrap.image_made_from("bookworm"))
    for name in ("base.tar", ".made-from"):
        (folders[1] / name).hardlink_to(folders[0] / name)
    bootstrap.make_base_image(folders[1])
    monkeypatch.setattr(bootstrap, "IN_IMAGES", ("python3",))
    with pytest.raises(Made):
        bootstrap.make_base_image(folders[1])
    assert (folders[0] / "base.tar").read_bytes() == b"image"


def test_pips_index_is_uvs_unless_uv_has_its_own(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert bootstrap.environment()["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://other.example/simple")
    assert bootstrap.environment()["UV_DEFAULT_INDEX"] == "https://other.example/simple"


def test_a_failing_command_is_named(tmp_path):
    with pytest.raises(bootstrap.SetUpFailed, match="failed with code 1: false"):
        bootstrap.run("false")


def test_a_python_without_pip_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr("scripts.bootstrap.importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(bootstrap, "is_debian_root", lambda: False)
    with pytest.raises(bootstrap.SetUpFailed, match=r"sudo apt-get install python3\.\d+-venv"):
        bootstrap.can_make_venv()


def test_debian_packages_are_announced_before_they_are_installed(monkeypatch, capsys):
    commands = []
    monkeypatch.setattr(
        "scripts.bootstrap.shutil.which",
        lambda name, path=None: "/usr/bin/apt-get" if name == "apt-get" else None,
    )
    monkeypatch.setattr("scripts.bootstrap.os.geteuid", lambda: 0)
    monkeypatch.setattr(
        bootstrap, "run", lambda *command, **_: commands.append((command, capsys.readouterr().out))
    )
    bootstrap.install_package(CHROMIUM)
    assert [command[:2] for command, _ in commands] == [("apt-get", "update"), ("apt-get", "install")]
    assert "Running as root `apt-get install chromium`" in commands[0][1]


def test_services_of_debian_packages_stay_off_only_meanwhile(tmp_path):
    policy = tmp_path / "policy-rc.d"
    with bootstrap.services_stay_off(policy):
        assert subprocess.run([policy, "slurmctld", "start"], check=False).returncode == 101
    assert not policy.exists()
    policy.write_text("somebody's own")
    with bootstrap.services_stay_off(policy):
        assert policy.read_text() == "somebody's own"
    assert policy.read_text() == "somebody's own"


def test_a_unit_that_is_masked_is_never_started_and_one_that_is_there_is_left(tmp_path):
    unit = tmp_path / "system" / "ssh.service"
    for _ in range(2):
        bootstrap.mask(unit)
        assert unit.readlink() == Path("/dev/null")
    own = tmp_path / "own.service"
    own.write_text("somebody's own")
    bootstrap.mask(own)
    assert own.read_text() == "somebody's own"


def test_without_root_nothing_is_installed_and_the_person_is_told(monkeypatch, capsys):
    monkeypatch.setattr("scripts.bootstrap.shutil.which", lambda name, path=None: None)
    monkeypatch.setattr(bootstrap, "run", lambda *command, **_: pytest.fail(f"ran {command}"))
    bootstrap.install_package(CHROMIUM)
    assert "sudo apt-get install chromium" in capsys.readouterr().out


def test_an_unknown_goal_ends_in_one_line():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bootstrap.py"), "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "[set-up] unknown goal 'nonsense': run, dev, test, bench\n"


def test_every_client_has_a_lock():
    locks = {path.stem.removeprefix("client-") for path in (ROOT / "requirements").glob("client-*.txt")}
    assert set(bootstrap.CLIENTS) == locks


def test_every_peer_has_a_lock():
    assert set(bootstrap.PEERS) == {path.stem for path in (ROOT / "requirements").glob("peer-*.txt")}
