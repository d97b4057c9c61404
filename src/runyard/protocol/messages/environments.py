"""Runyard's own messages about environments."""

from __future__ import annotations

from msgspec import field

from runyard.entities.environment import CondaSpec, DockerSpec, Environment, EnvironmentSpec, PythonSpec
from runyard.protocol.messages.common import Int64, Wire


class WireConda(Wire, omit_defaults=False):
    """What conda and pip install: conda's channels and packages, and pip's lines."""

    channels: list[str] = []
    packages: list[str] = []
    pip: list[str] = []


class WirePython(Wire, omit_defaults=False):
    """Which Python runs; nothing is installed where ``user_managed`` says that all is there."""

    user_managed: bool = False
    interpreter: str = "python"
    conda: WireConda = field(default_factory=WireConda)


class WireDocker(Wire, omit_defaults=False):
    """The container: the name of an image or the text of a Dockerfile, or neither."""

    image: str = ""
    dockerfile: str = ""
    shm_size: str = ""


class RegisterEnvironment(Wire):
    """Body of ``POST /api/v1/environments``.

    Description and tags are of the environment with all its versions; left out they stay as they are.
    """

    name: str
    python: WirePython = field(default_factory=WirePython)
    docker: WireDocker = field(default_factory=WireDocker)
    variables: dict[str, str] = {}
    description: str | None = None
    tags: dict[str, str] | None = None


class GetEnvironment(Wire):
    """Query of ``GET /api/v1/environments/{name}``; without a version it is the one registered last."""

    version: Int64 | None = None


class ListEnvironments(Wire):
    """Query of ``GET /api/v1/environments`` and of ``GET /api/v1/environments/{name}/versions``."""

    max_results: Int64 = 100
    page_token: str | None = None
    with_archived: bool = False


class ChangeEnvironment(Wire):
    """Body of ``PATCH /api/v1/environments/{name}``; what is left out stays as it is."""

    description: str | None = None
    tags: dict[str, str] | None = None
    is_archived: bool | None = None


class WireEnvironment(Wire, omit_defaults=False):
    """A version of an environment."""

    name: str
    version: int
    latest_version: int
    python: WirePython
    docker: WireDocker
    variables: dict[str, str]
    description: str
    tags: dict[str, str]
    is_archived: bool
    is_curated: bool
    created_ms: int
    created_by: str


class EnvironmentAnswer(Wire, omit_defaults=False):
    """One version of an environment."""

    environment: WireEnvironment


class RegisteredEnvironmentAnswer(Wire, omit_defaults=False):
    """What was registered; ``is_new`` is false where it is a version that was there."""

    environment: WireEnvironment
    is_new: bool


class ListEnvironmentsAnswer(Wire, omit_defaults=False):
    """A page of the workspace's environments; the first page tells of those that come with the server too."""

    environments: list[WireEnvironment]
    curated: list[WireEnvironment] = []
    next_page_token: str | None = None


class ListEnvironmentVersionsAnswer(Wire, omit_defaults=False):
    """A page of versions of an environment, the highest number first."""

    environments: list[WireEnvironment]
    next_page_token: str | None = None


def environment_spec(python: WirePython, docker: WireDocker, variables: dict[str, str]) -> EnvironmentSpec:
    """Return what a message says of an environment."""
    conda = CondaSpec(tuple(python.conda.channels), tuple(python.conda.packages), tuple(python.conda.pip))
    return EnvironmentSpec(
        PythonSpec(python.user_managed, python.interpreter, conda),
        DockerSpec(docker.image, docker.dockerfile, docker.shm_size),
        variables,
    )


def wire_python(python: PythonSpec) -> WirePython:
    """Return which Python runs, as Runyard writes it."""
    conda = python.conda
    return WirePython(
        user_managed=python.is_user_managed,
        interpreter=python.interpreter,
        conda=WireConda(channels=list(conda.channels), packages=list(conda.packages), pip=list(conda.pip)),
    )


def wire_docker(docker: DockerSpec) -> WireDocker:
    """Return a container as Runyard writes it."""
    return WireDocker(image=docker.image, dockerfile=docker.dockerfile, shm_size=docker.shm_size)


def wire_environment(environment: Environment) -> WireEnvironment:
    """Return an environment as Runyard writes it."""
    return WireEnvironment(
        name=environment.name,
        version=environment.version,
        latest_version=environment.latest_version,
        python=wire_python(environment.spec.python),
        docker=wire_docker(environment.spec.docker),
        variables=dict(environment.spec.variables),
        description=environment.description,
        tags=dict(environment.tags),
        is_archived=environment.is_archived,
        is_curated=environment.is_curated,
        created_ms=environment.created_ms,
        created_by=environment.created_by,
    )
