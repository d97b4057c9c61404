"""An environment: what a run's code needs around it, kept by name and in versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

CURATED_PREFIX = "Runyard-"
"""How the names begin of the environments that come with the server."""


@dataclass(frozen=True, slots=True)
class CondaSpec:
    """What conda and pip are to install.

    Args:
        channels: Where conda looks, the first one first.
        packages: What conda installs, Python itself among it, as ``numpy>=2``.
        pip: Lines as in a file of requirements.
    """

    channels: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PythonSpec:
    """Which Python runs, and with what.

    Args:
        is_user_managed: Nothing is installed: the interpreter is there, with all that is needed.
        interpreter: That interpreter, a path or a word that the machine of the run understands.
        conda: What is installed otherwise.
    """

    is_user_managed: bool = False
    interpreter: str = "python"
    conda: CondaSpec = field(default_factory=CondaSpec)


@dataclass(frozen=True, slots=True)
class DockerSpec:
    """The container that Python runs in; none where both are empty, and never both.

    Args:
        image: Name of an image.
        dockerfile: The text of a Dockerfile to make one of.
        shm_size: How much shared memory it gets, as ``2g``; empty for what Docker gives.
    """

    image: str = ""
    dockerfile: str = ""
    shm_size: str = ""


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """All that makes two environments differ."""

    python: PythonSpec = field(default_factory=PythonSpec)
    docker: DockerSpec = field(default_factory=DockerSpec)
    variables: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return it as JSON that is the same text for the same environment."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def sha256(self) -> str:
        """Return a hash that is the same for the same environment alone."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Environment:
    """A version of an environment.

    Args:
        workspace: Where it is kept; empty for one that comes with the server.
        name: Its name, unique in the workspace.
        version: Counts up from 1.
        spec: What it is.
        created_ms: When this version was registered first.
        created_by: By whom.
        description: What it is for; of all versions.
        tags: Free key and value pairs; of all versions.
        is_archived: Whether it is kept for old runs alone: lists leave it out.
        latest_version: The version that was registered last.
    """

    workspace: str
    name: str
    version: int
    spec: EnvironmentSpec
    created_ms: int
    created_by: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    is_archived: bool = False
    latest_version: int = 0

    @property
    def is_curated(self) -> bool:
        """Whether it comes with the server."""
        return not self.workspace
