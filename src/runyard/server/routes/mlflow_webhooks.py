"""MLflow's routes about webhooks: those of the workspace that are told by MLflow's protocol."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty
from runyard.protocol.messages.mlflow_webhooks import (
    MlflowCreateWebhook,
    MlflowListWebhooks,
    MlflowTestAnswer,
    MlflowTestResult,
    MlflowTestWebhook,
    MlflowUpdateWebhook,
    MlflowWebhookAnswer,
    MlflowWebhooksAnswer,
    check_webhook_name,
    check_webhook_url,
    is_active,
    kind_of,
    kinds_of,
    mlflow_webhook,
)
from runyard.server.routing import Routes
from runyard.services import registry_webhooks, webhooks
from runyard.services.call import Call
from runyard.services.mlflow_webhooks import EXAMPLES
from runyard.services.webhooks import WebhookChoices

routes = Routes()
_BASE = "/api/2.0/mlflow/webhooks"
_ONE = f"{_BASE}/{{webhook_id}}"
_KINDS = tuple(EXAMPLES)


@routes.get(
    _BASE, permits=Permission.ADMINISTER, summary="List the webhooks that are told by MLflow's protocol."
)
def list_mlflow_webhooks(call: Call, body: MlflowListWebhooks) -> MlflowWebhooksAnswer:
    """Answer a page of the workspace's webhooks, the last made first."""
    page = registry_webhooks.list_page(call, body.max_results or 100, body.page_token or None)
    found = [mlflow_webhook(each) for each in page.items]
    return MlflowWebhooksAnswer(webhooks=found, next_page_token=page.next_token or "")


@routes.post(
    _BASE, permits=Permission.ADMINISTER, summary="Have an address told of events by MLflow's protocol."
)
def create_mlflow_webhook(call: Call, body: MlflowCreateWebhook) -> MlflowWebhookAnswer:
    """Make a webhook of the workspace."""
    check_webhook_name(body.name)
    check_webhook_url(body.url)
    choices = WebhookChoices(
        url=body.url,
        kinds=kinds_of(body.events, _KINDS),
        workspace=call.workspace.name,
        name=body.name,
        description=body.description,
        is_active=is_active(body.status),
    )
    made = webhooks.create_webhook(call, choices, is_mlflow=True, secret=body.secret)
    return MlflowWebhookAnswer(webhook=mlflow_webhook(made.webhook))


@routes.get(_ONE, permits=Permission.ADMINISTER, summary="Get a webhook that is told by MLflow's protocol.")
def get_mlflow_webhook(call: Call, webhook_id: str) -> MlflowWebhookAnswer:
    """Answer one webhook."""
    return MlflowWebhookAnswer(webhook=mlflow_webhook(registry_webhooks.get_webhook(call, webhook_id)))


@routes.patch(_ONE, permits=Permission.ADMINISTER, summary="Change what a webhook is told, and where.")
def update_mlflow_webhook(call: Call, body: MlflowUpdateWebhook, webhook_id: str) -> MlflowWebhookAnswer:
    """Change a webhook."""
    before = registry_webhooks.get_webhook(call, webhook_id)
    if body.name:
        check_webhook_name(body.name)
    if body.url:
        check_webhook_url(body.url)
    choices = WebhookChoices(
        url=body.url or before.url,
        kinds=kinds_of(body.events, _KINDS) if body.events else before.kinds,
        workspace=before.workspace,
        name=body.name or before.name,
        description=before.description if body.description is None else body.description,
        is_active=before.is_active if body.status is None else is_active(body.status),
    )
    changed = webhooks.update_webhook(call, webhook_id, choices, secret=body.secret)
    return MlflowWebhookAnswer(webhook=mlflow_webhook(changed))


@routes.delete(_ONE, permits=Permission.ADMINISTER, summary="Remove a webhook.")
def delete_mlflow_webhook(call: Call, webhook_id: str) -> Empty:
    """Forget a webhook."""
    webhooks.remove_webhook(call, registry_webhooks.get_webhook(call, webhook_id).webhook_id)
    return Empty()


@routes.post(f"{_ONE}/test", permits=Permission.ADMINISTER, summary="Tell a webhook of an example, now.")
def test_mlflow_webhook(call: Call, body: MlflowTestWebhook, webhook_id: str) -> MlflowTestAnswer:
    """Answer what became of the test."""
    kind = None if body.event is None else kind_of(body.event, _KINDS)
    tried = registry_webhooks.try_webhook(call, webhook_id, kind)
    return MlflowTestAnswer(
        result=MlflowTestResult(
            success=not tried.error and tried.status < 400,
            response_status=tried.status,
            response_body=tried.body,
            error_message=tried.error,
        )
    )
