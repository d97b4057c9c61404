"""`runyard retention`: the rules that `runyard gc --rules` goes by."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, print_table, say, time_text
from runyard.cli.trash import KeepLast, OlderThan, Untagged, age_text, experiment_id_of, parse_age
from runyard.errors import InvalidParameter
from runyard.protocol.messages.retention import WireRetentionRule

app = App(name="retention", help="Set, list and remove the rules that `runyard gc --rules` goes by.")

Whose = Annotated[
    str | None,
    Parameter(
        name=["--experiment", "-e"],
        help="The rule of this experiment, by id or name; by default that of all without one.",
    ),
]


@app.command(name="set")
def set_rule(
    *,
    experiment: Whose = None,
    older_than: OlderThan | None = None,
    keep_last: KeepLast | None = None,
    untagged: Untagged = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Say what of the trash `runyard gc --rules` may take away, in place of what was said before."""
    if older_than is None and keep_last is None and not untagged:
        raise InvalidParameter(
            "Say what may go: --older-than, --keep-last or --untagged. With --older-than 0s all of it may."
        )
    workspace = place.open()
    rule = workspace.trash.rules.set(
        experiment_id=None if experiment is None else experiment_id_of(workspace, experiment),
        older_than=parse_age(older_than or "0s"),
        keep_last=keep_last or 0,
        untagged=untagged,
    )
    if json:
        print_json(_described(rule))
        return
    say(f"Of {_whose(rule)}, `runyard gc --rules` takes away {_told(rule)}.")


@app.command(name="list")
def list_rules(*, place: Place = HERE, json: Json = False) -> None:
    """List the rules of a workspace, its own first."""
    rules = list(place.open().trash.rules)
    if json:
        print_json([_described(rule) for rule in rules])
        return
    print_table(
        ("OF", "TAKES AWAY", "SET"),
        ((_whose(rule), _told(rule), time_text(rule.updated_ms)) for rule in rules),
    )


@app.command
def remove(*, experiment: Whose = None, place: Place = HERE) -> None:
    """Remove a rule; what it spoke of goes by the workspace's rule then, or stays in the trash."""
    workspace = place.open()
    workspace.trash.rules.remove(None if experiment is None else experiment_id_of(workspace, experiment))
    say("The rule is removed.")


def _whose(rule: WireRetentionRule) -> str:
    return "the workspace" if rule.experiment_id is None else f"experiment {rule.experiment_id}"


def _told(rule: WireRetentionRule) -> str:
    told = "what is untagged" if rule.untagged else "all"
    if rule.older_than_s:
        told += f" that was deleted at least {age_text(timedelta(seconds=rule.older_than_s))} ago"
    return f"{told} but the last {rule.keep_last} runs" if rule.keep_last else told


def _described(rule: WireRetentionRule) -> dict[str, object]:
    return {
        "experiment_id": rule.experiment_id,
        "older_than_s": rule.older_than_s,
        "keep_last": rule.keep_last,
        "untagged": rule.untagged,
        "updated_ms": rule.updated_ms,
    }
