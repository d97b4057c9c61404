"""Runyard's own routes about environments."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.environments import (
    ChangeEnvironment,
    EnvironmentAnswer,
    GetEnvironment,
    ListEnvironments,
    ListEnvironmentsAnswer,
    ListEnvironmentVersionsAnswer,
    RegisteredEnvironmentAnswer,
    RegisterEnvironment,
    environment_spec,
    wire_environment,
)
from runyard.server.routing import Routes
from runyard.services import environments
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/environments"


@routes.get(_BASE, permits=Permission.READ, summary="List the environments of a workspace, by name.")
def list_environments(call: Call, body: ListEnvironments) -> ListEnvironmentsAnswer:
    """Answer a page of environments in their latest versions."""
    page = environments.list_environments(
        call, body.max_results, body.page_token, with_archived=body.with_archived
    )
    curated = environments.curated_environments() if not body.page_token else []
    return ListEnvironmentsAnswer(
        environments=[wire_environment(each) for each in page.items],
        curated=[wire_environment(each) for each in curated],
        next_page_token=page.next_token,
    )


@routes.post(
    _BASE,
    permits=Permission.CONTRIBUTE,
    summary="Register an environment; the same content again is the same version.",
)
def register_environment(call: Call, body: RegisterEnvironment) -> RegisteredEnvironmentAnswer:
    """Keep a version of an environment."""
    spec = environment_spec(body.python, body.docker, body.variables)
    made = environments.register_environment(call, body.name, spec, body.description, body.tags)
    return RegisteredEnvironmentAnswer(environment=wire_environment(made.environment), is_new=made.is_new)


@routes.get(
    f"{_BASE}/{{name}}",
    permits=Permission.READ,
    summary="Get a version of an environment, the one registered last unless it is named.",
)
def get_environment(call: Call, body: GetEnvironment, name: str) -> EnvironmentAnswer:
    """Answer one version."""
    found = environments.get_environment(call, name, body.version)
    return EnvironmentAnswer(environment=wire_environment(found))


@routes.get(
    f"{_BASE}/{{name}}/versions", permits=Permission.READ, summary="List the versions of an environment."
)
def list_versions(call: Call, body: ListEnvironments, name: str) -> ListEnvironmentVersionsAnswer:
    """Answer a page of versions."""
    page = environments.list_versions(call, name, body.max_results, body.page_token)
    return ListEnvironmentVersionsAnswer(
        environments=[wire_environment(each) for each in page.items], next_page_token=page.next_token
    )


@routes.patch(
    f"{_BASE}/{{name}}",
    permits=Permission.CONTRIBUTE,
    is_audited=True,
    summary="Describe, tag, archive or restore an environment.",
)
def change_environment(call: Call, body: ChangeEnvironment, name: str) -> EnvironmentAnswer:
    """Change what is said of all versions."""
    changed = environments.change_environment(call, name, body.description, body.tags, body.is_archived)
    return EnvironmentAnswer(environment=wire_environment(changed))
