"""What may be said anew of an environment that is registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runyard.protocol.messages.environments import ChangeEnvironment, WireEnvironment
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_text, pairs
from runyard.sdk.environment_records import change_record

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class EnvironmentChanges:
    """An environment as what is said of it."""

    name: str
    description: str | None
    tags: dict[str, str] | None
    _record: WireEnvironment | None

    def update(
        self, workspace: Workspace, description: str | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Change what is said of this environment on the server; what is left out stays as it is.

        Args:
            workspace: Where it is registered.
            description: What it is for.
            tags: Free key and value pairs, in place of those that it has.

        Raises:
            NotFound: The workspace has no such environment.

        Example:
            >>> env = env.register(ws)
            >>> env.update(ws, description="For the nightly training.")
            >>> Environment.get(ws, "training").description
            'For the nightly training.'
        """
        wanted = ChangeEnvironment(
            description=optional_text(description, "description"),
            tags=None if tags is None else dict(pairs(tags, "tags")),
        )
        self._record = change_record(workspace, self.name, wanted)
        self.description, self.tags = self._record.description, self._record.tags
