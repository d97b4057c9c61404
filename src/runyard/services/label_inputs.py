"""How a question may be answered: MLflow's rules, with its words for what breaks them."""

from __future__ import annotations

import math

from runyard.entities.label_schema import Categorical, FreeText, LabelInput, Numeric, PassFail
from runyard.errors import InvalidParameter

MAX_LABEL_LENGTH = 64
MAX_OPTIONS = 10


def check_input(input: LabelInput) -> None:
    """Refuse a way to answer that nobody could use.

    Raises:
        InvalidParameter: The text says what is wrong.
    """
    match input:
        case PassFail():
            _check_pass_fail(input)
        case Categorical():
            _check_options(input)
        case Numeric():
            _check_bounds(input)
        case FreeText(max_length):
            if max_length is not None and max_length < 1:
                raise InvalidParameter(f"`InputText.max_length` must be at least 1; got {max_length}.")


def _check_pass_fail(input: PassFail) -> None:
    for name in ("positive_label", "negative_label"):
        label = getattr(input, name)
        if not label:
            raise InvalidParameter(f"`InputPassFail.{name}` must be a non-empty string; got {label!r}.")
        if len(label) > MAX_LABEL_LENGTH:
            raise InvalidParameter(
                f"`InputPassFail.{name}` must be at most {MAX_LABEL_LENGTH} characters; got {len(label)}."
            )
    if input.positive_label == input.negative_label:
        raise InvalidParameter(
            "`InputPassFail.positive_label` and `negative_label` must be distinct; "
            f"got {input.positive_label!r} for both."
        )


def _check_options(input: Categorical) -> None:
    field, count = "`InputCategorical.options`", len(input.options)
    if not count:
        raise InvalidParameter(f"{field} must be a non-empty list; got [].")
    if count > MAX_OPTIONS:
        raise InvalidParameter(f"{field} must have at most {MAX_OPTIONS} entries; got {count}.")
    seen: set[str] = set()
    for option in input.options:
        if not option:
            raise InvalidParameter(f"{field} entries must be non-empty strings; got ''.")
        if len(option) > MAX_LABEL_LENGTH:
            raise InvalidParameter(
                f"{field} entries must be at most {MAX_LABEL_LENGTH} characters; got {len(option)}."
            )
        if option in seen:
            raise InvalidParameter(f"{field} must be deduplicated; {option!r} appears twice.")
        seen.add(option)


def _check_bounds(input: Numeric) -> None:
    least, greatest = input.min_value, input.max_value
    for name, value in (("min_value", least), ("max_value", greatest)):
        if value is not None and not math.isfinite(value):
            raise InvalidParameter(f"`InputNumeric.{name}` must be a finite number; got {value}.")
    if least is not None and greatest is not None and least >= greatest:
        raise InvalidParameter(
            "`InputNumeric.min_value` must be strictly less than `max_value`; "
            f"got min={least}, max={greatest}."
        )
