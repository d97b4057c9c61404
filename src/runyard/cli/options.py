"""The options that many commands share, and how they find their workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.addresses import default_url, server_url
from runyard.sdk.configuration import Configuration, find_configuration
from runyard.sdk.workspace import Workspace

Json = Annotated[bool, Parameter(name="--json", help="Print JSON.")]
RunId = Annotated[str, Parameter(help="The run's id.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Server:
    """Which server to ask."""

    url: Annotated[
        str | None,
        Parameter(help="Address of the server; by default that of the nearest configuration, or of yours."),
    ] = None

    def address(self) -> str:
        """Return the address that was given, or that of the nearest configuration, or the default."""
        if self.url:
            return server_url(self.url)
        return nearest_configuration().runyard_url or default_url()


@Parameter(name="*")
@dataclass(frozen=True)
class Place(Server):
    """Which workspace to look at."""

    workspace: Annotated[str | None, Parameter(name=["--workspace", "-w"], help="Name of the workspace.")] = (
        None
    )

    def name(self) -> str:
        """Return the name that was given, or that of the nearest configuration, or `default`."""
        if self.workspace:
            return self.workspace
        return "default" if self.url else nearest_configuration().workspace_name

    def open(self) -> Workspace:
        """Open the workspace."""
        return Workspace.get(self.name(), url=self.address())


def pair_of(text: str, what: str = "tag", form: str = "KEY=VALUE") -> tuple[str, str]:
    """Return the key and the value of what a person wrote with an equals sign between them.

    Args:
        text: What was written.
        what: What it is, for the error.
        form: How it is written, as the help of the option has it.

    Raises:
        InvalidParameter: It has no equals sign, or nothing before it.
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidParameter(f"A {what} has the form {form}, not {text!r}.")
    return key, value


THIS_SERVER = Server()
HERE = Place()


def nearest_configuration() -> Configuration:
    """Return the nearest configuration, or one for the default workspace when there is none."""
    try:
        return find_configuration()
    except NotFound:
        return Configuration("default")
