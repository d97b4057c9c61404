"""What can be done with label schemas: create, get, list, change, delete.

Each experiment has one from the beginning, which nobody changes (``entities/label_schema.py``).
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from runyard.entities.label_schema import (
    DEFAULT_NAME,
    Categorical,
    LabelInput,
    LabelSchema,
    default_schema,
    experiment_of_default,
)
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol import limits
from runyard.protocol.messages.label_schemas import (
    CreateLabelSchema,
    ListLabelSchemas,
    UpdateLabelSchema,
    label_input,
    label_schema_type,
)
from runyard.protocol.paging import Page, page_of, parse_page_token
from runyard.services.call import Call
from runyard.services.experiments import get_active_experiment, get_experiment
from runyard.services.label_inputs import check_input

DEFAULT_SCHEMAS_PAGE = 100
MAX_SCHEMAS_PAGE = 50_000
MAX_NAME_LENGTH = 250
MAX_INSTRUCTION_LENGTH = 1000


def create_label_schema(call: Call, asked: CreateLabelSchema) -> LabelSchema:
    """Return a new question of an active experiment.

    Raises:
        AlreadyExists: The experiment has one of this name.
        InvalidParameter: A field can't be.
        NotFound: There is no such experiment.
    """
    _check_name(asked.name)
    _check_instruction(asked.instruction)
    type, input = label_schema_type(asked.type), label_input(asked.input)
    check_input(input)
    now_ms = call.now_ms()
    with call.stores.atomic():
        experiment = get_active_experiment(call, asked.experiment_id)
        schema = LabelSchema(
            schema_id=f"ls-{uuid.uuid4().hex}",
            experiment_id=experiment.experiment_id,
            name=asked.name,
            type=type,
            input=input,
            created_ms=now_ms,
            updated_ms=now_ms,
            instruction=asked.instruction,
            enable_comment=asked.enable_comment,
        )
        call.stores.metadata.label_schemas.add_schema(schema)
    return schema


def get_label_schema(call: Call, schema_id: str) -> LabelSchema:
    """Return a question by its id."""
    experiment_id = experiment_of_default(schema_id)
    if experiment_id is None:
        return call.stores.metadata.label_schemas.get_schema(call.workspace.name, schema_id)
    try:
        return _default_of(call, experiment_id)
    except (NotFound, InvalidParameter):
        raise NotFound(f"Label schema with id '{schema_id}' not found.") from None


def get_label_schema_by_name(call: Call, experiment_id: str, name: str) -> LabelSchema:
    """Return an active experiment's question by its name."""
    experiment = get_active_experiment(call, experiment_id)
    if name == DEFAULT_NAME:
        return _default_of(call, experiment.experiment_id)
    return call.stores.metadata.label_schemas.get_schema_by_name(experiment.experiment_id, name)


def list_label_schemas(call: Call, asked: ListLabelSchemas) -> Page[LabelSchema]:
    """Return a page of an active experiment's questions, the last made first and the default one last."""
    limit = DEFAULT_SCHEMAS_PAGE if asked.max_results is None else asked.max_results
    if not 1 <= limit <= MAX_SCHEMAS_PAGE:
        raise InvalidParameter(f"max_results must be between 1 and {MAX_SCHEMAS_PAGE}.")
    offset = parse_page_token(asked.page_token)
    experiment = get_active_experiment(call, asked.experiment_id)
    store = call.stores.metadata.label_schemas
    found = store.list_schemas(experiment.experiment_id, limit + 1, offset)
    if len(found) <= limit:
        found.append(default_schema(experiment.experiment_id, experiment.created_ms))
    return page_of(found, limit, offset)


def update_label_schema(call: Call, asked: UpdateLabelSchema) -> LabelSchema:
    """Change a question and return it; what is left out stays, and so does the kind of its answers.

    Raises:
        AlreadyExists: The experiment has another one of this name.
        InvalidParameter: A field can't be, or can't be changed.
        NotFound: There is no such question.
    """
    if asked.name is not None:
        _check_name(asked.name)
    _check_instruction(asked.instruction)
    input = None if asked.input is None else label_input(asked.input)
    with call.stores.atomic():
        kept = get_label_schema(call, asked.schema_id)
        if kept.is_default:
            raise InvalidParameter("The experiment's default question cannot be edited.")
        if input is not None:
            check_input(input)
            _check_same_kind(kept.input, input)
        changed = replace(
            kept,
            name=kept.name if asked.name is None else asked.name,
            instruction=kept.instruction if asked.instruction is None else asked.instruction,
            enable_comment=kept.enable_comment if asked.enable_comment is None else asked.enable_comment,
            input=kept.input if input is None else input,
            updated_ms=call.now_ms(),
        )
        call.stores.metadata.label_schemas.change_schema(changed)
    return changed


def delete_label_schema(call: Call, schema_id: str) -> None:
    """Delete a question for good; what was answered stays, and one that is not there is no error.

    Raises:
        InvalidParameter: It is an experiment's default one.
    """
    with call.stores.atomic():
        try:
            kept = get_label_schema(call, schema_id)
        except NotFound:
            return
        if kept.is_default:
            raise InvalidParameter("The experiment's default question cannot be deleted.")
        call.stores.metadata.label_schemas.delete_schema(schema_id)


def _default_of(call: Call, experiment_id: str) -> LabelSchema:
    experiment = get_experiment(call, experiment_id)
    return default_schema(experiment.experiment_id, experiment.created_ms)


def check_described(schema: LabelSchema) -> None:
    """Refuse a question that nobody could have made."""
    _check_name(schema.name)
    _check_instruction(schema.instruction)
    check_input(schema.input)


def _check_name(name: str) -> None:
    if not name:
        raise InvalidParameter("Label schema `name` must be a non-empty string; got ''.")
    limits.check_length(name, MAX_NAME_LENGTH, "name")
    if name.strip().lower() == DEFAULT_NAME.lower():
        raise InvalidParameter(
            f"`{name}` is reserved for the experiment's default question and cannot be used for another "
            "label schema."
        )


def _check_instruction(instruction: str | None) -> None:
    limits.check_length(instruction or "", MAX_INSTRUCTION_LENGTH, "instruction")


def _check_same_kind(old: LabelInput, new: LabelInput) -> None:
    """Refuse what would make nonsense of the answers that there are."""
    if type(old) is not type(new):
        raise InvalidParameter(
            "A label schema's input type cannot be changed after creation "
            f"(existing: {type(old).__name__}, got: {type(new).__name__})."
        )
    if isinstance(old, Categorical) and isinstance(new, Categorical) and old.multi_select != new.multi_select:
        raise InvalidParameter("`InputCategorical.multi_select` cannot be changed after creation.")
