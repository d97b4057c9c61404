"""What conda and pip install into an environment, as Azure's first SDK has it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runyard.errors import InvalidParameter
from runyard.protocol.asset_limits import check_requirement
from runyard.protocol.messages.environments import WireConda
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed
from runyard.sdk.yaml_text import parse_yaml, read_small_file, texts, yaml_lines

FILE_NAME = "conda_dependencies.yml"

_BASE_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\]\s*)?(?:[<>=!~;@\s].*)?")
_PYTHON = re.compile(r"python\s*(?:={1,2}\s*([^=\s]+).*)?", re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s)#.*$")


@names_arguments
class CondaDependencies:
    """The packages of an environment: conda's, and pip's in a part of its own.

    Args:
        conda_dependencies_file_path: A conda file to begin with; by default there is nothing in it.

    Raises:
        NotFound: The file is not there.
        InvalidParameter: The file is none of conda's.

    Example:
        >>> packages = CondaDependencies.create(pip_packages=["mlflow-skinny"], python_version="3.11")
        >>> packages.add_conda_package("scikit-learn>=1.6")
        >>> list(packages.conda_packages), list(packages.pip_packages)
        (['pip', 'scikit-learn>=1.6'], ['mlflow-skinny'])
    """

    def __init__(self, conda_dependencies_file_path: str | os.PathLike[str] | None = None) -> None:
        self._channels: list[str] = []
        self._packages: list[str] = []
        self._pip: list[str] = []
        self._variables: dict[str, str] = {}
        if conda_dependencies_file_path is not None:
            path = Path(conda_dependencies_file_path)
            self._read(read_small_file(path), repr(str(path)))

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Return dependencies with these packages.

        Args:
            pip_indexurl: Where pip looks for packages.
            pip_packages: What pip installs.
            conda_packages: What conda installs.
            python_version: Which Python; by default the one that runs this, as ``3.11``.
            pin_sdk_version: Taken for Azure's scripts; no effect.

        Example:
            >>> print(CondaDependencies.create(pip_packages=["numpy"], python_version="3.12"))
            channels:
              - conda-forge
            dependencies:
              - python=3.12
              - pip
              - pip:
                  - numpy
        """
        made = CondaDependencies()
        made.add_channel("conda-forge")
        made.set_python_version(python_version or f"{sys.version_info.major}.{sys.version_info.minor}")
        for package in listed(conda_packages or (), "conda_packages"):
            made.add_conda_package(package)
        if pip_indexurl is not None:
            made._pip.append(f"--index-url {pip_indexurl}")
        for package in listed(pip_packages or (), "pip_packages"):
            made.add_pip_package(package)
        return made

    def add_channel(self, channel: str) -> None:
        """Let conda look in a channel too, after those that there are.

        Example:
            >>> conda = CondaDependencies.create()
            >>> conda.add_channel("pytorch")
            >>> list(conda.conda_channels)
            ['conda-forge', 'pytorch']
        """
        if _text(channel, "channel") not in self._channels:
            self._channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Don't let conda look in a channel; one that is not there is passed over.

        Example:
            >>> conda = CondaDependencies.create()
            >>> conda.remove_channel("conda-forge")
            >>> list(conda.conda_channels)
            []
        """
        self._channels = [each for each in self._channels if each != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Let conda install a package, in place of another version of it.

        Example:
            >>> conda = CondaDependencies.create(conda_packages=["scikit-learn"])
            >>> conda.add_conda_package("scikit-learn>=1.6")
            >>> list(conda.conda_packages)
            ['scikit-learn>=1.6']
        """
        name = base_name(_text(conda_package, "conda_package"))
        _put(self._packages, conda_package, name)

    def remove_conda_package(self, conda_package: str) -> None:
        """Don't let conda install a package, whatever the version; one that is not there is passed over.

        Example:
            >>> conda = CondaDependencies.create(conda_packages=["scikit-learn>=1.6"])
            >>> conda.remove_conda_package("scikit-learn")
            >>> list(conda.conda_packages)
            []
        """
        name = base_name(conda_package)
        self._packages = [each for each in self._packages if base_name(each) != name]

    def add_pip_package(self, pip_package: str) -> None:
        """Let pip install a package, in place of another version of it.

        Example:
            >>> conda = CondaDependencies.create(pip_packages=["mlflow-skinny"])
            >>> conda.add_pip_package("mlflow-skinny==3.17.2")
            >>> list(conda.pip_packages)
            ['mlflow-skinny==3.17.2']
        """
        name = base_name(_text(pip_package, "pip_package"))
        _put(self._pip, pip_package, name)
        if not any(base_name(each) == "pip" for each in self._packages):
            self._packages.append("pip")

    def remove_pip_package(self, pip_package: str) -> None:
        """Don't let pip install a package, whatever the version; one that is not there is passed over.

        Example:
            >>> conda = CondaDependencies.create(pip_packages=["mlflow-skinny==3.17.2"])
            >>> conda.remove_pip_package("mlflow-skinny")
            >>> list(conda.pip_packages)
            []
        """
        name = base_name(pip_package)
        self._pip = [each for each in self._pip if base_name(each) != name]

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Let pip install the lines of a file of requirements, in place of all that it was to install.

        Raises:
            InvalidParameter: A line names another file of this machine.

        Example:
            >>> conda = CondaDependencies()
            >>> conda.set_pip_requirements(["numpy  # for arrays", "pandas>=2"])
            >>> list(conda.pip_packages)
            ['numpy', 'pandas>=2']
        """
        self._pip = []
        for line in listed(pip_requirements, "pip_requirements"):
            wanted = _COMMENT.sub("", line).strip()
            check_requirement(wanted, "pip_requirements")
            if wanted.startswith("-"):
                self._pip.append(wanted)
            elif wanted:
                self.add_pip_package(wanted)

    def set_python_version(self, version: str) -> None:
        """Say which Python conda installs, as ``3.11``.

        Example:
            >>> conda = CondaDependencies()
            >>> conda.set_python_version("3.12")
            >>> conda.get_python_version()
            '3.12'
        """
        wanted = f"python={_text(version, 'version')}"
        others = [each for each in self._packages if base_name(each) != "python"]
        self._packages = [wanted, *others]

    def get_python_version(self) -> str | None:
        """Return which Python conda installs; None where it is not said.

        Example:
            >>> CondaDependencies.create(python_version="3.12").get_python_version()
            '3.12'
        """
        for package in self._packages:
            found = _PYTHON.fullmatch(package)
            if found is not None:
                return found[1]
        return None

    @property
    def conda_channels(self) -> Iterator[str]:
        """Where conda looks, the first one first.

        Example:
            >>> list(CondaDependencies.create().conda_channels)
            ['conda-forge']
        """
        return iter(list(self._channels))

    @property
    def conda_packages(self) -> Iterator[str]:
        """What conda installs, but for Python itself.

        Example:
            >>> list(CondaDependencies.create(conda_packages=["scipy"]).conda_packages)
            ['scipy']
        """
        return iter([each for each in self._packages if base_name(each) != "python"])

    @property
    def pip_packages(self) -> Iterator[str]:
        """What pip installs.

        Example:
            >>> list(CondaDependencies.create(pip_packages=["numpy"]).pip_packages)
            ['numpy']
        """
        return iter([each for each in self._pip if not each.startswith("-")])

    @property
    def pip_options(self) -> Iterator[str]:
        """What pip is told besides, as where it looks.

        Example:
            >>> conda = CondaDependencies()
            >>> conda.set_pip_requirements(["--pre", "numpy"])
            >>> list(conda.pip_options)
            ['--pre']
        """
        return iter([each for each in self._pip if each.startswith("-")])

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that the conda file set.

        Example:
            >>> CondaDependencies("environment.yml").variables
            {'OMP_NUM_THREADS': '4'}
        """
        return dict(self._variables)

    def as_dict(self) -> dict[str, Any]:
        """Return the dependencies as a conda file has them.

        Example:
            >>> CondaDependencies.create(pip_packages=["numpy"], python_version="3.12").as_dict()
            {'channels': ['conda-forge'], 'dependencies': ['python=3.12', 'pip', {'pip': ['numpy']}]}
        """
        packages: list[Any] = list(self._packages)
        if self._pip:
            packages.append({"pip": list(self._pip)})
        return {"channels": list(self._channels), "dependencies": packages}

    def serialize_to_string(self) -> str:
        """Return the dependencies as a conda file, in YAML.

        Example:
            >>> CondaDependencies("environment.yml").serialize_to_string().splitlines()[0]
            'channels:'
        """
        return "\n".join(yaml_lines(self.as_dict())) + "\n"

    def save(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write a conda file and return its path.

        Args:
            path: The file, or the folder of one by the name ``conda_dependencies.yml``; by default the
                working directory.

        Example:
            >>> CondaDependencies.create(pip_packages=["numpy"]).save("packages.yml")
            'packages.yml'
        """
        target = Path(path or ".")
        if target.is_dir():
            target /= FILE_NAME
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(target)

    def save_to_file(self, base_directory: str | os.PathLike[str], conda_file_path: str | None = None) -> str:
        """Write a conda file below a folder and return its path; see :meth:`save`.

        Example:
            >>> CondaDependencies.create(pip_packages=["numpy"]).save_to_file("settings")
            'settings/conda_dependencies.yml'
        """
        return self.save(Path(base_directory) / (conda_file_path or FILE_NAME))

    @classmethod
    def _of(cls, wire: WireConda) -> CondaDependencies:
        found = cls()
        found._channels, found._packages, found._pip = (
            list(wire.channels),
            list(wire.packages),
            list(wire.pip),
        )
        return found

    @classmethod
    def _parsed(cls, text: str, what: str) -> CondaDependencies:
        found = cls()
        found._read(text, what)
        return found

    def _wire(self) -> WireConda:
        return WireConda(channels=list(self._channels), packages=list(self._packages), pip=list(self._pip))

    def _read(self, text: str, what: str) -> None:
        content = parse_yaml(text, what)
        if "dependencies" not in content:
            raise InvalidParameter(f"{what} has no 'dependencies', so it is no file of conda's.")
        listed = content["dependencies"] or []
        if not isinstance(listed, list):
            raise InvalidParameter(f"'dependencies' in {what} must be a list.")
        for item in listed:
            if isinstance(item, dict) and set(item) == {"pip"}:
                self._pip += texts(item["pip"], f"'pip' in {what}")
            else:
                self._packages += texts([item], f"'dependencies' in {what}")
        self._channels = texts(content.get("channels"), f"'channels' in {what}")
        variables = content.get("variables") or {}
        if not isinstance(variables, dict):
            raise InvalidParameter(f"'variables' in {what} must be a mapping.")
        self._variables = {str(name): str(value) for name, value in variables.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment] # it changes

    def __str__(self) -> str:
        return self.serialize_to_string().rstrip()

    def __repr__(self) -> str:
        python = self.get_python_version()
        counts = f"{len(self._packages)} from conda, {len(list(self.pip_packages))} from pip"
        return f"CondaDependencies(python={python!r}, {counts})"


def base_name(package: str) -> str:
    """Return the name of a package without version and extras, as names are compared."""
    without_channel = package.rpartition("::")[2]
    found = _BASE_NAME.fullmatch(without_channel)
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else package.strip().lower()


def _put(packages: list[str], package: str, name: str) -> None:
    for index, each in enumerate(packages):
        if not each.startswith("-") and base_name(each) == name:
            packages[index] = package
            return
    packages.append(package)


def _text(value: object, name: str) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise InvalidParameter(f"{name} must be a text that is not empty, not {value!r}.")
