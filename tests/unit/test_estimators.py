"""Estimators as configurations of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runyard.azureml.estimators import Estimator, PyTorch, SKLearn, TensorFlow, set_diagnostics_collection
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.sdk.environment import Environment


def packages(estimator: Estimator) -> tuple[list[str], list[str]]:
    dependencies = estimator.run_config.environment.python.conda_dependencies
    return list(dependencies.conda_packages), list(dependencies.pip_packages)


def test_an_estimator_is_a_configuration_that_may_be_changed():
    made = SKLearn(
        "code",
        compute_target="pool",
        entry_script="train.py",
        script_params={"--alpha": 0.1, "--verbose": ""},
        conda_packages=["pandas"],
        pip_packages=["shap"],
        environment_variables={"A": "b"},
        max_run_duration_seconds=60,
        use_gpu=True,
        vm_size="STANDARD_D2_V2",
        node_count=1,
    )
    assert (made.script, made.arguments) == ("train.py", ["--alpha", 0.1, "--verbose"])
    config = made.run_config
    assert (config.target, config.max_run_duration_seconds) == ("pool", 60)
    assert config.environment.environment_variables == {"A": "b"}
    conda, pip = packages(made)
    assert "pandas" in conda
    assert {"scikit-learn", "shap"} <= set(pip)
    assert made.is_azureml


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [(PyTorch, "1.6", "torch==1.6"), (TensorFlow, "2.2", "tensorflow==2.2"), (SKLearn, None, "scikit-learn")],
)
def test_a_framework_has_the_version_that_is_asked_for(
    kind: type[Estimator], version: str | None, expected: str
):
    _, pip = packages(kind("code", entry_script="train.py", framework_version=version))
    assert expected in pip


def test_files_say_what_an_environment_begins_with(tmp_path: Path):
    requirements, conda = tmp_path / "requirements.txt", tmp_path / "conda.yml"
    requirements.write_text("# what it needs\nshap==0.4\n\n")
    conda.write_text("dependencies:\n- python=3.11\n- pandas\n")
    for suffix in ("", "_path"):
        options: dict[str, Any] = {
            f"pip_requirements_file{suffix}": requirements,
            f"conda_dependencies_file{suffix}": conda,
        }
        found = packages(Estimator("code", entry_script="train.py", **options))
        assert "pandas" in found[0]
        assert "shap==0.4" in found[1]


def test_an_environment_may_be_given_whole():
    own = Environment("own")
    assert Estimator("code", entry_script="a.py", environment_definition=own).run_config.environment is own
    managed = Estimator("code", entry_script="a.py", user_managed=True, custom_docker_image="python:3.11")
    assert managed.run_config.environment.python.user_managed_dependencies
    assert managed.run_config.environment.docker.base_image == "python:3.11"


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"node_count": 2}, NotImplementedHere, "node_count=2.*torchrun"),
        ({"distributed_training": object()}, NotImplementedHere, "distributed_training"),
        ({"inputs": ["x"]}, InvalidParameter, "as_named_input"),
        ({"gpu_count": 2}, TypeError, "gpu_count"),
        ({"script_params": ["--alpha"]}, InvalidParameter, "script_params"),
    ],
)
def test_what_an_estimator_can_not_be_is_said(options: dict[str, Any], error: type[Exception], told: str):
    with pytest.raises(error, match=told):
        Estimator("code", entry_script="train.py", **options)


def test_nobody_is_told_anything():
    assert set_diagnostics_collection(True, 2) is None  # type: ignore[func-returns-value]
