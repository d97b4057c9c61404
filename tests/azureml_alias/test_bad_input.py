"""What the alias's own names are given wrongly is named, with what is allowed, and no server is asked."""

# What a type checker refuses is what is tried.
# mypy: disable-error-code="arg-type,assignment,list-item"

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from runyard.azureml.estimators import Estimator, SKLearn
from runyard.azureml.hyperdrive import (
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
)
from runyard.azureml.parameter_expressions import (
    choice,
    lognormal,
    loguniform,
    normal,
    qnormal,
    quniform,
    randint,
    uniform,
)
from runyard.azureml.policies import BanditPolicy, MedianStoppingPolicy, TruncationSelectionPolicy
from runyard.azureml.submitting import Experiment, ScriptRunConfig
from runyard.azureml.tensorboard import export_to_tensorboard
from runyard.azureml.tracking import get_mlflow_tracking_uri
from runyard.azureml.widgets import RunDetails
from runyard.errors import InvalidParameter, NotFound, NotImplementedHere

SAMPLING = GridParameterSampling({"--alpha": choice(0.1, 0.2)})
GOAL = PrimaryMetricGoal.MINIMIZE
CODE = ScriptRunConfig("code", "train.py")


def estimator(**options: object) -> Estimator:
    return Estimator("code", **{"entry_script": "train.py", **options})


