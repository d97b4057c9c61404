"""The parts of an environment as Azure's first SDK has them: ``env.python`` and ``env.docker``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.environments import WireDocker, WirePython
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.conda_dependencies import CondaDependencies
from runyard.sdk.yaml_text import read_small_file

_MOST_OF_A_PATH = 1_000


class PythonSection:
    """Which Python runs, and with which packages.

    Args:
        conda_dependencies: What is installed; by default nothing is said.
        user_managed_dependencies: Whether the interpreter is there already, with all that is needed.
        interpreter_path: That interpreter.

    Example:
        >>> python = PythonSection()
        >>> python.conda_dependencies.add_pip_package("numpy")
        >>> python
        PythonSection(CondaDependencies(python=None, 1 from conda, 1 from pip))
    """

    __slots__ = ("conda_dependencies", "interpreter_path", "user_managed_dependencies")

    def __init__(
        self,
        conda_dependencies: CondaDependencies | None = None,
        user_managed_dependencies: bool = False,
        interpreter_path: str = "python",
    ) -> None:
        self.conda_dependencies = conda_dependencies or CondaDependencies()
        self.user_managed_dependencies = user_managed_dependencies
        self.interpreter_path = interpreter_path

    @property
    def conda_dependencies_file(self) -> None:
        """A conda file, which is read when it is set."""
        return

    @conda_dependencies_file.setter
    def conda_dependencies_file(self, path: str | os.PathLike[str] | None) -> None:
        if path is not None:
            self.conda_dependencies = CondaDependencies(path)

    def _wire(self) -> WirePython:
        return WirePython(
            user_managed=bool(self.user_managed_dependencies),
            interpreter=str(self.interpreter_path),
            conda=self.conda_dependencies._wire(),
        )

    @classmethod
    def _of(cls, wire: WirePython) -> PythonSection:
        return cls(CondaDependencies._of(wire.conda), wire.user_managed, wire.interpreter)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PythonSection) and self._wire() == other._wire()

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        if self.user_managed_dependencies:
            return f"PythonSection(interpreter_path={self.interpreter_path!r})"
        return f"PythonSection({self.conda_dependencies!r})"


@names_arguments
@dataclass(slots=True)
class ContainerRegistry:
    """Where the image of a container is pulled from.

    The machine of a run logs in to it with what it knows (``docker login``): environments hold no secrets.

    Args:
        address: Its host, as ``registry.example.org``.
        username: Must stay empty.
        password: Must stay empty.

    Example:
        >>> from runyard.sdk.environment_sections import ContainerRegistry
        >>> registry = ContainerRegistry("registry.example.org")
        >>> env = Environment.from_docker_image("training", "lab/base:2", registry)
        >>> env.docker.base_image_registry.address
        'registry.example.org'
    """

    address: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class DockerSection:
    """The container that Python runs in; none unless an image or a Dockerfile is named.

    Args:
        base_image: Name of an image.
        base_dockerfile: The text of a Dockerfile, or the path of one on this machine.
        shm_size: How much shared memory it gets, as ``2g``.
        base_image_registry: Where the image is pulled from, where its name doesn't say that.
        enabled: Taken for Azure's scripts; no effect.
        shared_volumes: As ``enabled``.
        gpu_support: As ``enabled``.

    Example:
        >>> docker = DockerSection(base_image="python:3.11-slim")
    """

    base_image: str | None = None
    base_dockerfile: str | None = None
    shm_size: str | None = None
    base_image_registry: ContainerRegistry = field(default_factory=ContainerRegistry)
    enabled: bool | None = field(default=None, repr=False, compare=False)
    shared_volumes: bool = field(default=True, repr=False, compare=False)
    gpu_support: bool | None = field(default=None, repr=False, compare=False)

    @property
    def arguments(self) -> list[str]:
        """Options for ``docker run``, of which an environment has none."""
        return []

    @arguments.setter
    def arguments(self, wanted: list[str]) -> None:
        if wanted:
            raise NotImplementedHere(
                "An environment has no options for `docker run`: who registers one must not open the machine "
                "of a run to its code. Use shm_size, or say it where the machine is set up."
            )

    def _wire(self) -> WireDocker:
        return WireDocker(
            image=self._image(), dockerfile=_dockerfile(self.base_dockerfile), shm_size=self.shm_size or ""
        )

    def _image(self) -> str:
        image, registry = self.base_image or "", self.base_image_registry
        if registry.username or registry.password:
            raise InvalidParameter(
                "docker.base_image_registry has a username or a password, and environments hold no secrets. "
                "Log the machine of the run in to the registry (docker login)."
            )
        address = (registry.address or "").removeprefix("https://").rstrip("/")
        return f"{address}/{image}" if address and image and not image.startswith(f"{address}/") else image

    @classmethod
    def _of(cls, wire: WireDocker) -> DockerSection:
        return cls(wire.image or None, wire.dockerfile or None, wire.shm_size or None)


def _dockerfile(said: str | None) -> str:
    """Return the text of a Dockerfile that is given as such or as a path."""
    text = said or ""
    is_path = text and "\n" not in text and len(text) < _MOST_OF_A_PATH and Path(text).is_file()
    return read_small_file(text) if is_path else text
