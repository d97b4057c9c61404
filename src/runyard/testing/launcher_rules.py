"""The rules that every launcher must pass, held with real agents that find no server to ask."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.compute.base import AgentReport, AgentState, Launch, Launcher
from runyard.testing.agent_server import AgentServer

WITHIN_S = 60.0
RUN_ID = "a" * 32
NOBODY = "http://127.0.0.1:9"
"""Port 9 is "discard", which no machine has any more: an agent asks there again and again."""


def assignment(run_id: str = RUN_ID, attempt: int = 1, **more: Any) -> dict[str, Any]:
    """Return what an agent is told of a job, the server of which is away."""
    told: dict[str, Any] = {
        "url": f"{NOBODY}/workspaces/default",
        "ca": "",
        "key": f"ryj_{run_id}_{'x' * 43}",
        "workspace": "default",
        "run_id": run_id,
        "run_name": "name",
        "experiment_id": "0",
        "experiment_name": "Default",
        "artifact_path": f"0/{run_id}/artifacts",
        "attempt": attempt,
        "snapshot": "",
        "script": "",
        "arguments": [],
        "command": ["sleep", "600"],
        "environment": {
            "python": {
                "is_user_managed": True,
                "interpreter": "python",
                "conda": {"channels": [], "packages": [], "pip": []},
            },
            "docker": {"image": "", "dockerfile": "", "shm_size": ""},
            "variables": {},
        },
        "variables": {},
        "max_duration_s": 0,
        "is_azureml": False,
        "beat_s": 0.2,
        "stop_grace_s": 0.5,
        "cache": "/nonexistent",
    }
    return told | more


WORDS = (
    "a b",
    "'",
    '"',
    "$(touch x)",
    "$(HOME)",
    "`id`",
    "line\nline",
    "tab\there",
    "😀é ☃",
    "",
    "--",
    "-x",
    "*",
    "%s %j",
    "~",
    "\\n",
    "a;b & c | d > e",
    "#!x",
)
"""What shells, queues and templates on the way to a script would each make something else of."""
_FOLDER = 'it\'s $(x) "é" %j `id`'
_SCRIPT = 'it\'s $(x)/"é" `id` %j;\n.py'
_TELLS = """
import json, os, pathlib, sys
words = sys.argv[1:]
variables = [os.environ[f"WORD_{number}"] for number in range(len(words))]
path = pathlib.Path(__file__).resolve().relative_to(pathlib.Path.cwd().resolve())
print(json.dumps([str(path), words, variables, os.environ["RUN_NAME"]]), flush=True)
"""


class LauncherRules(ABC):
    """Inherit, and implement the hooks, to hold a launcher to its contract."""

    @abstractmethod
    def open_launcher(self, folder: Path) -> Launcher:
        """Return a launcher, as another server on this folder would have it."""

    @abstractmethod
    def open_launcher_to(self, folder: Path, server: str) -> Launcher:
        """Return a launcher whose agents look for the server at an address, which is of this machine.

        Args:
            folder: The launcher's, which may be called anything.
            server: As ``http://127.0.0.1:5000``; the host is :attr:`own_address`.
        """

    @property
    def own_address(self) -> str:
        """Where the machines that agents run on reach this one."""
        return "127.0.0.1"

    @abstractmethod
    def kill_agent(self, launched: str) -> None:
        """Kill an agent as nobody should: its process alone, without a word."""

    @pytest.fixture
    def launcher(self, tmp_path: Path) -> Iterator[Launcher]:
        """Return a launcher that leaves nothing behind."""
        opened = self.open_launcher(tmp_path)
        yield opened
        for launched in opened.list_launched():
            opened.forget(launched)

    def test_an_agent_is_found_again_by_whoever_comes_after(self, tmp_path: Path, launcher: Launcher) -> None:
        """A server is restarted, and the agent goes on."""
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        for each in (launcher, self.open_launcher(tmp_path)):
            assert state_of(each, launched) is AgentState.ALIVE
            assert each.find(RUN_ID, 1) == launched
            assert each.find(RUN_ID, 2) is None
            assert list(each.list_launched()) == [launched]

    def test_many_are_seen_in_one_look(self, launcher: Launcher) -> None:
        """Those that never were are gone."""
        one = launcher.submit(Launch(RUN_ID, 1, assignment()))
        two = launcher.submit(Launch("b" * 32, 1, assignment("b" * 32)))
        found = launcher.reports_of([one, two, f"{'c' * 32}/1"])
        states = [found[each].state for each in (one, two, f"{'c' * 32}/1")]
        assert states == [AgentState.ALIVE, AgentState.ALIVE, AgentState.GONE]
        assert launcher.reports_of([]) == {}

    def test_many_that_are_submitted_together_are_agents_of_their_own(
        self, tmp_path: Path, launcher: Launcher
    ) -> None:
        """Each is found by whoever comes after, and ended by itself; submitted again, it has one agent."""
        launches = [Launch(each * 32, 1, assignment(each * 32)) for each in "ab"]
        launched = [str(each) for each in launcher.submit_many(launches)]
        assert launched == [launcher.find(each.run_id, 1) for each in launches]
        later = self.open_launcher(tmp_path)
        assert sorted(later.list_launched()) == sorted(launched)
        assert {each.state for each in later.reports_of(launched).values()} == {AgentState.ALIVE}
        launcher.forget(launched[1])
        again = Launch("a" * 32, 1, assignment("a" * 32, key=f"ryj_{'a' * 32}_{'y' * 43}"))
        assert launcher.submit_many([again, Launch("c" * 32, 1, assignment("c" * 32))])[0] == launched[0]
        launched[1] = f"{'c' * 32}/1"
        assert sorted(launcher.list_launched()) == sorted(launched)
        assert {each.state for each in launcher.reports_of(launched).values()} == {AgentState.ALIVE}
        assert launcher.submit_many([]) == []

    def test_an_agent_that_is_killed_is_gone(self, tmp_path: Path, launcher: Launcher) -> None:
        """Whoever looks sees it."""
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        _until(lambda: state_of(launcher, launched) is AgentState.ALIVE)
        self.kill_agent(launched)
        _until(lambda: state_of(launcher, launched) is AgentState.GONE)
        assert state_of(self.open_launcher(tmp_path), launched) is AgentState.GONE

    def test_an_agent_is_canceled_by_whoever_comes_after(self, tmp_path: Path, launcher: Launcher) -> None:
        """More than once is as good as once."""
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        later = self.open_launcher(tmp_path)

        def is_over() -> bool:
            later.cancel(launched)
            return report_of(launcher, launched).state is not AgentState.ALIVE

        _until(is_over)
        assert report_of(launcher, launched).status in ("", "canceled")

    def test_what_is_forgotten_is_ended_at_once_and_leaves_nothing(self, launcher: Launcher) -> None:
        """To forget it again changes nothing."""
        launched = launcher.submit(Launch(RUN_ID, 1, assignment()))
        for _ in range(2):
            launcher.forget(launched)
            assert state_of(launcher, launched) is AgentState.GONE
            assert list(launcher.list_launched()) == []
            assert launcher.find(RUN_ID, 1) is None

    def test_an_attempt_that_is_submitted_again_has_one_agent(self, launcher: Launcher) -> None:
        """The first one is ended."""
        first = launcher.submit(Launch(RUN_ID, 1, assignment()))
        again = launcher.submit(Launch(RUN_ID, 1, assignment(key=f"ryj_{RUN_ID}_{'y' * 43}")))
        assert again == first
        assert list(launcher.list_launched()) == [again]
        assert state_of(launcher, again) is AgentState.ALIVE

    def test_another_attempt_is_another_agent(self, launcher: Launcher) -> None:
        """Each is ended by itself."""
        first = launcher.submit(Launch(RUN_ID, 1, assignment()))
        second = launcher.submit(Launch(RUN_ID, 2, assignment(attempt=2)))
        launcher.forget(first)
        assert state_of(launcher, second) is AgentState.ALIVE

    def test_paths_words_and_variables_reach_the_script_as_they_are(self, tmp_path: Path) -> None:
        """Whatever is in them, and whatever the launcher's own folder is called."""
        folder = tmp_path / _FOLDER
        folder.mkdir()
        with AgentServer(self.own_address) as server:
            launcher = self.open_launcher_to(folder, server.url)
            told = assignment(
                url=f"{server.url}/workspaces/default",
                snapshot=server.keep_code({_SCRIPT: _TELLS}),
                script=_SCRIPT,
                arguments=list(WORDS),
                command=[],
                variables={f"WORD_{number}": word for number, word in enumerate(WORDS)}
                | {"RUN_NAME": "\n".join(WORDS)},
            )
            launched = launcher.submit(Launch(RUN_ID, 1, told))
            try:
                _until(lambda: report_of(launcher, launched).state is not AgentState.ALIVE)
                end = report_of(launcher, launched)
            finally:
                launcher.forget(launched)
            printed = {name: server.console(name) for name in ("setup", "stderr", "stdout")}
        assert (end.state, end.status) == (AgentState.ENDED, "completed"), (end, printed)
        assert json.loads(printed["stdout"]) == [_SCRIPT, list(WORDS), list(WORDS), "\n".join(WORDS)]


def report_of(launcher: Launcher, launched: str) -> AgentReport:
    """Return what a launcher sees of one agent."""
    return launcher.reports_of([launched])[launched]


def state_of(launcher: Launcher, launched: str) -> AgentState:
    """Return the state that a launcher sees an agent in."""
    return report_of(launcher, launched).state


def _until(is_so: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < give_up_s, f"not within {WITHIN_S} s"
        time.sleep(0.05)
