"""`runyard login --keyring`: the key lies in a real keyring of a desktop, and in no file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.secret_service import SecretService
from tests.cli.test_login_commands import serving
from tests.running_server import scrubbed

__all__ = ["serving"]
Command = Callable[..., subprocess.CompletedProcess[str]]
TIMEOUT_S = 120
KEEP = """
import sys
from runyard.sdk.credentials import keep_secret
keep_secret(*sys.argv[1:], in_keyring=True)
"""
ASK_OFTEN = """
import sys, keyring
asked = []
real = keyring.get_password
keyring.get_password = lambda *words: asked.append(words) or real(*words)
from runyard.sdk.credentials import keep_secret, known_secret
url = sys.argv[1]
first = [known_secret(url + path) for path in ("", "/workspaces/a", "/workspaces/b")]
questions = len(asked)
keep_secret(url, "ry_another", in_keyring=True)
print(first[0], len(set(first)), questions, known_secret(url))
"""
IMPORTED = """
import sys
from runyard.sdk.credentials import keep_secret, known_secret
keep_secret("https://lab.example", "ry_of_the_file")
assert known_secret("https://lab.example") == "ry_of_the_file"
assert known_secret("https://other.example") is None
print([name for name in sys.modules if name.partition(".")[0] in ("keyring", "secretstorage", "jeepney")])
"""


@pytest.fixture
def desktop() -> Iterator[SecretService]:
    # A socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ry-") as folder:
        service = SecretService(Path(folder))
        yield service
        service.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "config"


@pytest.fixture
def python(home: Path) -> Command:
    """Run Python: as somebody else's process would, so that nothing is remembered."""

    def run(*words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**scrubbed(os.environ), "XDG_CONFIG_HOME": str(home), **variables}
        return subprocess.run(
            [sys.executable, *words],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


def new_key(serving) -> tuple[str, str]:
    server, key = serving
    headers = {"Authorization": f"Bearer {key}"}
    made = httpx.post(f"{server.url}/api/v1/keys", json={"name": "laptop"}, headers=headers, timeout=60)
    return server.url, made.json()["api_key"]


def kept(home: Path) -> dict[str, object]:
    content: dict[str, dict[str, object]] = json.loads((home / "runyard" / "credentials.json").read_text())
    return content["servers"]


def test_the_key_is_in_the_keyring_and_in_no_file_until_logout(serving, desktop, python: Command, home: Path):
    url, key = new_key(serving)
    login = ("-m", "runyard", "login", url, "--api-key", "-", "--keyring")
    ended = python(*login, given=key, **desktop.variables)
    assert (ended.returncode, "the keyring of this machine" in ended.stderr) == (0, True), ended.stderr
    assert list(kept(home).values()) == [{"keyring": True}]
    assert not desktop.holds(key)
    who = python("-m", "runyard", "whoami", url, "--json", **desktop.variables)
    assert json.loads(who.stdout)["name"] == "ann", who.stderr
    # Without its bus it is not found, and the words say where it should be.
    alone = python("-m", "runyard", "whoami", url, DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere")
    assert (alone.returncode, "keyring" in alone.stderr, "Traceback" in alone.stderr) == (1, True, False)
    assert python("-m", "runyard", "logout", url, **desktop.variables).returncode == 0
    assert kept(home) == {}
    assert "Credential" not in python("-m", "runyard", "whoami", url, **desktop.variables).stdout
    ask = "import keyring, sys; print(keyring.get_credential('runyard', None))"
    assert python("-c", ask, **desktop.variables).stdout == "None\n"


def test_who_goes_back_to_the_file_leaves_nothing_in_the_keyring(
    serving, desktop, python: Command, home: Path
):
    url, key = new_key(serving)
    login = ("-m", "runyard", "login", url, "--api-key", "-")
    assert python(*login, "--keyring", given=key, **desktop.variables).returncode == 0
    assert python(*login, given=key, **desktop.variables).returncode == 0
    assert list(kept(home).values()) == [{"token": key}]
    ask = "import keyring, sys; print(keyring.get_credential('runyard', None))"
    assert python("-c", ask, **desktop.variables).stdout == "None\n"


def test_the_keyring_is_asked_once_and_again_after_a_new_login(desktop, python: Command):
    url = "https://lab.example"
    assert python("-c", KEEP, url, "ry_one", **desktop.variables).returncode == 0
    told = python("-c", ASK_OFTEN, url, **desktop.variables)
    assert told.stdout.split() == ["ry_one", "1", "1", "ry_another"], told.stderr


def test_without_a_keyring_nothing_is_kept_and_the_words_say_why(serving, python: Command, home: Path):
    url, key = new_key(serving)
    login = ("-m", "runyard", "login", url, "--api-key", "-", "--keyring")
    backends = ("keyring.backends.fail.Keyring", "keyring.backends.null.Keyring")
    for backend, why in zip(backends, ("can't keep a secret", "did not keep"), strict=True):
        ended = python(*login, given=key, PYTHON_KEYRING_BACKEND=backend)
        assert (ended.returncode, why in ended.stderr) == (1, True), ended.stderr
        assert "Traceback" not in ended.stderr
    assert not (home / "runyard").exists()
    missing = "import sys; sys.modules['keyring'] = None; from runyard.cli import main; main(sys.argv[1:])"
    ended = python("-c", missing, *login[2:], given=key)
    assert "pip install 'runyard[keyring]'" in ended.stderr


def test_who_uses_the_file_pays_for_no_keyring(python: Command):
    assert python("-c", IMPORTED).stdout == "[]\n"
