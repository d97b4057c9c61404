"""Targets of a workspace on the Ray cluster that a person has started on this machine."""

from __future__ import annotations

import sys
from dataclasses import replace
from urllib.parse import urlsplit

from runyard.cli.ray_head import ADDRESS, RayHead
from runyard.entities.compute_target import FOR_POOLS, RAY
from runyard.errors import InvalidParameter
from runyard.sdk.addresses import home_folder, is_loopback
from runyard.sdk.compute import ComputeTarget
from runyard.sdk.compute_configuration import TargetConfiguration
from runyard.sdk.workspace import Workspace


def create_ray(workspace: Workspace, name: str, wanted: TargetConfiguration) -> ComputeTarget:
    """Start a Ray cluster on this machine, if it does not run, and return a new target of it.

    Raises:
        InvalidParameter: The server is on another machine, or the target can't be.
        AlreadyExists: There is one of that name.
        Unavailable: There is no Ray beside this Python, or it does not start.
    """
    server = urlsplit(workspace.url)
    if not is_loopback(workspace.url):
        raise InvalidParameter(
            f"The server at {server.netloc} is not on this machine, and Ray's dashboard listens on this one "
            "alone. Start Ray with `ray start --head`, and attach it: `runyard compute attach --kind ray`."
        )
    head = RayHead(home_folder() / "ray")
    was_running = head.is_running
    head.start()
    settings = {
        **wanted.settings,
        "address": ADDRESS,
        "server_url": f"{server.scheme}://{server.netloc}",
        "python": sys.executable,
    }
    told = replace(
        wanted,
        kind=RAY,
        tags={FOR_POOLS: "true", **wanted.tags},
        settings=settings,
        credential={"token": head.token},
    )
    try:
        return ComputeTarget.create(workspace, name, told)
    except BaseException:
        if not was_running:
            head.stop()
        raise


def end_ray_of(deleted: ComputeTarget) -> bool:
    """End the cluster of this machine if a target that was deleted was its last; return whether it was."""
    head = RayHead(home_folder() / "ray")
    if not _is_of_it(deleted) or not head.is_running:
        return False
    if any(_is_of_it(each) for each in ComputeTarget.list(deleted.workspace) if each != deleted):
        return False
    head.stop()
    return True


def _is_of_it(target: ComputeTarget) -> bool:
    return target.record.kind == RAY and target.record.settings.get("address") == ADDRESS
