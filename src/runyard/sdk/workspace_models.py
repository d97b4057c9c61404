"""What a workspace has for registered models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.model import Model

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace


@names_arguments
class Models(Mapping[str, Model]):
    """The latest version of each registered model by name; nothing is kept, each look is a request.

    Example:
        >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
        >>> ws.models["ridge"].version
        1
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __getitem__(self, name: str) -> Model:
        return Model(self._workspace, name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({model.name for model in Model.list(self._workspace, latest=True)}))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Models({list(self)})"


class HasModels:
    """What a workspace has for registered models."""

    @property
    def models(self: Any) -> Models:
        """The latest version of each registered model by name.

        Example:
            >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
            >>> ws.models["ridge"].version
            1
        """
        return Models(self)
