"""What a version of a registered model was when it was last read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.registered_models import WireModelVersion
from runyard.protocol.timestamps import moment_of
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.logged_values import PROPERTY_PREFIX
from runyard.sdk.model_datasets import DATASETS_TAG
from runyard.sdk.model_search import FRAMEWORK_TAG, FRAMEWORK_VERSION_TAG


@names_arguments
class ModelRecord:
    """A version of a registered model as it was when the server was last asked."""

    _record: WireModelVersion

    @property
    def name(self) -> str:
        """The registered model's name.

        Example:
            >>> model.name
            'ridge'
        """
        return self._record.name

    @property
    def version(self) -> int:
        """Its number, from 1.

        Example:
            >>> model.version
            1
        """
        return int(self._record.version)

    @property
    def id(self) -> str:
        """Name and number, as ``ridge:3``.

        Example:
            >>> model.id
            'ridge:1'
        """
        return f"{self.name}:{self.version}"

    @property
    def tags(self) -> dict[str, str]:
        """Its tags when it was last read.

        Example:
            >>> model.tags
            {}
        """
        own = (PROPERTY_PREFIX, FRAMEWORK_TAG, FRAMEWORK_VERSION_TAG, DATASETS_TAG)
        return {key: value for key, value in self._known_tags().items() if not key.startswith(own)}

    @property
    def properties(self) -> dict[str, str]:
        """Its properties when it was last read.

        Example:
            >>> model.properties
            {}
        """
        return {
            key.removeprefix(PROPERTY_PREFIX): value
            for key, value in self._known_tags().items()
            if key.startswith(PROPERTY_PREFIX)
        }

    @property
    def description(self) -> str:
        """What it is.

        Example:
            >>> model.description
            ''
        """
        return self._record.description or ""

    @property
    def aliases(self) -> list[str]:
        """The aliases that point to it.

        Example:
            >>> model.aliases
            []
        """
        return list(self._record.aliases or [])

    @property
    def run_id(self) -> str:
        """The run that it comes from; empty if it comes from none.

        Example:
            >>> run.upload_file("ridge.pkl", "out/ridge.pkl")
            >>> run.register_model("ridge", "ridge.pkl").run_id == run.id
            True
        """
        return self._record.run_id

    @property
    def created_time(self) -> datetime:
        """When it was registered.

        Example:
            >>> model.created_time.year > 2024
            True
        """
        return moment_of(self._record.creation_timestamp)

    @property
    def url(self) -> str:
        """What MLflow's client calls it, as ``models:/ridge/3``.

        Example:
            >>> model.url
            'models:/ridge/1'
        """
        return f"models:/{self.name}/{self.version}"

    def serialize(self) -> dict[str, Any]:
        """Return what is known of it as plain values.

        Example:
            >>> model.serialize()["id"]
            'ridge:1'
        """
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "tags": self.tags,
            "properties": self.properties,
            "framework": self._known_tags().get(FRAMEWORK_TAG, ""),
            "frameworkVersion": self._known_tags().get(FRAMEWORK_VERSION_TAG, ""),
            "createdTime": self.created_time.isoformat(),
            "runId": self.run_id,
            "aliases": self.aliases,
            "source": self._record.source,
            "url": self.url,
        }

    def _known_tags(self) -> dict[str, str]:
        return mapping(self._record.tags or ())
