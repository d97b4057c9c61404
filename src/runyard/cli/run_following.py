"""`runyard tail`, `open` and `run tag`: reading along with a run, its page, its tags."""

from __future__ import annotations

import sys
import webbrowser
from typing import Annotated

from cyclopts import Parameter

from runyard.cli.log import changed_tags
from runyard.cli.options import HERE, Json, Place, RunId
from runyard.cli.printing import note, print_json, print_pairs, say


def tail_run(
    run_id: RunId,
    *,
    once: Annotated[bool, Parameter(help="Only what is there, without waiting for more.")] = False,
    place: Place = HERE,
) -> int:
    """Print what a run's script prints, until the run has ended; the exit code is 1 if it ended badly.

    It is there for scripts that `runyard run` has started. Ctrl-C ends the reading, not the script.
    """
    run = place.open().get_run(run_id)
    console = run.console()
    is_silent = True
    for stream, content in console.new() if once else console.follow():
        is_silent = False
        target = sys.stderr if stream == "stderr" else sys.stdout
        target.write(content.decode("utf-8", "replace"))
        target.flush()
    if is_silent:
        note(f"Run {run.id} has printed nothing that was kept.")
    note(f"Run {run.display_name} {run.id}: {run.get_status()}")
    return 1 if run.status in ("Failed", "Canceled") else 0


def open_run(
    run_id: RunId,
    *,
    print: Annotated[bool, Parameter(help="Only print the address.")] = False,
    place: Place = HERE,
) -> None:
    """Open a run's page in the browser, and print its address."""
    _opened(place.open().get_run(run_id).get_portal_url(), is_only_printed=print)


def open_page(
    run_id: Annotated[
        str | None, Parameter(help="A run's id; without one, the workspace's page opens.")
    ] = None,
    *,
    print: Annotated[bool, Parameter(help="Only print the address.")] = False,
    place: Place = HERE,
) -> None:
    """Open a workspace's page in the browser, or that of a run, and print its address."""
    workspace = place.open()
    url = f"{workspace.tracking_uri}/" if run_id is None else workspace.get_run(run_id).get_portal_url()
    _opened(url, is_only_printed=print)


def _opened(url: str, *, is_only_printed: bool) -> None:
    say(url)
    if not is_only_printed and not webbrowser.open(url):
        note("There is no browser here; open the address yourself.")


def rename_run(
    run_id: RunId,
    name: Annotated[str, Parameter(help="Its new name, which need not be unique.")],
    *,
    place: Place = HERE,
) -> None:
    """Give a run another name."""
    run = place.open().get_run(run_id)
    run.display_name = name
    say(f"{run.id} is called {run.display_name}")


def tag_run(
    run_id: RunId,
    *pair: Annotated[str, Parameter(help="A tag and its value, as team=robots.")],
    remove: Annotated[tuple[str, ...], Parameter(help="A tag to take away; may be repeated.")] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Set tags of a run, and take others away."""
    tags = changed_tags(pair, remove)
    run = place.open().get_run(run_id)
    if tags:
        run.set_tags(tags)
        run.flush()
    if remove:
        run.remove_tags(remove)
    found = run.get_tags()
    if json:
        print_json(found)
    else:
        print_pairs(dict(sorted(found.items())))
