"""Registered models and prompts as a whole: their names, descriptions and aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runyard.entities.registered_model import IS_PROMPT_TAG
from runyard.protocol.messages.common import KeyValue
from runyard.protocol.messages.registered_models import (
    CreateRegisteredModel,
    ModelName,
    NamedAlias,
    RegisteredModelAnswer,
    SearchRegisteredModels,
    SearchRegisteredModelsAnswer,
    SetAlias,
    UpdateRegisteredModel,
    WireRegisteredModel,
)
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import pairs, text
from runyard.sdk.connection import Connection
from runyard.sdk.pages import pages

_MODELS = "/api/2.0/mlflow/registered-models"
_PROMPTS = f"tags.`{IS_PROMPT_TAG}` = 'true'"


@names_arguments
class RegisteredModels:
    """The names under which a workspace has models, or prompts, in versions.

    Args:
        connection: Reaches the workspace.

    Example:
        >>> made = ws.registered_models.create("ridge", description="Predicts a year ahead.")
        >>> [each.name for each in ws.registered_models.search()]
        ['ridge']
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(
        self, filter_text: str | None = None, *, prompts: bool = False
    ) -> Iterator[WireRegisteredModel]:
        """Yield registered models by name, each with the latest version and the aliases that it has.

        Args:
            filter_text: What to look for, in MLflow's grammar, as ``name LIKE 'rid%'``.
            prompts: The prompts in place of the models.

        Raises:
            InvalidFilter: The filter does not follow the grammar.

        Example:
            >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
            >>> [each.name for each in ws.registered_models.search("name = 'ridge'")]
            ['ridge']
        """
        conditions = " AND ".join(each for each in (_PROMPTS if prompts else None, filter_text) if each)

        def page(token: str | None) -> SearchRegisteredModelsAnswer:
            query = SearchRegisteredModels(filter=conditions or None, page_token=token)
            return self._connection.get(f"{_MODELS}/search", SearchRegisteredModelsAnswer, query)

        for answer in pages(page):
            yield from answer.registered_models or ()

    def get(self, name: str) -> WireRegisteredModel:
        """Return a registered model, or a prompt.

        Raises:
            NotFound: The workspace has none of that name.

        Example:
            >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
            >>> ws.registered_models.get("ridge").name
            'ridge'
        """
        query = ModelName(name=text(name, "name"))
        return self._connection.get(f"{_MODELS}/get", RegisteredModelAnswer, query).registered_model

    def create(
        self, name: str, *, description: str = "", tags: Mapping[str, str] | None = None
    ) -> WireRegisteredModel:
        """Make a registered model that has no version yet; :meth:`Model.register` makes one as need be.

        Raises:
            AlreadyExists: There is one of that name.
            InvalidParameter: No model can have this name.

        Example:
            >>> ws.registered_models.create("ridge", description="Predicts a year ahead.").description
            'Predicts a year ahead.'
        """
        marks = [KeyValue(key=str(key), value=str(value)) for key, value in pairs(tags or {}, "tags").items()]
        wanted = CreateRegisteredModel(
            name=text(name, "name"), tags=marks, description=text(description, "description")
        )
        return self._connection.post(f"{_MODELS}/create", wanted, RegisteredModelAnswer).registered_model

    def describe(self, name: str, description: str) -> WireRegisteredModel:
        """Say anew what a registered model is, and return it.

        Raises:
            NotFound: The workspace has none of that name.

        Example:
            >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
            >>> ws.registered_models.describe("ridge", "Predicts a year ahead.").description
            'Predicts a year ahead.'
        """
        wanted = UpdateRegisteredModel(name=text(name, "name"), description=text(description, "description"))
        answer = self._connection.change("PATCH", f"{_MODELS}/update", wanted, RegisteredModelAnswer)
        return answer.registered_model

    def set_alias(self, name: str, alias: str, version: str | int) -> None:
        """Let an alias, as ``champion``, point to a version; it points to no other one any more.

        Raises:
            NotFound: There is no such version.
            InvalidParameter: No alias can be called so.

        Example:
            >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
            >>> ws.registered_models.set_alias("ridge", "champion", 1)
            >>> ws.models["ridge"].aliases
            ['champion']
        """
        wanted = SetAlias(name=text(name, "name"), alias=text(alias, "alias"), version=str(version))
        self._connection.tell(f"{_MODELS}/alias", wanted)

    def delete_alias(self, name: str, alias: str) -> None:
        """Take an alias away; its version stays.

        Raises:
            NotFound: The workspace has no such model.

        Example:
            >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
            >>> ws.registered_models.set_alias("ridge", "champion", 1)
            >>> ws.registered_models.delete_alias("ridge", "champion")
            >>> ws.models["ridge"].aliases
            []
        """
        wanted = NamedAlias(name=text(name, "name"), alias=text(alias, "alias"))
        self._connection.tell(f"{_MODELS}/alias", wanted, "DELETE")


class HasRegisteredModels:
    """What a workspace has for the names of its models and prompts."""

    _connection: Connection

    @property
    def registered_models(self) -> RegisteredModels:
        """The names under which it has models, or prompts, in versions.

        Example:
            >>> [each.name for each in ws.registered_models.search(prompts=True)]
            []
        """
        return RegisteredModels(self._connection)
