"""A label schema (MLflow 3): a question that people answer about an experiment's traces, and how."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class LabelSchemaType(str, Enum):
    """What an answer is: what somebody thinks of it, or what it should have been."""

    FEEDBACK = "feedback"
    EXPECTATION = "expectation"


@dataclass(frozen=True, slots=True)
class PassFail:
    """One of two answers, the good one first."""

    positive_label: str
    negative_label: str


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of some answers, or several of them."""

    options: Sequence[str]
    multi_select: bool = False


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number, maybe between bounds."""

    min_value: float | None = None
    max_value: float | None = None


@dataclass(frozen=True, slots=True)
class FreeText:
    """A text, maybe not longer than so many characters."""

    max_length: int | None = None


LabelInput: TypeAlias = PassFail | Categorical | Numeric | FreeText


@dataclass(frozen=True, slots=True)
class LabelSchema:
    """One question as it is stored; times are milliseconds since the epoch.

    Args:
        schema_id: ``ls-`` and 32 hex digits.
        experiment_id: Whose it is.
        name: By which the experiment and its assessments know it.
        type: What an answer is.
        input: How it is answered.
        created_ms: When it was made.
        updated_ms: When it was changed last.
        instruction: What to say to whoever answers.
        enable_comment: Whether they may add a comment.
        is_default: Whether it is the one that each experiment has, which nobody changes.
    """

    schema_id: str
    experiment_id: str
    name: str
    type: LabelSchemaType
    input: LabelInput
    created_ms: int
    updated_ms: int
    instruction: str | None = None
    enable_comment: bool = False
    is_default: bool = False


DEFAULT_NAME = "Feedback"
"""What the question that each experiment has is called; no other question may be."""

_DEFAULT_ID = re.compile(r"ls-0{16}([0-9a-f]{16})")


def default_schema(experiment_id: str, created_ms: int) -> LabelSchema:
    """Return the question that an experiment has from the beginning; it is kept nowhere.

    MLflow's server makes a row of it when somebody lists the questions; here a list changes nothing, so
    that whoever may only read gets the same answer.
    """
    return LabelSchema(
        schema_id=f"ls-{int(experiment_id):032x}",
        experiment_id=experiment_id,
        name=DEFAULT_NAME,
        type=LabelSchemaType.FEEDBACK,
        input=FreeText(),
        created_ms=created_ms,
        updated_ms=created_ms,
        instruction="Share any feedback on this trace.",
        is_default=True,
    )


def experiment_of_default(schema_id: str) -> str | None:
    """Return the experiment whose default question has this id; ``None`` if it is another question's."""
    found = _DEFAULT_ID.fullmatch(schema_id)
    number = 0 if found is None else int(found[1], 16)
    # No experiment has the number 0: clients mean the workspace's own one by it, under whatever number.
    return str(number) if number else None
