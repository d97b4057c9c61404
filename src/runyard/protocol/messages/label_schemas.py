"""MLflow's messages about label schemas."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from runyard.entities.label_schema import (
    Categorical,
    FreeText,
    LabelInput,
    LabelSchema,
    LabelSchemaType,
    Numeric,
    PassFail,
)
from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Int64, Wire

_TYPES = {"1": LabelSchemaType.FEEDBACK, "2": LabelSchemaType.EXPECTATION}
_TYPES |= {each.name: each for each in LabelSchemaType}


class WirePassFail(Wire, omit_defaults=False):
    """One of two answers."""

    positive_label: str = ""
    negative_label: str = ""


class WireCategorical(Wire, omit_defaults=False):
    """One of some answers, or several of them."""

    options: list[str] = []
    multi_select: bool = False


class WireNumeric(Wire):
    """A number, maybe between bounds."""

    min_value: float | None = None
    max_value: float | None = None


class WireFreeText(Wire):
    """A text, maybe of a limited length."""

    max_length: Int64 | None = None


class WireLabelInput(Wire):
    """How a question is answered: one of these."""

    pass_fail: WirePassFail | None = None
    categorical: WireCategorical | None = None
    numeric: WireNumeric | None = None
    text: WireFreeText | None = None


class CreateLabelSchema(Wire):
    """Body of ``label-schemas/create``."""

    experiment_id: str
    name: str
    type: str | Int64 = 0
    input: WireLabelInput | None = None
    instruction: str | None = None
    enable_comment: bool = False


class LabelSchemaId(Wire):
    """Query of ``label-schemas/get``, query or body of ``label-schemas/delete``."""

    schema_id: str


class NamedLabelSchema(Wire):
    """Query of ``label-schemas/get-by-name``."""

    experiment_id: str
    name: str


class ListLabelSchemas(Wire):
    """Query of ``label-schemas/list``."""

    experiment_id: str
    max_results: Int64 | None = None
    page_token: str | None = None


class UpdateLabelSchema(Wire):
    """Body of ``label-schemas/update``; what is left out stays as it is."""

    schema_id: str
    name: str | None = None
    instruction: str | None = None
    enable_comment: bool | None = None
    input: WireLabelInput | None = None


class WireLabelSchema(Wire, omit_defaults=False):
    """A label schema on the wire."""

    schema_id: str
    experiment_id: str
    name: str
    type: str
    input: WireLabelInput
    enable_comment: bool
    created_at: int
    last_updated_at: int
    is_default: bool
    instruction: str | UnsetType = UNSET


class LabelSchemaAnswer(Wire, omit_defaults=False):
    """One label schema."""

    label_schema: WireLabelSchema


class ListLabelSchemasAnswer(Wire):
    """A page of label schemas."""

    label_schemas: list[WireLabelSchema] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


def label_schema_type(word: str | int) -> LabelSchemaType:
    """Return the type that a request names by MLflow's word or number.

    Raises:
        InvalidParameter: There is no such type.
    """
    found = _TYPES.get(str(word).upper())
    if found is None:
        raise InvalidParameter(
            f"Label schema `type` must be one of FEEDBACK or EXPECTATION; got {str(word)[:100]!r}."
        )
    return found


def label_input(said: WireLabelInput | None) -> LabelInput:
    """Return how a question is to be answered.

    Raises:
        InvalidParameter: It is not said, or more than once.
    """
    named = [] if said is None else [said.pass_fail, said.categorical, said.numeric, said.text]
    kinds = [each for each in named if each is not None]
    if len(kinds) != 1:
        raise InvalidParameter(
            "Label schema `input` must have exactly one of `pass_fail`, `categorical`, `numeric`, or `text` "
            "set."
        )
    match kinds[0]:
        case WirePassFail() as kind:
            return PassFail(kind.positive_label, kind.negative_label)
        case WireCategorical() as kind:
            return Categorical(kind.options, kind.multi_select)
        case WireNumeric() as kind:
            return Numeric(kind.min_value, kind.max_value)
        case kind:
            return FreeText(kind.max_length)


def wire_label_input(input: LabelInput) -> WireLabelInput:
    """Return how a question is answered as MLflow writes it."""
    match input:
        case PassFail(positive, negative):
            return WireLabelInput(pass_fail=WirePassFail(positive_label=positive, negative_label=negative))
        case Categorical(options, multi_select):
            return WireLabelInput(
                categorical=WireCategorical(options=list(options), multi_select=multi_select)
            )
        case Numeric(least, greatest):
            return WireLabelInput(numeric=WireNumeric(min_value=least, max_value=greatest))
        case FreeText(max_length):
            return WireLabelInput(text=WireFreeText(max_length=max_length))


def wire_label_schema(schema: LabelSchema) -> WireLabelSchema:
    """Return a label schema as MLflow writes it."""
    return WireLabelSchema(
        schema_id=schema.schema_id,
        experiment_id=schema.experiment_id,
        name=schema.name,
        type=schema.type.name,
        input=wire_label_input(schema.input),
        enable_comment=schema.enable_comment,
        created_at=schema.created_ms,
        last_updated_at=schema.updated_ms,
        is_default=schema.is_default,
        instruction=UNSET if schema.instruction is None else schema.instruction,
    )
