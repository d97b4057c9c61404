"""`runyard secret`: values come in by standard input, and go out only when asked for."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    """Let the next command read bytes from its standard input."""

    def type_(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return type_


def test_a_value_is_read_from_standard_input(runyard: CommandLine, typed):
    typed(b"hunter2\n")
    ended = runyard("secret", "set", "password", "--content-type", "text/plain")
    assert (ended.code, ended.out) == (0, "The secret password is kept.\n")
    assert runyard("secret", "get", "password").out == "hunter2\n"
    assert runyard("secret", "get", "password", "--json").json == {"name": "password", "value": "hunter2"}
    listed = runyard("secret", "list")
    assert [(row[0], row[2], row[3]) for row in listed.rows] == [("password", "local", "text/plain")]
    assert "hunter2" not in listed.out + runyard("secret", "list", "--json").out
    assert runyard("secret", "delete", "password").code == 0
    gone = runyard("secret", "get", "password")
    assert (gone.code, gone.out) == (3, "")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_without_a_value_nothing_is_kept(runyard: CommandLine, typed, content: bytes):
    typed(content)
    assert runyard("secret", "set", "nothing").code == 1
    assert runyard("secret", "get", "nothing").code == 3


def test_a_file_is_kept_to_its_last_byte(runyard: CommandLine, tmp_path: Path):
    (tmp_path / "key.pem").write_text("-----BEGIN-----\nx\n")
    assert runyard("secret", "set", "key", "--from-file", tmp_path / "key.pem").code == 0
    assert runyard("secret", "get", "key").out == "-----BEGIN-----\nx\n\n"
    assert runyard("secret", "set", "key", "--from-file", tmp_path / "none").code == 1


def test_a_value_is_no_argument(runyard: CommandLine):
    assert runyard("secret", "set", "password", "hunter2").code == 2


def test_the_command_itself_reads_a_pipe(server: RunningServer):
    done = subprocess.run(
        [sys.executable, "-m", "runyard", "secret", "set", "piped", "--url", server.url],
        input=b"from a pipe",
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"from a pipe" not in done.stdout + done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "runyard", "secret", "get", "piped", "--url", server.url],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == b"from a pipe\n"
