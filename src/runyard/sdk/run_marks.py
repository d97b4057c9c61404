"""Tags, which may change, and properties, which are written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from runyard.errors import AlreadyExists, InvalidParameter, NotFound
from runyard.protocol.limits import MAX_VALUE_LENGTH, check_key, check_length
from runyard.protocol.messages.logging import DeleteTag
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import listed, pairs, text
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.logged_values import PROPERTY_PREFIX
from runyard.sdk.run_sinks import RunSink, in_records

_DESCRIPTION = "mlflow.note.content"


@names_arguments
class RunMarks(ABC):
    """What a person notes on a run."""

    _connection: Connection

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @abstractmethod
    def _open_sink(self) -> RunSink:
        """Return where to log to."""

    @abstractmethod
    def _known_tags(self) -> Mapping[str, str]:
        """Return all tags that the run is known to have."""

    @abstractmethod
    def _refresh(self) -> None:
        """Read the run again, with all that was logged before."""

    @property
    def description(self) -> str:
        """What it is, as the Studio and MLflow's page show it; it is changed by setting it.

        Raises:
            NotFound: It is set, and the run does not exist any more.

        Example:
            >>> run.description = "The one with scaled columns."
            >>> ws.get_run(run.id).description
            'The one with scaled columns.'
        """
        return self._known_tags().get(_DESCRIPTION, "")

    @description.setter
    def description(self, description: str) -> None:
        self.set_tags({_DESCRIPTION: text(description, "description")})
        self._refresh()

    def tag(self, key: str, value: str | None = None) -> None:
        """Set one tag; without a value it is the empty text.

        Raises:
            InvalidParameter: No tag can have this key, or the value is too long.

        Example:
            >>> run.tag("quality", "fantastic")
            >>> run.get_tags()["quality"]
            'fantastic'
        """
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Set tags; others stay as they are. It does not wait for the network.

        Raises:
            InvalidParameter: No tag can have such a key, or a value is too long.

        Example:
            >>> run.set_tags({"team": "robots", "checked": "yes"})
            >>> run.get_tags()["checked"]
            'yes'
        """
        given = pairs(tags, "tags")
        wanted = {text(key, "tags"): "" if value is None else str(value) for key, value in given.items()}
        for key, value in wanted.items():
            check_key(key, "tags")
            check_length(value, MAX_VALUE_LENGTH, f"tags[{key!r}]")
            if key.startswith(PROPERTY_PREFIX):
                raise InvalidParameter(f"{key!r} is a property: use add_properties.")
        for record in in_records(self.id, tags=wanted):
            self._open_sink().log(record)

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by their keys; keys that the run has not are passed over.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.tag("checked", "yes")
            >>> run.remove_tags(["checked"])
            >>> "checked" in run.tags
            False
        """
        self._refresh()
        for key in [tags] if isinstance(tags, str) else listed(tags, "tags"):
            if key in self._known_tags():
                try:
                    self._connection.tell(f"{MLFLOW}/runs/delete-tag", DeleteTag(run_id=self.id, key=key))
                except NotFound:
                    self._refresh()  # it is another's doing that the tag is gone, or the run is
        self._refresh()

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties: like tags, but each is written once.

        Raises:
            AlreadyExists: The run has such a property, with another value; nothing is added.
            InvalidParameter: No property can have such a key, or a value is too long.
            NotFound: The run does not exist any more.

        Example:
            >>> run.add_properties({"data": "2026-11"})
            >>> run.get_properties()["data"]
            '2026-11'
        """
        wanted = {
            f"{PROPERTY_PREFIX}{key}": str(value) for key, value in pairs(properties, "properties").items()
        }
        for key, value in wanted.items():
            check_key(key, "properties")
            check_length(value, MAX_VALUE_LENGTH, f"properties[{key.removeprefix(PROPERTY_PREFIX)!r}]")
        self._refresh()
        known = self._known_tags()
        for key, value in wanted.items():
            if known.get(key, value) != value:
                raise AlreadyExists(
                    f"Property {key.removeprefix(PROPERTY_PREFIX)!r} is {known[key]!r} already, and a "
                    "property is written once. A tag may change."
                )
        for record in in_records(self.id, tags=wanted):
            self._open_sink().log(record)
