"""MLflow's search grammar for logged models, which is another one than for runs: values need no quotes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import ClassVar

from runyard.entities.logged_model import LoggedModelStatus
from runyard.errors import InvalidFilter
from runyard.protocol.filter_tokens import Clause, Kind, Token, read, shortened, strings_in
from runyard.protocol.filter_tree import (
    LIST_OPERATORS,
    NUMERIC_OPERATORS,
    TEXT_OPERATORS,
    Comparison,
    Entity,
    Filter,
    Value,
)
from runyard.protocol.filters import RunGrammar, bare, check_fit, checked


def parse_logged_model_filter(text: str | None) -> Filter | None:
    """Return the tree of a filter over logged models, or None where everything matches.

    Raises:
        InvalidFilter: The filter does not follow the grammar; the message is MLflow's.
    """
    return _LOGGED_MODELS.parse(text)


class LoggedModelGrammar(RunGrammar):
    """What a filter over logged models may say; values need no quotes here, as in MLflow."""

    attributes: ClassVar[Mapping[str, str]] = {
        **{name: name for name in ("model_id", "experiment_id", "name", "lifecycle_stage")},
        **{name: name for name in ("status", "status_message", "model_type", "source_run_id")},
        "artifact_location": "artifact_uri",
        **{f"creation_time{end}": "created_ms" for end in ("", "stamp", "stamp_ms")},
        **{f"last_updated_time{end}": "updated_ms" for end in ("", "stamp", "stamp_ms")},
    }
    numeric: ClassVar[Collection[str]] = ("created_ms", "updated_ms")
    _words: ClassVar[Mapping[str, Entity]] = {
        "attributes": Entity.ATTRIBUTE,
        "metrics": Entity.METRIC,
        "params": Entity.PARAM,
        "tags": Entity.TAG,
    }

    def parse(self, text: str | None) -> Filter | None:
        """Return the tree of ``text``."""
        if not text:
            return None
        reading = read(text)
        if not text.strip() or not reading.is_single:
            raise InvalidFilter(
                f"Invalid filter string: {shortened(text)!r}. Expected a single SQL expression."
            )
        if reading.leftovers:
            raise InvalidFilter(
                f"Invalid filter string: {shortened(text)!r}. Expected a list of comparisons separated by "
                "'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."
            )
        return checked(self.tree(reading.root)) if reading.root else None

    def comparison(self, clause: Clause) -> Comparison:
        """Return what one clause says."""
        if clause.right is None:
            raise InvalidFilter(
                f"Invalid comparison: {shortened(clause.left.text)} {clause.operator}. "
                "Expected a comparison with 3 tokens."
            )
        entity, written = self.identifier(clause.left.text)
        key = self.attributes[written] if entity is Entity.ATTRIBUTE else written
        is_numeric = entity is Entity.METRIC or (entity is Entity.ATTRIBUTE and key in self.numeric)
        allowed = NUMERIC_OPERATORS if is_numeric else (*TEXT_OPERATORS, *LIST_OPERATORS)
        operator = next((each for each in allowed if each.value == clause.operator), None)
        if operator is None:
            word = next(word for word, named in self._words.items() if named is entity)
            raise InvalidFilter(
                f"Invalid comparison operator for {word}.{shortened(written)}: {clause.operator!r}. "
                f"Expected one of {tuple(each.value for each in allowed)}."
            )
        value = _float(clause.right) if is_numeric else self.text(key, entity, clause.right)
        check_fit(operator, value)
        return Comparison(entity, key, operator, value)

    def entity(self, spelling: str) -> Entity:
        """Return the entity that a word before the dot names."""
        if spelling not in self._words:
            raise InvalidFilter(
                f"Invalid entity type: {shortened(spelling)!r}. Expected one of {list(self._words)}."
            )
        return self._words[spelling]

    def text(self, key: str, entity: Entity, token: Token) -> Value:
        """Return the text or the list of texts that a comparison is with."""
        value: Value = strings_in(token) if token.kind is Kind.LIST else bare(token.text)
        if entity is Entity.ATTRIBUTE and key == "status":
            return tuple(map(_status, value)) if isinstance(value, tuple) else _status(str(value))
        return value


def _float(token: Token) -> float:
    try:
        number = float(token.text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise InvalidFilter(f"Expected numeric value type. Found {shortened(token.text)}")
    return number


def _status(word: str) -> str:
    """Return the stored status for MLflow's short or long word for it; any other word stays itself."""
    return {
        "PENDING": LoggedModelStatus.PENDING.value,
        "READY": LoggedModelStatus.READY.value,
        "FAILED": LoggedModelStatus.UPLOAD_FAILED.value,
        "UPLOAD_FAILED": LoggedModelStatus.UPLOAD_FAILED.value,
    }.get(word, word)


_LOGGED_MODELS = LoggedModelGrammar()
