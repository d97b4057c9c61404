"""Tags of a version of a model, which may change, and properties, which are written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from runyard.errors import AlreadyExists
from runyard.protocol.messages.model_versions import DeleteModelVersionTag, NamedVersion, SetModelVersionTag
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection
from runyard.sdk.logged_values import PROPERTY_PREFIX
from runyard.sdk.model_record import ModelRecord
from runyard.sdk.model_search import VERSIONS


@names_arguments
class ModelMarks(ModelRecord, ABC):
    """What a person notes on a version of a model."""

    _connection: Connection

    @abstractmethod
    def refresh(self) -> ModelMarks:
        """Read this version from the server again and return it."""

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags; others stay as they are.

        Raises:
            NotFound: The version does not exist any more.
            InvalidParameter: A tag can't be.

        Example:
            >>> model.add_tags({"checked": "yes"})
            >>> model.tags
            {'checked': 'yes'}
        """
        self._set({str(key): str(value) for key, value in tags.items()})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by their keys; keys that it has not are passed over.

        Raises:
            NotFound: The version does not exist any more.

        Example:
            >>> model.add_tags({"checked": "yes"})
            >>> model.remove_tags(["checked"])
            >>> model.tags
            {}
        """
        for key in [tags] if isinstance(tags, str) else tags:
            wanted = DeleteModelVersionTag(name=self.name, version=str(self.version), key=key)
            self._connection.tell(f"{VERSIONS}/delete-tag", wanted, "DELETE")
        self.refresh()

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties: like tags, but each is written once.

        Raises:
            AlreadyExists: It has such a property, with another value; nothing is added.
            NotFound: The version does not exist any more.

        Example:
            >>> model.add_properties({"data": "2026-11"})
            >>> model.properties
            {'data': '2026-11'}
        """
        known = self.refresh().properties
        for key, value in properties.items():
            if known.get(key, str(value)) != str(value):
                raise AlreadyExists(
                    f"Property {key!r} is {known[key]!r} already; a property is written once."
                )
        self._set({f"{PROPERTY_PREFIX}{key}": str(value) for key, value in properties.items()})

    def update_tags_properties(
        self,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Sequence[str] | None = None,
        add_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Add tags, remove tags and add properties, in this order; see the methods of these names.

        Raises:
            AlreadyExists: It has such a property, with another value.
            NotFound: The version does not exist any more.

        Example:
            >>> model.update_tags_properties(add_tags={"checked": "yes"}, add_properties={"data": "2026-11"})
            >>> model.tags, model.properties
            ({'checked': 'yes'}, {'data': '2026-11'})
        """
        if add_tags:
            self.add_tags(add_tags)
        if remove_tags:
            self.remove_tags(remove_tags)
        if add_properties:
            self.add_properties(add_properties)

    def _named(self) -> NamedVersion:
        return NamedVersion(name=self.name, version=str(self.version))

    def _set(self, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            wanted = SetModelVersionTag(name=self.name, version=str(self.version), key=key, value=value)
            self._connection.tell(f"{VERSIONS}/set-tag", wanted)
        self.refresh()
