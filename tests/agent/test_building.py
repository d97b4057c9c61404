"""How an environment would be made, by what there is on a machine."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.agent import building, interpreters
from runyard.agent.assignment import Environment
from runyard.agent.building import Recipe, build, recipe_for
from runyard.agent.console import StreamLog
from runyard.agent.interpreters import named_interpreter, uv_words, wanted_interpreter
from runyard.agent.orders import Orders
from runyard.agent.steps import CannotPrepare, Steps, Stopped
from tests.agent.wheels import write_wheel

OWN = ".".join(map(str, sys.version_info[:3]))
RECIPE = Recipe("/usr/bin/python3", "3.11.7", ("uv",), "", (), (), ("thing==1",), "", "")


class Machine:
    """Steps of a preparation, with the log of all that was said and run."""

    def __init__(self, folder: Path) -> None:
        self.orders = Orders()
        self.log = StreamLog("setup", folder)
        self.steps = Steps(self.log, self.orders, folder)
        self._folder = folder

    @property
    def said(self) -> str:
        return "".join(path.read_text() for path in sorted(self._folder.glob("setup.*.log")))

    def recipe(self, *packages: str, pip: tuple[str, ...] = ("thing",)) -> Recipe:
        environment = Environment(channels=("conda-forge",), packages=packages, pip=pip)
        return recipe_for(environment, None, self.steps, is_azureml=False)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "out").mkdir()
    return Machine(tmp_path / "out")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found, beside those of the system."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def program(path: Path, text: str = "exit 0") -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def test_all_that_matters_is_in_the_key():
    others = [
        replace(RECIPE, python="/other"),
        replace(RECIPE, version="3.11.8"),
        replace(RECIPE, uv=()),
        replace(RECIPE, conda="/bin/conda"),
        replace(RECIPE, channels=("x",)),
        replace(RECIPE, packages=("x",)),
        replace(RECIPE, pip=("thing==2",)),
        replace(RECIPE, wheel="/a/x.whl"),
        replace(RECIPE, wheel_sha256="0"),
    ]
    assert len({each.key for each in (RECIPE, *others)}) == 10
    # Each job has the wheel in a folder of its own.
    assert replace(RECIPE, wheel="/a/x.whl").key == replace(RECIPE, wheel="/b/x.whl").key
    assert RECIPE.key == replace(RECIPE).key
    # Who asked for a line says nothing of what is made.
    assert replace(RECIPE, for_conda=("thing==1",)).key == RECIPE.key


def test_a_wheel_is_what_is_in_it(machine: Machine, tmp_path: Path):
    environment = Environment(pip=("thing",))
    one = write_wheel(tmp_path / "a", "runyard", "1.0")
    two = write_wheel(tmp_path / "b", "runyard", "1.0", requires=["thing"])
    keys = {recipe_for(environment, each, machine.steps, is_azureml=True).key for each in (one, two)}
    assert len(keys) == 2


def test_the_agents_own_python_is_taken_if_it_is_one_that_is_wanted(machine: Machine, programs: Path):
    program(programs / "python3.15", "echo 3.15.0")
    assert wanted_interpreter("", (), machine.steps) == interpreters.Interpreter(Path(sys.executable), OWN)
    found = wanted_interpreter(">=3.8", (), machine.steps)
    assert found is not None
    assert found.version == OWN


def test_else_the_newest_that_there_is(machine: Machine, programs: Path):
    program(programs / "python3.19", "echo 3.19.2")
    program(programs / "python3.18", "echo 3.18.9")
    program(programs / "python3.20", "exit 1")
    found = wanted_interpreter(">3.17,<4", (), machine.steps)
    assert found == interpreters.Interpreter(programs / "python3.19", "3.19.2")
    found = wanted_interpreter("==3.18.*", (), machine.steps)
    assert found is not None
    assert found.version == "3.18.9"
    assert wanted_interpreter("==3.20.*", (), machine.steps) is None


def test_uv_is_asked_for_one_that_is_nowhere_on_the_path(machine: Machine, programs: Path, monkeypatch):
    python = program(programs / "elsewhere", "echo 3.19.1")
    uv = program(programs / "uv", f'echo "$@" >> {programs}/asked; test -f {programs}/there && echo {python}')
    assert wanted_interpreter("==3.19.*", (str(uv),), machine.steps) is None
    # Nothing is got from elsewhere unless that was allowed.
    assert "install" not in (programs / "asked").read_text()
    assert "--no-python-downloads ==3.19.*" in (programs / "asked").read_text()
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "automatic")
    program(uv, f'echo "$@" >> {programs}/asked; test "$2" = install && touch {programs}/there; '
                f'test -f {programs}/there && echo {python}')  # fmt: skip
    found = wanted_interpreter("==3.19.*", (str(uv),), machine.steps)
    assert found == interpreters.Interpreter(python, "3.19.1")
    assert "python install ==3.19.*" in (programs / "asked").read_text()


def test_uv_is_a_program_or_a_module(programs: Path):
    assert uv_words() == (sys.executable, "-m", "uv")
    uv = program(programs / "uv")
    assert uv_words() == (str(uv),)


@pytest.mark.parametrize(
    ("pip", "is_uv"),
    [
        (("thing",), True),
        (("--index-url https://x/simple", "--extra-index-url=https://y", "-f https://z", "thing"), True),
        (("--pre", "thing"), False),
        (("--trusted-host x", "thing"), False),
    ],
)
def test_uv_makes_what_it_understands(machine: Machine, programs: Path, pip: tuple[str, ...], is_uv: bool):
    uv = program(programs / "uv")
    assert machine.recipe(pip=pip).uv == ((str(uv),) if is_uv else ())


def test_conda_is_for_what_only_conda_has(machine: Machine, programs: Path):
    conda = program(programs / "conda")
    assert machine.recipe("python>=3.8", "pip").conda == ""
    found = machine.recipe("python>=3.8", "pip", "r-base")
    assert (found.conda, found.python) == (str(conda), "")
    assert found.packages == ("python>=3.8", "r-base")
    assert found.channels == ("conda-forge",)
    # A Python that is not here is one that conda has.
    assert machine.recipe("python=3.7").packages == ("python==3.7.*",)
    mamba = program(programs / "micromamba")
    assert machine.recipe("r-base").conda == str(mamba)


def test_a_conda_that_is_a_function_of_the_shell_is_found(machine: Machine, programs: Path, monkeypatch):
    (programs / "elsewhere").mkdir()
    conda = program(programs / "elsewhere" / "conda")
    assert machine.recipe("thing").conda == ""
    monkeypatch.setenv("CONDA_EXE", str(conda))
    assert machine.recipe("thing").conda == str(conda)


def test_a_conda_brings_pip_where_there_is_no_uv(machine: Machine, programs: Path, monkeypatch):
    program(programs / "conda")
    monkeypatch.setattr(building, "uv_words", lambda: ())
    assert machine.recipe("r-base").packages == ("python", "r-base", "pip")


def test_a_step_that_fails_says_which_and_its_last_word(machine: Machine, programs: Path, tmp_path: Path):
    uv = program(programs / "uv", "echo first; echo 'no such thing' >&2; exit 2")
    with pytest.raises(
        CannotPrepare, match=r"^The environment could not be made: exit code 2: no such thing$"
    ):
        build(replace(RECIPE, uv=(str(uv),)), tmp_path / "env", machine.steps)
    assert f"$ {uv} venv --no-project --python /usr/bin/python3 {tmp_path}/env\nfirst\n" in machine.said


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("no r-base", " There is no conda here, so r-base>=4 was asked of pip."),
        ("p1, p2", " There is no conda here, so p1, p2 was asked of pip."),
        ("no thing", ""),
    ],
)
def test_what_a_conda_might_have_is_said_to_be_pips(
    machine: Machine, programs: Path, tmp_path: Path, said: str, more: str
):
    script = f'test "$1" = venv && mkdir "$5" || {{ echo "ERROR: {said}" >&2; exit 1; }}'
    program(programs / "uv", script)
    recipe = machine.recipe("r-base>=4", "cudatoolkit", "p1", "p2", "p3")
    assert recipe.for_conda == ("r-base>=4", "p1", "p2", "p3")
    with pytest.raises(CannotPrepare) as failed:
        build(recipe, tmp_path / "env", machine.steps)
    assert str(failed.value) == f"The environment could not be made: exit code 1: {said}{more}"


def test_a_step_is_not_begun_when_the_agent_is_to_stop(machine: Machine):
    machine.orders.cancel()
    with pytest.raises(Stopped):
        machine.steps.run("x", ["true"])
    assert machine.steps.answer is not None
    with pytest.raises(Stopped):
        machine.steps.answer(["true"])


def test_an_answer_is_what_was_printed_or_none(machine: Machine):
    assert machine.steps.answer(["echo", " a b "]) == "a b"
    assert machine.steps.answer(["sh", "-c", "echo x; exit 1"]) is None
    assert machine.steps.answer(["no-such-program"]) is None
    assert machine.said == ""


def test_a_named_interpreter_is_looked_for_where_its_name_says(programs: Path, tmp_path: Path, monkeypatch):
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    code = tmp_path / "code"
    (code / "env" / "bin").mkdir(parents=True)
    inside = program(code / "env" / "bin" / "python")
    own = program(programs / "mypython")
    assert named_interpreter("python", code) == named_interpreter("python3", code) == Path(sys.executable)
    assert named_interpreter("mypython", code) == own
    assert named_interpreter(str(own), code) == own
    assert named_interpreter("env/bin/python", code) == inside
    monkeypatch.setenv("HOME", str(tmp_path))
    assert named_interpreter("~/programs/mypython", code) == own
    for name in ("none", "env/none", "./none", "/none", ""):
        with pytest.raises(CannotPrepare, match="There is no interpreter"):
            named_interpreter(name, code)


def test_a_conda_that_is_activated_has_python_too(tmp_path: Path, monkeypatch):
    (tmp_path / "bin").mkdir()
    python = program(tmp_path / "bin" / "python")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path))
    assert named_interpreter("python", tmp_path) == python
    assert named_interpreter("python3", tmp_path) == Path(sys.executable)
