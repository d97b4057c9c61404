"""What can be done with environments: register versions, get, list, describe, archive."""

from __future__ import annotations

import re
from collections.abc import Mapping

from runyard.entities.curated_environments import CURATED
from runyard.entities.environment import CURATED_PREFIX, DockerSpec, Environment, EnvironmentSpec, PythonSpec
from runyard.errors import Forbidden, InvalidParameter, InvalidState, NotFound
from runyard.protocol import asset_limits as limits
from runyard.protocol.limits import check_length, check_page_size
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.protocol.wire import invalid
from runyard.services.call import Call
from runyard.stores.metadata.base_environments import Registered

MAX_PAGE = 1_000
MAX_CHANNELS = 100
MAX_PACKAGES = 1_000
MAX_CHANNEL_LENGTH = 1_000
MAX_PACKAGE_LENGTH = 2_000
MAX_INTERPRETER_LENGTH = 1_000
MAX_IMAGE_LENGTH = 1_000
MAX_DOCKERFILE_LENGTH = 100_000
MAX_VARIABLES = 200
MAX_VARIABLE_NAME_LENGTH = 250
MAX_VARIABLE_LENGTH = 10_000
MAX_CONTENT_LENGTH = 1_000_000

_AZURE_PREFIXES = ("azureml-", "microsoft")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHM_SIZE = re.compile(r"[1-9][0-9]{0,11}[bkmgBKMG]?")
_FROM = re.compile(r"^[ \t]*FROM[ \t]", re.IGNORECASE | re.MULTILINE)
_PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def register_environment(
    call: Call,
    name: str,
    spec: EnvironmentSpec,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Registered:
    """Keep an environment as the next version of its name, or return the version that it is already.

    Raises:
        InvalidParameter: The name or a part of it can't be.
        Forbidden: The name is one of those that come with the server, or of Azure's.
        InvalidState: The environment is archived.
    """
    _check_own_name(name)
    check_spec(spec)
    limits.check_described(description, tags)
    store, workspace = call.stores.metadata.environments, call.workspace.name
    made = Environment(
        workspace=workspace,
        name=name,
        version=0,
        spec=spec,
        created_ms=call.now_ms(),
        created_by="" if call.caller is None else call.caller.name,
    )
    with call.stores.atomic():
        registered = store.register(made)
        if registered.environment.is_archived:
            raise InvalidState(f"Environment '{name}' is archived. Restore it to register a version of it.")
        _describe(call, registered.environment, description, tags)
        found = store.get_environment(workspace, name, registered.environment.version)
    return Registered(found, registered.is_new)


def get_environment(call: Call, name: str, version: int | None = None) -> Environment:
    """Return a version of an environment, the one registered last unless it is named.

    Raises:
        InvalidParameter: No environment can have this name.
        NotFound: Neither the workspace nor the server has it.
    """
    limits.check_environment_name(name)
    if _is_curated(name):
        return _curated(name, version)
    try:
        return call.stores.metadata.environments.get_environment(call.workspace.name, name, version)
    except NotFound as error:
        if not name.lower().startswith(_AZURE_PREFIXES):
            raise
        raise NotFound(
            f"{error.message} Azure's own environments are not here; those that come with this server are "
            f"{', '.join(each.name for each in CURATED)}."
        ) from None


def list_environments(
    call: Call, limit: int, page_token: str | None, *, with_archived: bool = False
) -> Page[Environment]:
    """Return a page of the workspace's own environments in their latest versions, by name."""
    check_page_size(limit, MAX_PAGE)
    offset = parse_page_token(page_token)
    found = call.stores.metadata.environments.list_environments(
        call.workspace.name, limit + 1, offset, with_archived=with_archived
    )
    return page_of(found, limit, offset)


def curated_environments() -> list[Environment]:
    """Return the environments that come with the server, each in its last version, by name."""
    return list({each.name: each for each in CURATED}.values())


def list_versions(call: Call, name: str, limit: int, page_token: str | None) -> Page[Environment]:
    """Return a page of an environment's versions, the highest number first.

    Raises:
        NotFound: Neither the workspace nor the server has it.
    """
    limits.check_environment_name(name)
    check_page_size(limit, MAX_PAGE)
    offset = parse_page_token(page_token)
    if _is_curated(name):
        _curated(name, None)
        found = [each for each in reversed(CURATED) if each.name == name][offset:]
    else:
        store = call.stores.metadata.environments
        found = store.list_versions(call.workspace.name, name, limit + 1, offset)
    return page_of(found, limit, offset)


def change_environment(
    call: Call, name: str, description: str | None, tags: Mapping[str, str] | None, is_archived: bool | None
) -> Environment:
    """Change what is said of an environment, archive it or bring it back; return its latest version.

    Raises:
        Forbidden: It comes with the server.
        NotFound: The workspace has no such environment.
    """
    _check_own_name(name)
    limits.check_described(description, tags)
    store, workspace = call.stores.metadata.environments, call.workspace.name
    with call.stores.atomic():
        found = store.get_environment(workspace, name)
        _describe(call, found, description, tags)
        if is_archived is not None:
            store.archive(workspace, name, call.now_ms(), is_archived=is_archived)
        return store.get_environment(workspace, name)


def check_spec(spec: EnvironmentSpec) -> None:
    """Refuse an environment with a part that can't be.

    Raises:
        InvalidParameter: Names the part, and what it may be.
    """
    _check_python(spec.python)
    _check_docker(spec.docker)
    limits.check_count(spec.variables, MAX_VARIABLES, "variables")
    for name, value in spec.variables.items():
        if _VARIABLE.fullmatch(name) is None or len(name) > MAX_VARIABLE_NAME_LENGTH:
            raise invalid(
                "variables",
                name[:300],
                f"A name has letters, digits and '_', at most {MAX_VARIABLE_NAME_LENGTH}, no digit first.",
            )
        check_length(value, MAX_VARIABLE_LENGTH, f"variables.{name}")
    check_length(spec.as_json(), MAX_CONTENT_LENGTH, "environment")


def _check_python(python: PythonSpec) -> None:
    limits.check_line(python.interpreter, MAX_INTERPRETER_LENGTH, "python.interpreter")
    conda = python.conda
    limits.check_count(conda.channels, MAX_CHANNELS, "python.conda.channels")
    limits.check_count(conda.packages, MAX_PACKAGES, "python.conda.packages")
    limits.check_count(conda.pip, MAX_PACKAGES, "python.conda.pip")
    for channel in conda.channels:
        limits.check_line(channel, MAX_CHANNEL_LENGTH, "python.conda.channels")
        _check_no_password(channel, "python.conda.channels")
    for package in conda.packages:
        limits.check_line(package, MAX_PACKAGE_LENGTH, "python.conda.packages")
    for line in conda.pip:
        limits.check_line(line, MAX_PACKAGE_LENGTH, "python.conda.pip")
        _check_no_password(line, "python.conda.pip")
        limits.check_requirement(line, "python.conda.pip")


def _check_docker(docker: DockerSpec) -> None:
    if docker.image and docker.dockerfile:
        raise InvalidParameter("'docker' may have an 'image' or a 'dockerfile', not both.")
    check_length(docker.dockerfile, MAX_DOCKERFILE_LENGTH, "docker.dockerfile")
    if docker.dockerfile and _FROM.search(docker.dockerfile) is None:
        raise invalid(
            "docker.dockerfile", docker.dockerfile[:100], "The text of a Dockerfile has an instruction FROM."
        )
    if docker.image:
        limits.check_line(docker.image, MAX_IMAGE_LENGTH, "docker.image")
        _check_no_password(docker.image, "docker.image")
        if " " in docker.image or docker.image.startswith("-"):
            raise invalid("docker.image", docker.image, "The name of an image is expected, as 'python:3.11'.")
    if docker.shm_size and _SHM_SIZE.fullmatch(docker.shm_size) is None:
        raise invalid("docker.shm_size", docker.shm_size[:100], "A size as '2g' or '512m' is expected.")


def _check_no_password(text: str, field: str) -> None:
    if _PASSWORD.search(text):
        raise InvalidParameter(
            f"'{field}' holds an address with a password, which all who read the workspace could read. "
            "Leave it out, and let the machine of the run know it."
        )


def _describe(
    call: Call, found: Environment, description: str | None, tags: Mapping[str, str] | None
) -> None:
    if description is None and tags is None:
        return
    call.stores.metadata.environments.describe(
        found.workspace,
        found.name,
        found.description if description is None else description,
        found.tags if tags is None else tags,
        call.now_ms(),
    )


def _check_own_name(name: str) -> None:
    limits.check_environment_name(name)
    if _is_curated(name) or name.lower().startswith(_AZURE_PREFIXES):
        raise Forbidden(
            f"Names that begin with '{CURATED_PREFIX}', 'AzureML-' or 'Microsoft' are taken: {name!r}. "
            "Clone the environment under a name of your own."
        )


def _is_curated(name: str) -> bool:
    return name.lower().startswith(CURATED_PREFIX.lower())


def _curated(name: str, version: int | None) -> Environment:
    versions = {each.version: each for each in CURATED if each.name == name}
    found = versions.get(max(versions, default=0) if version is None else version)
    if found is None:
        which = f"environment '{name}'" if version is None else f"version {version} of environment '{name}'"
        names = ", ".join(each.name for each in curated_environments())
        raise NotFound(f"No {which} comes with this server, but {names}.")
    return found
