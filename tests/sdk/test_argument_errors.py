"""No argument of the wrong kind ends in an error of Python's own: the one that does not fit is named."""

# What a type checker refuses is what is tried.
# mypy: disable-error-code="arg-type, call-arg, dict-item, list-item, no-any-return, operator"

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from runyard import Datastore, Environment, Experiment, Model, Run, Workspace
from runyard.errors import InvalidParameter, NotFound, RunyardError
from runyard.sdk.argument_errors import names_arguments
from tests.docs.public_names import public_classes

# Each is wrong for nearly everything; the third has half a character, which no encoding can write.
WRONG = (object(), 5, "\ud800", ["x", 5], {"a": object()}, b"x")
# What takes as long as a run does, or asks for what is slow.
LONG = {"wait_for_completion", "stream_console", "collect", "show"}


@names_arguments
class Thing:
    """Uses what it is given without a look at it."""

    def __init__(self, name: str = "") -> None:
        self.name = name.strip()

    def of_text(self, name: str | None) -> str:
        return (name or "").upper()

    def of_number(self, count: int, share: float = 1.0) -> float:
        return count * 2 + share

    def of_path(self, path: str | os.PathLike[str]) -> str:
        return os.fspath(path)

    def of_pairs(self, tags: Mapping[str, str]) -> list[str]:
        return [value.upper() for _, value in tags.items()]

    def of_list(self, names: Sequence[str], *more: str) -> list[str]:
        return [name.upper() for name in (*names, *more)]

    def of_words(self, kind: Literal["a", "b"]) -> int:
        return {"a": 1, "b": 2}[kind]

    def of_thing(self, other: Thing) -> str:
        return other.name

    def of_later(self, names: Sequence[str]) -> Iterator[str]:
        for name in names:
            yield name.upper()

    def of_another(self, key: str) -> list[str]:
        return self.of_list([key])

    def with_a_fault(self, name: str) -> int:
        return name + 1

    def that_refuses(self, name: str) -> None:
        raise NotFound(f"There is no {name!r}.")

    @staticmethod
    def of_class(name: str) -> str:
        return name.upper()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Thing(5), "name must be a text, not 5."),
        (lambda: Thing().of_text(5), "name must be a text or None, not 5."),
        (lambda: Thing().of_number("5"), "count must be a whole number, not '5'."),
        (lambda: Thing().of_number(5, None), "share must be a number, not None."),
        (lambda: Thing().of_path(5), "path must be a text or a path, not 5."),
        (lambda: Thing().of_pairs(["a"]), "tags must be values by names, as {'team': 'robots'}, not ['a']."),
        (
            lambda: Thing().of_pairs({"a": 1}),
            "tags must be values by names, as {'team': 'robots'}, not {'a': 1}.",
        ),
        (lambda: Thing().of_list(5), "names must be a list of texts, not 5."),
        (lambda: Thing().of_list(["a", 5]), "names must be a list of texts, not ['a', 5]."),
        (lambda: Thing().of_list([], 5), "more must be a text, not 5."),
        (lambda: Thing().of_words("c"), "kind must be one of 'a', 'b', not 'c'."),
        (lambda: Thing().of_thing("x"), "other must be of the kind Thing, not 'x'."),
        (lambda: list(Thing().of_later(5)), "names must be a list of texts, not 5."),
        (lambda: Thing().of_another(5), "key must be a text, not 5."),
        (lambda: Thing.of_class(5), "name must be a text, not 5."),
    ],
)
def test_the_argument_that_does_not_fit_is_named(call: Callable[[], object], said: str):
    with pytest.raises(InvalidParameter) as refused:
        call()
    assert str(refused.value) == said
    assert isinstance(refused.value.__cause__, Exception)


def test_what_fits_is_passed_on_and_so_are_faults_of_our_own():
    thing = Thing(" a ")
    assert (thing.name, thing.of_number(True, 2), thing.of_path(Path("x"))) == ("a", 4, "x")
    assert (list(thing.of_later(("b",))), Thing.of_class("c")) == (["B"], "C")
    with pytest.raises(TypeError, match="str"):
        thing.with_a_fault("a")
    with pytest.raises(NotFound, match="There is no 5"):
        thing.that_refuses(5)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        thing.of_text()


def test_each_public_method_names_its_arguments():
    bare = [
        f"{cls.__name__}.{name}"
        for cls in public_classes()
        for owner in cls.__mro__
        for name, member in vars(owner).items()
        if owner.__module__.startswith("runyard.sdk.")
        and not name.startswith("_")
        and inspect.isfunction(function := getattr(member, "__func__", member))
        and not hasattr(function, "__wrapped__")
    ]
    assert bare == []


