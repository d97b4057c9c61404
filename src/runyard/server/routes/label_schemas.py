"""MLflow's routes about label schemas."""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.label_schemas import (
    CreateLabelSchema,
    LabelSchemaAnswer,
    LabelSchemaId,
    ListLabelSchemas,
    ListLabelSchemasAnswer,
    NamedLabelSchema,
    UpdateLabelSchema,
    wire_label_schema,
)
from runyard.server.routing import Routes
from runyard.services import label_schemas, reach
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/3.0/mlflow/label-schemas"


@routes.post(
    f"{_BASE}/create",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    summary="Create a label schema: a question about an experiment's traces.",
)
def create_label_schema(call: Call, body: CreateLabelSchema) -> LabelSchemaAnswer:
    """Make a question."""
    made = label_schemas.create_label_schema(call, body)
    return LabelSchemaAnswer(label_schema=wire_label_schema(made))


@routes.get(f"{_BASE}/get", permits=Permission.READ, of=reach.label_schema, summary="Get a label schema.")
def get_label_schema(call: Call, body: LabelSchemaId) -> LabelSchemaAnswer:
    """Answer a question by its id."""
    found = label_schemas.get_label_schema(call, body.schema_id)
    return LabelSchemaAnswer(label_schema=wire_label_schema(found))


@routes.get(
    f"{_BASE}/get-by-name",
    permits=Permission.READ,
    of=reach.experiment,
    summary="Get an experiment's label schema by its name.",
)
def get_label_schema_by_name(call: Call, body: NamedLabelSchema) -> LabelSchemaAnswer:
    """Answer a question by its name."""
    found = label_schemas.get_label_schema_by_name(call, body.experiment_id, body.name)
    return LabelSchemaAnswer(label_schema=wire_label_schema(found))


@routes.get(
    f"{_BASE}/list",
    permits=Permission.READ,
    of=reach.experiment,
    summary="List an experiment's label schemas, its default one last.",
)
def list_label_schemas(call: Call, body: ListLabelSchemas) -> ListLabelSchemasAnswer:
    """Answer a page of questions."""
    page = label_schemas.list_label_schemas(call, body)
    return ListLabelSchemasAnswer(
        label_schemas=[wire_label_schema(schema) for schema in page.items],
        next_page_token=page.next_token or UNSET,
    )


@routes.patch(
    f"{_BASE}/update",
    permits=Permission.CONTRIBUTE,
    of=reach.label_schema,
    summary="Change a label schema.",
)
def update_label_schema(call: Call, body: UpdateLabelSchema) -> LabelSchemaAnswer:
    """Change a question."""
    changed = label_schemas.update_label_schema(call, body)
    return LabelSchemaAnswer(label_schema=wire_label_schema(changed))


@routes.delete(
    f"{_BASE}/delete",
    permits=Permission.CONTRIBUTE,
    of=reach.label_schema,
    is_audited=True,
    summary="Delete a label schema for good; what was answered stays.",
)
def delete_label_schema(call: Call, body: LabelSchemaId) -> Empty:
    """Delete a question."""
    label_schemas.delete_label_schema(call, body.schema_id)
    return Empty()
