"""Estimators, as Azure's SDK had them before ``ScriptRunConfig``: a script with arguments and packages."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from runyard.azureml.submitting import ScriptRunConfig
from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.sdk.arguments import listed, optional_path, optional_text, pairs, text
from runyard.sdk.conda_dependencies import CondaDependencies
from runyard.sdk.dataset_inputs import DatasetConsumptionConfig
from runyard.sdk.environment import Environment
from runyard.sdk.yaml_text import read_small_file

# What there is one process on one machine of, or nothing.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "distributed_backend": (None,),
    "distributed_training": (None,),
    "image_registry_details": (None,),
    "node_count": (None, 1),
    "parameter_server_count": (None, 1),
    "process_count_per_node": (None, 1),
    "resume_from": (None,),
    "source_directory_data_store": (None,),
    "worker_count": (None, 1),
}
# What options were called later.
_FIRST_NAMES = {
    "conda_dependencies_file_path": "conda_dependencies_file",
    "pip_requirements_file_path": "pip_requirements_file",
}
# Taken, with no effect: there is a GPU where the machine has one, and a container where an image is named.
_IGNORED = frozenset({"shm_size", "use_docker", "use_gpu", "vm_priority", "vm_size"})


class Estimator(ScriptRunConfig):
    """A script to submit with the packages that it needs, in the words of before ``ScriptRunConfig``.

    Args:
        source_directory: The folder with the code.
        compute_target: Where it runs, as a target or by name.
        entry_script: The script, by its path in that folder.
        script_params: Names and values of its arguments; a name with an empty value is a flag.
        conda_packages: Packages that it needs.
        pip_packages: Packages from pip.
        conda_dependencies_file: File of a conda environment to begin with.
        pip_requirements_file: File of requirements to begin with.
        inputs: Datasets that the script asks its run for: ``dataset.as_named_input("cars")``.
        environment_definition: The environment, in place of what would be made of packages.
        environment_variables: Variables of the script.
        custom_docker_image: Image to run in.
        user_managed: Whether nothing is installed.
        framework_version: Of the package that the estimator is for.
        max_run_duration_seconds: After how many seconds the script is ended.
        **azure_options: Azure's further options. Those of several machines are refused, others do nothing.

    Raises:
        NotImplementedHere: An option has no counterpart.
        NotFound: A file that it begins with is not there.
        InvalidParameter: An argument is of the wrong kind.
        TypeError: An option is none of Azure's.

    Example:
        >>> estimator = Estimator("code", entry_script="train.py", script_params={"--alpha": 0.1})
        >>> estimator.arguments
        ['--alpha', 0.1]
    """

    _packages: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        *,
        compute_target: Any = None,
        entry_script: str | None = None,
        script_params: Mapping[str, object] | None = None,
        environment_definition: Environment | None = None,
        inputs: Sequence[DatasetConsumptionConfig] | None = None,
        max_run_duration_seconds: int | None = None,
        **azure_options: Any,
    ) -> None:
        wanted = {_FIRST_NAMES.get(name, name): value for name, value in azure_options.items()}
        made = self._environment(wanted)
        _check_rest(wanted)
        super().__init__(
            source_directory,
            script=optional_path(entry_script, "entry_script"),
            arguments=_words(script_params or {}),
            compute_target=compute_target,
            environment=made if environment_definition is None else environment_definition,
            max_run_duration_seconds=max_run_duration_seconds,
        )
        self.datasets = _checked_inputs(inputs)

    def _environment(self, wanted: dict[str, Any]) -> Environment:
        """Return what the packages of an estimator make, and take them out of what is wanted."""
        made = Environment(f"{type(self).__name__.lower()}-environment")
        conda = optional_path(wanted.pop("conda_dependencies_file", None), "conda_dependencies_file")
        dependencies = CondaDependencies(conda)
        requirements = optional_path(wanted.pop("pip_requirements_file", None), "pip_requirements_file")
        if requirements is not None:
            dependencies.set_pip_requirements(read_small_file(requirements).splitlines())
        for package in listed(wanted.pop("conda_packages", None) or (), "conda_packages"):
            dependencies.add_conda_package(text(package, "conda_packages"))
        own = self._own_packages(wanted.pop("framework_version", None))
        for package in (*own, *listed(wanted.pop("pip_packages", None) or (), "pip_packages")):
            dependencies.add_pip_package(text(package, "pip_packages"))
        made.python.conda_dependencies = dependencies
        made.python.user_managed_dependencies = bool(wanted.pop("user_managed", False))
        variables = pairs(wanted.pop("environment_variables", None) or {}, "environment_variables")
        made.environment_variables = dict(variables)
        image = optional_text(wanted.pop("custom_docker_image", None), "custom_docker_image")
        made.docker.base_image = image or ""
        return made

    def _own_packages(self, version: object) -> Sequence[str]:
        """Return the packages of the framework, the first one in a version."""
        wanted = optional_text(version, "framework_version")
        if not wanted:
            return self._packages
        if not self._packages:
            raise InvalidParameter(
                f"framework_version={wanted!r} is for SKLearn, PyTorch and TensorFlow; an Estimator has "
                "pip_packages=['scikit-learn==1.5.2'] and the like."
            )
        return [f"{self._packages[0]}=={wanted}", *self._packages[1:]]


class SKLearn(Estimator):
    """An estimator with scikit-learn.

    Example:
        >>> estimator = SKLearn("code", entry_script="train.py")
        >>> list(estimator.run_config.environment.python.conda_dependencies.pip_packages)
        ['scikit-learn']
    """

    _packages = ("scikit-learn",)


class PyTorch(Estimator):
    """An estimator with PyTorch.

    Example:
        >>> estimator = PyTorch("code", entry_script="train.py")
        >>> list(estimator.run_config.environment.python.conda_dependencies.pip_packages)
        ['torch', 'torchvision']
    """

    _packages = ("torch", "torchvision")


class TensorFlow(Estimator):
    """An estimator with TensorFlow.

    Example:
        >>> estimator = TensorFlow("code", entry_script="train.py")
        >>> list(estimator.run_config.environment.python.conda_dependencies.pip_packages)
        ['tensorflow']
    """

    _packages = ("tensorflow",)


def set_diagnostics_collection(send_diagnostics: bool = True, verbosity: int = 0) -> None:
    """Return: Runyard sends nobody anything about its use, whatever is asked for.

    Example:
        >>> set_diagnostics_collection(send_diagnostics=False)
    """


def _check_rest(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name in _NEUTRAL and value not in _NEUTRAL[name]:
            raise NotImplementedHere(
                f"{name}={value!r} has no counterpart in Runyard: a job is one process. Submit a "
                "ScriptRunConfig with a command= that starts the others, as torchrun."
            )
    unknown = sorted(options.keys() - _NEUTRAL.keys() - _IGNORED - _OF_ENVIRONMENT)
    if unknown:
        raise TypeError(f"an estimator got unexpected keyword arguments: {', '.join(unknown)}")


_OF_ENVIRONMENT = frozenset({
    "conda_dependencies_file", "conda_packages", "custom_docker_image", "environment_variables",
    "framework_version", "pip_packages", "pip_requirements_file", "user_managed",
})  # fmt: skip


def _checked_inputs(inputs: Sequence[DatasetConsumptionConfig] | None) -> list[DatasetConsumptionConfig]:
    given = listed(inputs or (), "inputs")
    for each in given:
        if not isinstance(each, DatasetConsumptionConfig):
            raise InvalidParameter(
                f"inputs has a {type(each).__name__}; give dataset.as_named_input('name') there."
            )
    return list(given)


def _words(script_params: Mapping[str, object]) -> Sequence[object]:
    if not isinstance(script_params, Mapping):
        raise InvalidParameter(
            f"script_params must be names and values, as {{'--alpha': 0.1}}, not {script_params!r}."
        )
    return [word for pair in script_params.items() for word in pair if word != ""]
