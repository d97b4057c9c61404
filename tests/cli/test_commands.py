"""Every command ends in an exit code and, when it fails, in one line that helps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runyard import Experiment, Workspace, __version__
from runyard.cli import commands
from runyard.cli.commands import exit_code
from runyard.errors import AlreadyExists, Forbidden, InvalidFilter, NotFound, Unauthenticated, Unavailable
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer, free_port


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_printed(runyard: CommandLine, flag: str):
    assert runyard(flag).out == f"runyard {__version__}\n"


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running `code`."""
    program = f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(ended.stderr.splitlines())


def test_the_version_waits_for_no_library():
    heavy = {"cyclopts", "rich", "requests", "msgspec", "sqlalchemy", "uvicorn"}
    assert not heavy & loaded_by("from runyard.cli import main; main(['--version'])")


def test_the_help_loads_no_command():
    loaded = loaded_by("from runyard.cli import main; main(['--help'])")
    assert "runyard.cli.commands" in loaded
    assert not {"runyard.cli.up", "runyard.cli.run", "requests", "uvicorn"} & loaded


def test_the_package_alone_loads_no_sdk():
    assert "requests" not in loaded_by("import runyard; runyard.__version__; dir(runyard)")
    assert "requests" in loaded_by("from runyard import Workspace")


@pytest.mark.parametrize("name", commands._COMMANDS)
def test_each_command_explains_itself(runyard: CommandLine, name: str):
    ended = runyard(name, "--help")
    assert ended.code == 0
    assert "Usage: runyard" in ended.out


def test_no_command_at_all_shows_the_help(runyard: CommandLine):
    ended = runyard()
    assert ended.code == 0
    assert all(name in ended.out for name in commands._COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["dmeo"], "Did you mean `runyard demo`?"),
        (["dataset"], "Did you mean `runyard data`?"),
        (["env"], "Did you mean `runyard environment`?"),
        (["xyzzy"], "workspace, experiment, run"),
        (["run", "show"], "requires an argument"),
        (["run", "list", "--max", "none"], "--max"),
        (["run", "list", "--max", "0"], "--max"),
        (["run", "list", "--no-such-option"], "--no-such-option"),
        (["job", "submit", "--no-such-option", "a.py"], "Try `runyard job submit --help`."),
        (["job", "shwo"], "Try `runyard job --help`."),
        (["job", "logs"], "Try `runyard job logs --help`."),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(runyard: CommandLine, arguments: list[str], hint: str):
    ended = runyard(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert hint in ended.err


def test_a_script_that_is_not_there_may_be_a_command_mistyped(runyard: CommandLine):
    ended = runyard("run", "shwo")
    assert (ended.code, ended.out) == (3, "")
    assert "runyard run show" in ended.err


def test_a_server_that_does_not_run_ends_with_5_and_says_how_to_start(runyard: CommandLine):
    ended = runyard("experiment", "list", "--url", f"http://127.0.0.1:{free_port()}")
    assert ended.code == 5
    assert "runyard up" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound(""), 3),
        (Unauthenticated(""), 4),
        (Forbidden(""), 4),
        (Unavailable(""), 5),
        (AlreadyExists(""), 1),
        (InvalidFilter(""), 1),
    ],
)
def test_scripts_can_tell_errors_apart(error, code: int):
    assert exit_code(error) == code


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "list", "--experiment", "\udcff"],
        ["run", "list", "--filter", "\udcff", "--json"],
        ["model", "delete-version", "a", "\udcff"],
    ],
)
@pytest.mark.usefixtures("_at_server")
def test_an_argument_that_is_no_utf_8_is_wrong_usage_in_one_line(
    runyard: CommandLine, server: RunningServer, arguments: list[str]
):
    Experiment(Workspace.get("default", url=server.url), "any")
    ended = runyard(*arguments)
    assert (ended.code, ended.out) == (2, "")
    told = json.loads(ended.err)["error"]["message"] if "--json" in arguments else ended.err[7:-1]
    assert told == "An argument has '\\udcff' in it, which is no text of UTF-8."


def test_a_path_that_is_too_long_for_this_machine_is_one_line_without_a_number(runyard: CommandLine):
    ended = runyard("sync", "x" * 300)
    assert ended.code == 1
    assert ended.err.rstrip().endswith("xxx: File name too long.")
    assert "Errno" not in ended.err


@pytest.mark.parametrize("command", ["login", "logout", "whoami", "doctor --url", "token --url"])
def test_an_address_that_is_none_is_one_line(runyard: CommandLine, command: str):
    ended = runyard(*command.split(), "http://[::1")
    assert (ended.code, ended.out) == (1, "")
    assert "'http://[::1' is not a server's address" in ended.err


def test_what_went_wrong_is_a_line_of_stderr(runyard: CommandLine):
    ended = runyard("run", "list", "--url", "http://127.0.0.1:1")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("error: No server answers")


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["run", "list", "--url", "http://127.0.0.1:1"], "TEMPORARILY_UNAVAILABLE", 5),
        (["run", "list", "--url", "http://[::1"], "INVALID_PARAMETER_VALUE", 1),
        (["run", "list", "--none"], "WRONG_USAGE", 2),
        (["nonsense"], "WRONG_USAGE", 2),
    ],
)
def test_what_went_wrong_is_a_line_of_json_where_that_is_asked_for(
    runyard: CommandLine, arguments: list[str], code: str, exit_code: int
):
    # Standard output is whole JSON or nothing.
    ended = runyard(*arguments, "--json")
    assert (ended.code, ended.out) == (exit_code, "")
    (line,) = ended.err.splitlines()
    told = json.loads(line)["error"]
    assert (told["code"], told["exit_code"]) == (code, exit_code)
    assert len(told["message"].split()) > 3


def test_a_script_s_own_json_is_not_ours(runyard: CommandLine):
    ended = runyard("job", "submit", "--url", "http://127.0.0.1:1", "train.py", "--json")
    assert (ended.code, ended.err.splitlines()[-1][:6]) == (5, "error:")


def test_less_than_one_event_is_wrong_usage(runyard: CommandLine):
    ended = runyard("events", "--max-results", "-1")
    assert (ended.code, "--max-results" in ended.err, len(ended.err.splitlines())) == (2, True, 1)


def test_a_file_that_can_t_be_written_is_one_line(runyard: CommandLine, tmp_path: Path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        ended = runyard("workspace", "config", "--write", place)
        assert ended.code == 1
        assert f"--write: '{place}' can't be the folder" in ended.err
        assert "Give a folder" in ended.err


def test_without_the_server_s_libraries_the_error_says_what_to_install():
    hide = "import sys; sys.modules['uvicorn'] = None\nfrom runyard.cli import main; sys.exit(main(['up']))"
    ended = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "pip install 'runyard[server]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_fault_of_our_own_is_not_hidden_as_a_missing_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(commands, "app", lambda *_, **__: __import__("no_such_module_of_ours"))
    with pytest.raises(ImportError):
        commands.run(["demo"])


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "app", interrupted)
    assert commands.run(["demo"]) == 130


def test_a_reader_that_has_seen_enough_ends_the_command_quietly():
    many = "from runyard.cli.printing import say\nfor _ in range(100000): say('line')"
    program = f"import sys; from runyard.cli import commands; commands.app = lambda *_, **__: exec({many!r})"
    program += "; sys.exit(commands.run(['demo']))"
    ended = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "$PROGRAM" | head -n 1'],
        env={"PROGRAM": program, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "line\n"
    assert ended.stderr == ""
