"""Every change of the model registry is announced here, in the transaction that makes it."""

from __future__ import annotations

from runyard.entities.event import Event
from runyard.entities.registry_change import RegistryChange
from runyard.services.call import Call


def announce(call: Call, change: RegistryChange) -> None:
    """Note in the transaction of this thread that something changed: webhooks and the log are told of it."""
    noun = "Prompt" if change.kind.value.startswith("prompt") else "Registered model"
    name, workspace = change.subject["name"], call.workspace.name
    call.stores.metadata.events.add_event(
        Event(
            kind=change.kind,
            workspace=workspace,
            happened_ms=call.now_ms(),
            message=f"{noun} '{name}' of workspace '{workspace}' {change.what}.",
            subject=change.subject,
            payload=change.payload,
        )
    )
