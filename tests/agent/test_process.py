"""Processes of an agent: what they are given, how they end, what they are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runyard.agent.process import Command, Process, explained, oom_kills
from tests.killing import lives
from tests.waiting import until

SHOWS = "import json, os, sys; print(json.dumps([list(map(os.fsencode, sys.argv[1:])).__repr__()]))"
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
nasty = st.sampled_from(
    ["$(touch x)", "`x`", "a b", "'", '"', "\n", "", "--", "-c", "*", "~", "\\", "é", "\u202e"]
)


def run(
    words: Sequence[str],
    variables: Mapping[str, str] | None = None,
    look: Callable[[Process], None] = lambda process: None,
) -> tuple[int, bytes, bytes]:
    """Run a command and return its code and what it printed."""
    process = Process(Command(words, os.environ if variables is None else variables, Path.cwd()))
    printed: list[bytes] = []
    complaints: list[bytes] = []
    process.begin()
    code = process.read(printed.append, complaints.append, lambda: look(process))
    return code, b"".join(printed), b"".join(complaints)


@settings(max_examples=25)
@given(st.lists(st.one_of(words, nasty), max_size=12))
def test_arguments_arrive_exactly_as_they_were_given(arguments: list[str]):
    code, printed, _ = run([sys.executable, "-I", "-S", "-c", SHOWS, *arguments])
    assert code == 0
    assert json.loads(printed) == [repr([each.encode() for each in arguments])]


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_the_agents_locale_changes_nothing_about_them(locale: str, monkeypatch):
    monkeypatch.setenv("LC_ALL", locale)
    _, printed, _ = run([sys.executable, "-I", "-S", "-c", SHOWS, "é"], {"PATH": os.defpath})
    assert json.loads(printed) == [repr(["é".encode()])]


@settings(max_examples=15)
@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True), words, max_size=8))
def test_variables_arrive_and_no_others(variables: dict[str, str]):
    # A variable of Python's own would change the Python that shows them.
    given_ = {
        name: value for name, value in variables.items() if not name.startswith(("PYTHON", "LC_", "LD_"))
    }
    _, printed, _ = run(["/usr/bin/env", "-0"], given_)
    found = [each.decode() for each in printed.split(b"\0") if each]
    assert sorted(found) == sorted(f"{name}={value}" for name, value in given_.items())


def test_a_program_is_looked_for_on_the_path_that_it_is_given(tmp_path: Path):
    program = tmp_path / "own"
    program.write_text("#!/bin/sh\necho own $1\n")
    program.chmod(0o700)
    assert run(["own", "x"], {"PATH": f"{tmp_path}:/bin"})[:2] == (0, b"own x\n")


def test_nothing_is_to_be_read_and_pipes_end_programs_as_they_expect():
    assert run(["sh", "-c", "cat; yes | head -1; echo ${PIPESTATUS}"])[:2] == (0, b"y\n\n")
    ignored = int(run(["grep", "SigIgn", "/proc/self/status"])[1].split()[1], 16)
    # The C library keeps two signals to itself: who started us may have had them ignored for good.
    assert [number for number in signal.valid_signals() if ignored >> (number - 1) & 1] == []


def test_what_is_too_long_for_the_system_is_an_end_with_a_reason():
    code, _, complaint = run(["echo", "x" * 3_000_000])
    assert (code, complaint) == (126, b"'echo' can't be started: Argument list too long\n")


def test_much_that_is_printed_at_once_is_read_whole():
    code = "import sys; sys.stdout.write('x' * 3_000_000); sys.stderr.write('y' * 3_000_000)"
    code_, printed, complaints = run([sys.executable, "-c", code])
    assert (code_, len(printed), len(complaints)) == (0, 3_000_000, 3_000_000)


def test_a_process_that_is_not_begun_is_nothing(tmp_path: Path):
    process = Process(Command(["touch", str(tmp_path / "never")], os.environ, Path.cwd()))
    process.kill()
    assert not (tmp_path / "never").exists()


def test_a_command_does_not_run_if_its_agent_dies_before_it_said_so(tmp_path: Path):
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from runyard.agent.process import Command, Process\n"
        f"process = Process(Command(['touch', {str(tmp_path / 'ran')!r}], os.environ, Path('/')))\n"
        "print(process.pid, flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        pid = int(agent.stdout.readline())
        agent.kill()
    until(lambda: not lives(pid))
    assert not (tmp_path / "ran").exists()


def test_a_signal_reaches_what_the_command_has_started():
    def look(process: Process) -> None:
        process.signal(signal.SIGTERM)

    code, _, _ = run(["sh", "-c", "sleep 600; true"], look=look)
    assert code == -signal.SIGTERM


@pytest.mark.parametrize(
    ("code", "ran_out", "expected"),
    [
        (0, False, (0, "")),
        (0, True, (0, "")),
        (3, False, (3, "exit code 3")),
        (3, True, (3, "exit code 3, and the machine ran out of memory meanwhile")),
        (-9, False, (137, "ended by SIGKILL")),
        (-9, True, (137, "the machine ran out of memory (SIGKILL)")),
        (-15, True, (143, "ended by SIGTERM")),
        (-64, False, (192, "ended by SIGRTMAX")),
        (-40, False, (168, "ended by signal 40")),
    ],
)
def test_each_end_has_its_code_and_reason(code: int, ran_out: bool, expected: tuple[int, str]):
    end = explained(code, ran_out=ran_out)
    assert (end.exit_code, end.reason) == expected


@pytest.mark.parametrize(
    ("groups", "file", "count"),
    [
        ("0::/jobs/1\n", "jobs/1/memory.events", 3),
        ("4:memory:/box\n0::/\n", "memory/box/memory.oom_control", 3),
        ("4:cpu,memory:/not/seen/here\n", "memory/memory.oom_control", 3),
        ("4:cpu:/box\n", "memory/box/memory.oom_control", 0),
        ("nonsense\n", "memory.events", 0),
        ("", "memory.events", 0),
    ],
)
def test_the_kernel_tells_how_often_it_killed_for_memory(tmp_path: Path, groups: str, file: str, count: int):
    (tmp_path / "groups").write_text(groups)
    events = tmp_path / "root" / file
    events.parent.mkdir(parents=True)
    events.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert oom_kills(tmp_path / "root", tmp_path / "groups") == count


def test_a_machine_that_does_not_tell_has_killed_none(tmp_path: Path):
    assert oom_kills(tmp_path, tmp_path / "none") == 0
    (tmp_path / "groups").write_text("0::/\n")
    (tmp_path / "memory.events").write_text("oom_kill many\n")
    assert oom_kills(tmp_path, tmp_path / "groups") == 0