def calls_of(
    cls: type, made: object, given: Mapping[str, object]
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield calls of a class's methods with one wrong argument each, by what they try."""
    for name in dir(cls):
        raw = inspect.getattr_static(cls, name)
        function = getattr(made, name) if inspect.isfunction(getattr(raw, "__func__", raw)) else None
        if name.startswith("_") or name in LONG or function is None:
            continue
        taken = [
            each for each in inspect.signature(function).parameters.values() if "VAR" not in each.kind.name
        ]
        needed = {each.name: given.get(each.name, "x") for each in taken if each.default is each.empty}
        for parameter in taken:
            for wrong in WRONG:
                arguments = {**needed, parameter.name: wrong}
                yield (
                    f"{cls.__name__}.{name}({parameter.name}={wrong!r})",
                    lambda function=function, arguments=arguments: function(**arguments),  # type: ignore[misc]
                )


def ended_with(call: Callable[[], Any]) -> Exception | None:
    try:
        found = call()
        if isinstance(found, Iterator):
            next(found, None)
    except (RunyardError, OSError):
        return None
    except Exception as error:  # noqa: BLE001 # whatever it is, it is shown
        return error
    return None


@pytest.mark.parametrize("what", ["run", "experiment", "datastore", "model", "environment", "workspace"])
def test_whatever_is_given_no_error_is_python_s_own(
    experiment: Experiment, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNYARD_SPOOL", "off")
    monkeypatch.setenv("RUNYARD_URL", workspace.url)
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_bytes(b"x")
    made = {
        "run": lambda: experiment.start_logging(),
        "experiment": lambda: experiment,
        "datastore": lambda: Datastore(workspace),
        "model": lambda: Model.register(workspace, "x", "m"),
        "environment": lambda: Environment("e").register(workspace),
        "workspace": lambda: workspace,
    }[what]()
    given = {"workspace": workspace, "experiment": experiment, "src_dir": "folder", "value": 1.0, "count": 1}
    faults = {
        tried: repr(error)
        for tried, call in calls_of(type(made), made, given)
        if (error := ended_with(call)) is not None
    }
    assert faults == {}


def test_what_would_have_been_taken_for_several_names_is_refused(
    experiment: Experiment, workspace: Workspace
):
    run: Run = experiment.start_logging()
    run.log("a", 1.0)
    run.log("b", 1.0)
    experiment.set_tags({"a": "1"})
    for call in (
        lambda: run.remove(metrics="ab"),
        lambda: experiment.remove_tags("a"),
        lambda: run.get_secrets("ab"),
    ):
        with pytest.raises(InvalidParameter, match=r"must be a list, not 'ab?'"):
            call()
    assert set(run.get_metrics()) == {"a", "b"}
    assert experiment.tags["a"] == "1"


def test_a_text_that_can_not_be_sent_does_not_spoil_what_is_logged_after_it(experiment: Experiment):
    run: Run = experiment.start_logging()
    with pytest.raises(InvalidParameter, match="value must be a"):
        run.log("note", "\ud800")
    run.log("note", "fine")
    assert run.get_metrics() == {"note": "fine"}


@pytest.mark.parametrize(
    "call",
    [
        lambda ws, experiment: Experiment(ws, float("nan")),
        lambda ws, experiment: Experiment.list(ws, experiment_name=5),
        lambda ws, experiment: experiment.start_logging(display_name=b"x"),
        lambda ws, experiment: experiment.start_logging(outputs=5),
        lambda ws, experiment: experiment.start_logging().child_run([]),
        lambda ws, experiment: experiment.start_logging().child_run(outputs=5),
        lambda ws, experiment: list(experiment.get_runs(type=5)),
        lambda ws, experiment: Run.list(experiment, status=5),
        lambda ws, experiment: list(experiment.start_logging().get_children(status=5)),
        lambda ws, experiment: experiment.start_logging().get_metric_points(b"x"),
        lambda ws, experiment: ws.secrets.set("a", float("nan")),
        lambda ws, experiment: ws.update(description=b"x"),
        lambda ws, experiment: Environment.from_docker_image("e", None),
    ],
)
def test_what_would_have_become_another_text_is_refused(
    workspace: Workspace, experiment: Experiment, call: Callable[[Workspace, Experiment], object]
):
    before = {each.id for each in Experiment.list(workspace)}
    with pytest.raises(InvalidParameter, match=r"must be a (text|path), not"):
        call(workspace, experiment)
    assert {each.id for each in Experiment.list(workspace)} == before


def test_an_argument_that_may_be_anything_is_not_named():
    @names_arguments
    def keep(value: Any, name: str) -> str:
        return name + 1 if value else name.upper()

    with pytest.raises(TypeError, match="can only concatenate str"):
        keep(object(), "a")
    with pytest.raises(InvalidParameter, match="name must be a text, not 5"):
        keep(None, 5)
