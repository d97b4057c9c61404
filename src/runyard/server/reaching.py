"""Whether a caller may use a route, where they have it only in parts of a workspace."""

from __future__ import annotations

from collections.abc import Mapping

from runyard.auth.permissions import Caller, Open, Permission, authorize
from runyard.errors import Forbidden
from runyard.server.asked import SAFE_METHODS
from runyard.server.routing import Route
from runyard.services.call import Call
from runyard.services.job_reach import check_reach_of_job
from runyard.services.reach import check_reach


def authorize_route(caller: Caller | None, route: Route, workspace: str) -> None:
    """Return if somebody may use a route in a workspace, or in a part of it.

    Raises:
        Unauthenticated: The route needs a credential and none came.
        Forbidden: Their credential or their roles do not allow this, whatever exists.
    """
    is_own_business = route.permits is Permission.IDENTIFY and route.method not in SAFE_METHODS
    if caller is not None and caller.job is not None and is_own_business:
        # What people do for themselves gives them credentials, and these would outlive the job.
        raise Forbidden("The code of a job makes no credentials; it has its own for as long as it lives.")
    authorize(caller, route.permits, workspace, in_part=route.of is not None, for_jobs=route.for_jobs)


def has_whole(call: Call, route: Route) -> bool:
    """Whether the caller has the route's permission in the whole workspace, as most have."""
    permits, caller = route.permits, call.caller
    return caller is None or isinstance(permits, Open) or caller.may(permits, call.workspace.name)


def check_part(call: Call, route: Route, asked: Mapping[str, object]) -> None:
    """Return if a caller with roles in single experiments, or a job, may ask a route for what is named.

    Raises:
        Forbidden: They may not.
    """
    if route.of is None or isinstance(route.permits, Open):
        return
    if call.caller is not None and call.caller.job is not None and not route.for_jobs:
        check_reach_of_job(call, call.caller.job, route.permits, route.of, asked)
    else:
        check_reach(call, route.permits, route.of, asked)