CASES: dict[str, tuple[Callable[[], object], str]] = {
    "randint of a text": (lambda: randint("8"), "upper must be a whole number, not '8'"),
    "randint of nothing": (lambda: randint(0), "upper must be at least 1, not 0"),
    "uniform from": (lambda: uniform(None, 1), "min_value must be a number, not None"),
    "uniform to": (lambda: uniform(0, "1"), "max_value must be a number, not '1'"),
    "quniform": (lambda: quniform(0, 1, []), r"q must be a number, not \[\]"),
    "loguniform": (lambda: loguniform("a", 1), "min_value must be a number, not 'a'"),
    "loguniform far": (
        lambda: loguniform(0, 1e6),
        "max_value is an exponent of e, .* at most 709, not 1000000",
    ),
    "normal": (lambda: normal(None, 1), "mu must be a number, not None"),
    "lognormal": (lambda: lognormal(0, True), "sigma must be a number, not True"),
    "qnormal": (lambda: qnormal(0, 1, "x"), "q must be a number, not 'x'"),
    "space": (
        lambda: RandomParameterSampling(["--a"]),
        r"parameter_space must have values by names.*\['--a'\]",
    ),
    "properties": (lambda: RandomParameterSampling({}, 5), "properties must have values by names.* not 5"),
    "seed": (
        lambda: RandomParameterSampling({}, {"seed": "x"}),
        r"properties\['seed'\] must be a whole .*'x'",
    ),
    "bandit": (lambda: BanditPolicy("x"), "slack_factor must be a number, not 'x'"),
    "bandit's amount": (lambda: BanditPolicy(slack_amount="x"), "slack_amount must be a number, not 'x'"),
    "median": (lambda: MedianStoppingPolicy(1.5), r"evaluation_interval must be a whole number, not 1\.5"),
    "median's delay": (
        lambda: MedianStoppingPolicy(1, None),
        "delay_evaluation must be a whole number, not None",
    ),
    "truncation": (
        lambda: TruncationSelectionPolicy("a"),
        "truncation_percentage must be a whole .* not 'a'",
    ),
    "sampling": (
        lambda: HyperDriveConfig({}, "loss", GOAL, run_config=CODE),
        "hyperparameter_sampling .*not {}",
    ),
    "goal": (
        lambda: HyperDriveConfig(SAMPLING, "loss", "least", run_config=CODE),
        r"primary_metric_goal must be PrimaryMetricGoal.MAXIMIZE or PrimaryMetricGoal.MINIMIZE, not 'least'",
    ),
    "policy": (
        lambda: HyperDriveConfig(SAMPLING, "loss", GOAL, policy="none", run_config=CODE),
        "policy must be an EarlyTerminationPolicy, as BanditPolicy is, or None, not 'none'",
    ),
    "duration": (
        lambda: HyperDriveConfig(SAMPLING, "loss", GOAL, max_duration_minutes=[], run_config=CODE),
        r"max_duration_minutes must be a whole number, not \[\]",
    ),
    "entry_script": (lambda: estimator(entry_script=5), "entry_script must be a path, not 5"),
    "inputs": (lambda: estimator(inputs=5), "inputs must be a list, not 5"),
    "conda_packages": (
        lambda: estimator(conda_packages="numpy"),
        "conda_packages must be a list, not 'numpy'",
    ),
    "pip_packages": (lambda: estimator(pip_packages=5), "pip_packages must be a list, not 5"),
    "a package": (lambda: estimator(pip_packages=[5]), "pip_packages must be a text, not 5"),
    "conda file": (
        lambda: estimator(conda_dependencies_file=5),
        "conda_dependencies_file must be a path, not 5",
    ),
    "requirements": (
        lambda: estimator(pip_requirements_file=0),
        "pip_requirements_file must be a path, not 0",
    ),
    "variables": (lambda: estimator(environment_variables=["A"]), r"environment_variables must .*\['A'\]"),
    "image": (lambda: estimator(custom_docker_image=5), "custom_docker_image must be a text, not 5"),
    "environment": (
        lambda: estimator(environment_definition={}),
        "environment must be an Environment .*a dict",
    ),
    "version": (
        lambda: SKLearn("code", framework_version=1.5),
        r"framework_version must be a text, not 1\.5",
    ),
    "no framework": (
        lambda: estimator(framework_version="1.5"),
        r"framework_version='1\.5' is for SKLearn, PyTorch and TensorFlow",
    ),
    "script": (lambda: ScriptRunConfig("code", 5), "script must be a path, not 5"),
    "tracking": (lambda: get_mlflow_tracking_uri("my_ws"), "workspace must be a Workspace, .*not 'my_ws'"),
    "widget": (lambda: RunDetails("a run"), "run_instance must be a Run, not 'a run'"),
    "export": (lambda: export_to_tensorboard(["a"], "logs"), r"'run_data' must be a run or a list .*\['a'\]"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_named(case: str):
    call, said = CASES[case]
    with pytest.raises(InvalidParameter, match=said):
        call()


@pytest.mark.parametrize("name", ["script_params", "inputs"])
def test_what_an_estimator_says_is_not_replaced_as_it_is_submitted(name: str):
    unasked = Experiment.__new__(Experiment)
    with pytest.raises(NotImplementedHere, match=rf"takes no {name} here: .* Estimator\(\.\.\., {name}="):
        unasked.submit(estimator(), **{name: {"--alpha": 0.1}})


def test_a_script_that_is_set_later_is_named_when_it_is_looked_for(tmp_path: Path):
    config = ScriptRunConfig(tmp_path, "train.py")
    config.script = ["train.py"]
    with pytest.raises(InvalidParameter, match=r"script must be a path, not \['train.py'\]"):
        config.checked_script()


def test_files_of_requirements_are_read_as_pip_reads_them_or_named(tmp_path: Path):
    with pytest.raises(NotFound, match=r"no file .*none\.txt"):
        estimator(pip_requirements_file=tmp_path / "none.txt")
    (tmp_path / "some.txt").write_text("numpy  # arrays\n\n  # nothing\npandas>=2\n")
    made = estimator(pip_requirements_file=tmp_path / "some.txt", pip_packages=("skops",))
    assert list(made.run_config.environment.python.conda_dependencies.pip_packages) == [
        "numpy",
        "pandas>=2",
        "skops",
    ]


def test_the_first_package_of_a_framework_is_of_the_version():
    conda = SKLearn("code", framework_version="1.5.2").run_config.environment.python.conda_dependencies
    assert list(conda.pip_packages) == ["scikit-learn==1.5.2"]


def test_numbers_of_numpy_are_numbers():
    assert uniform(numpy.int64(0), numpy.float32(1)) == {"low": 0.0, "high": 1.0, "step": 0}
    assert normal(numpy.int64(10), 3) == {"mean": 10.0, "deviation": 3, "step": 0}
    assert randint(numpy.int64(8)) == {"low": 0, "high": 7}


def test_a_sweep_that_has_nothing_to_resume_from_begins_anew():
    made = HyperDriveConfig(SAMPLING, "loss", GOAL, run_config=CODE, resume_from=[], resume_child_runs=[])
    assert "minimize 'loss'" in repr(made)
    with pytest.raises(NotImplementedHere, match=r"no resume_from.*get_best_run_by_primary_metric"):
        HyperDriveConfig(SAMPLING, "loss", GOAL, run_config=CODE, resume_from=["a run"])
