"""`runyard doctor`: what lies between this machine and its workspace, and what is in the way."""

from __future__ import annotations

from dataclasses import asdict

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, say
from runyard.sdk.diagnosis import Finding, State, diagnose

_SIGNS = {State.GOOD: "✓", State.WARNING: "!", State.FAULT: "✗"}


def doctor(*, place: Place = HERE, json: Json = False) -> int:
    """Look at versions, addresses, credentials, the server, the spool and MLflow's plugins; say what to do.

    The exit code is 1 if something is in the way.
    """
    found: list[Finding] = []
    for finding in diagnose(place.address(), place.name()):
        found.append(finding)
        if not json:
            _say(finding)
    if json:
        print_json([asdict(each) for each in found])
    return 1 if any(each.state is State.FAULT for each in found) else 0


def _say(finding: Finding) -> None:
    say(f"{_SIGNS[finding.state]} {finding.name:<13} {finding.text}")
    if finding.advice:
        say(f"  {'':<13} {finding.advice}")
