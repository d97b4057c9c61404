"""`runyard check`: whether all data of a home is whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from runyard import app as server
from runyard.cli.homes import Database, Home, existing_home
from runyard.cli.options import Json
from runyard.cli.printing import print_json, print_pairs, progress_bar, say


def check(
    *,
    home: Home = None,
    database: Database = None,
    artifacts: Annotated[
        bool, Parameter(help="Read each artifact whose checksum is known, too, and compare.")
    ] = False,
    json: Json = False,
) -> int:
    """Look whether all data of a home is whole: the database, each metric's points and summary, documents.

    A server may run meanwhile. Nothing is repaired. The exit code is 1 if something is wrong.
    """
    settings = existing_home(home, database)
    with progress_bar() as on_progress:
        found = server.check_integrity(settings, on_progress, with_artifacts=artifacts)
    looked_at = asdict(found.counts) | (asdict(found.artifacts) if found.artifacts else {})
    if json:
        print_json(
            {
                "is_whole": found.is_whole,
                "faults": [asdict(fault) for fault in found.faults],
                "looked_at": looked_at,
            }
        )
        return 0 if found.is_whole else 1
    for fault in found.faults:
        say(f"{fault.where}: {fault.what}")
        say(f"  {fault.advice}")
    print_pairs({name: f"{count:,}" for name, count in looked_at.items()})
    say("All is whole." if found.is_whole else f"{len(found.faults)} faults.")
    return 0 if found.is_whole else 1
