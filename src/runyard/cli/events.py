"""`runyard events` and `runyard webhook`: what happened, and who is told of it."""

from __future__ import annotations

import itertools
from datetime import datetime, timezone
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from runyard.cli.options import HERE, THIS_SERVER, Json, Place, Server
from runyard.cli.printing import note, print_json, print_table, say, time_text
from runyard.cli.trash import parse_age
from runyard.protocol.messages.webhooks import WireDelivery, WireWebhook
from runyard.sdk.events import Webhooks, list_events

webhook_app = App(name="webhook", help="Have addresses told of events; needs an administrator.")

Kind = Annotated[
    tuple[str, ...],
    Parameter(name=["--kind", "-k"], help="Only this kind, as run.failed; may be repeated."),
]
WebhookId = Annotated[str, Parameter(help="The webhook's id.")]


def events(
    *,
    kind: Kind = (),
    since: Annotated[str, Parameter(help="How far back to look, as 12h or 7d.")] = "30d",
    max_results: Annotated[int, Parameter(help="How many to show at most.", validator=Number(gte=1))] = 50,
    all_workspaces: Annotated[
        bool, Parameter(help="Of all workspaces and the server itself; needs an administrator.")
    ] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List what happened, the latest first: runs that ended or fell silent, quotas and disks that fill up."""
    begin = datetime.now(tz=timezone.utc) - parse_age(since, "--since")
    happened = list_events(
        place.open().connection,
        kinds=kind,
        since_ms=max(0, int(begin.timestamp() * 1000)),
        all_workspaces=all_workspaces,
    )
    shown = list(itertools.islice(happened, max_results))
    if json:
        print_json(msgspec.to_builtins(shown))
        return
    print_table(
        ("HAPPENED", "KIND", "WORKSPACE", "WHAT"),
        ((time_text(each.happened_ms), each.kind, each.workspace or "-", each.message) for each in shown),
    )


@webhook_app.command
def add(
    url: Annotated[str, Parameter(help="Where to send events, https://…")],
    *,
    kind: Kind = (),
    workspace: Annotated[
        str | None, Parameter(name=["--workspace", "-w"], help="Only what happens in this workspace.")
    ] = None,
    when: Annotated[
        str | None,
        Parameter(help="In place of kinds, what a metric has to be, as 'val/loss < 0.1'; once for each run."),
    ] = None,
    experiment: Annotated[
        str | None, Parameter(name=["--experiment", "-e"], help="Only runs of this experiment, by its id.")
    ] = None,
    name: Annotated[str, Parameter(help="What to call it.")] = "",
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """Have an address told of events, or of metrics that cross a threshold. Its secret is shown once."""
    made = Webhooks(server.address()).add(
        url, kinds=kind, workspace=workspace, when=when, experiment_id=experiment, name=name
    )
    if json:
        print_json(msgspec.to_builtins(made))
        return
    say(f"Webhook {made.webhook.webhook_id} is told at {made.webhook.url}")
    note("This secret signs what it is sent. It is not shown again:")
    say(made.secret)


@webhook_app.command(name="list")
def list_webhooks(*, server: Server = THIS_SERVER, json: Json = False) -> None:
    """List the webhooks."""
    found = list(Webhooks(server.address()))
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("ID", "URL", "TOLD OF", "WORKSPACE", "NAME", "MADE BY", "CREATED"),
        (
            (
                each.webhook_id,
                each.url,
                _told_of(each),
                each.workspace or "all",
                each.name or "-",
                each.created_by,
                time_text(each.created_ms),
            )
            for each in found
        ),
    )


@webhook_app.command(name="test")
def try_webhook(webhook_id: WebhookId, *, server: Server = THIS_SERVER, json: Json = False) -> int:
    """Tell a webhook of a test, now, and show what it answered."""
    tried = Webhooks(server.address()).try_now(webhook_id)
    if json:
        print_json(msgspec.to_builtins(tried))
    else:
        say(_told(tried))
    return 0 if tried.state == "delivered" else 1


@webhook_app.command
def deliveries(webhook_id: WebhookId, *, server: Server = THIS_SERVER, json: Json = False) -> None:
    """List what went and goes to a webhook, the latest first."""
    found = Webhooks(server.address()).deliveries(webhook_id)
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("NUMBER", "KIND", "STATE", "TRIES", "LAST TRY", "ANSWER"),
        (
            (
                str(each.delivery_number),
                each.event.kind,
                each.state,
                str(each.attempts),
                time_text(each.tried_ms),
                each.last_error or str(each.last_status or "-"),
            )
            for each in found
        ),
    )


@webhook_app.command
def delete(webhook_id: WebhookId, *, server: Server = THIS_SERVER) -> None:
    """Forget a webhook and what is on its way to it."""
    Webhooks(server.address()).delete(webhook_id)
    say("The webhook is deleted.")


def _told_of(webhook: WireWebhook) -> str:
    if not webhook.is_active:
        return "nothing"
    limit = webhook.threshold
    if limit is None:
        return ", ".join(webhook.kinds) or "all"
    place = "" if limit.experiment_id is None else f" in experiment {limit.experiment_id}"
    return f"{limit.metric} {limit.comparison} {limit.value:g}{place}"


def _told(tried: WireDelivery) -> str:
    if tried.state == "delivered":
        return f"It answered {tried.last_status}."
    return f"That failed, and is tried again {time_text(tried.due_ms)}: {tried.last_error}"
