"""`runyard check`: whether all data of a home is whole."""

from __future__ import annotations

from dataclasses import asdict

from runyard import app as server
from runyard.cli.homes import Database, Home, existing_home
from runyard.cli.options import Json
from runyard.cli.printing import print_json, print_pairs, progress_bar, say


def check(*, home: Home = None, database: Database = None, json: Json = False) -> int:
    """Look whether all data of a home is whole: the database, each metric's points and summary, documents.

    A server may run meanwhile. Nothing is repaired. The exit code is 1 if something is wrong.
    """
    settings = existing_home(home, database)
    with progress_bar() as on_progress:
        found = server.check_integrity(settings, on_progress)
    if json:
        print_json(
            {
                "is_whole": found.is_whole,
                "faults": [asdict(fault) for fault in found.faults],
                "looked_at": asdict(found.counts),
            }
        )
        return 0 if found.is_whole else 1
    for fault in found.faults:
        say(f"{fault.where}: {fault.what}")
        say(f"  {fault.advice}")
    print_pairs({name: f"{count:,}" for name, count in asdict(found.counts).items()})
    say("All is whole." if found.is_whole else f"{len(found.faults)} faults.")
    return 0 if found.is_whole else 1
