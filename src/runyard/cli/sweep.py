"""`runyard sweep`: many runs of a job with other values of its parameters, and the best of them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from runyard.cli.job_again import Settings, Words, changes_of
from runyard.cli.job_end import interruptible
from runyard.cli.job_submit import NO_WISHES, Wishes, experiment_of
from runyard.cli.options import HERE, Json, Place, RunId
from runyard.cli.printing import (
    duration_text,
    note,
    one_line,
    print_json,
    print_pairs,
    print_table,
    say,
    time_text,
)
from runyard.protocol.messages.sweeps import WireDistribution, WireSweep, WireTrial
from runyard.sdk.job_file import read_job_file
from runyard.sdk.sweep_records import list_sweeps
from runyard.sdk.sweep_run import SweepRun
from runyard.sdk.workspace import Workspace

app = App(name="sweep", help="Search for the best values of a job's parameters.")

_LONGEST_VALUE = 40

Wait = Annotated[
    bool, Parameter(help="Show each trial that ends until all have; the exit code is 1 if it ends badly.")
]


@app.command
def submit(
    file: Annotated[
        Path,
        Parameter(name=["--file", "-f"], help="A job file, TOML or YAML, with a table `sweep`."),
    ],
    *,
    wishes: Wishes = NO_WISHES,
    wait: Wait = False,
    place: Place = HERE,
    json: Json = False,
) -> int:
    """Submit a sweep; the server begins its trials, whether or not this machine is on."""
    wanted = wishes.over(read_job_file(file))
    workspace = place.open()
    config = wanted.sweep_config(workspace)
    config.run_config.checked_script()
    experiment = experiment_of(workspace, wanted)
    run = experiment.submit(config, wanted.text_tags(), display_name=wanted.name or None)
    return _said(run, wait=wait, json=json)


@app.command
def again(
    run_id: RunId,
    *words: Words,
    settings: Settings = (),
    max_trials: Annotated[int | None, Parameter(help="How many trials at most.")] = None,
    max_concurrent: Annotated[int | None, Parameter(help="How many at a time.")] = None,
    seed: Annotated[
        int | None, Parameter(help="What chance begins with; by default as before, which draws the same.")
    ] = None,
    wishes: Wishes = NO_WISHES,
    wait: Wait = False,
    place: Place = HERE,
    json: Json = False,
) -> int:
    """Submit a sweep again: the same search with the same code and data, but for what is said here."""
    workspace = place.open()
    changes = changes_of(workspace, words, settings, wishes)
    run = _found(workspace, run_id).submit_again(
        max_trials=max_trials, max_concurrent=max_concurrent, seed=seed, **changes
    )
    return _said(run, wait=wait, json=json)


@app.command(name="list")
def list_(
    *,
    experiment: Annotated[
        str | None, Parameter(name=["--experiment", "-e"], help="Only those of this experiment.")
    ] = None,
    max: Annotated[int, Parameter(help="How many at most; by default 50.", validator=Number(gte=1))] = 50,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List sweeps, the latest submitted first."""
    workspace = place.open()
    experiment_id = workspace.experiments[experiment].id if experiment else None
    found = list_sweeps(workspace.connection, experiment_id=experiment_id, page_size=max)
    sweeps = list(itertools.islice(found, max))
    if json:
        print_json(msgspec.to_builtins(sweeps))
        return
    print_table(
        (
            "RUN ID",
            "STATUS",
            "SEARCHES",
            "BEST",
            "SAMPLING",
            "TRIALS",
            "SUBMITTED",
            "DURATION",
            "BY",
            "REASON",
        ),
        (
            (
                each.run_id,
                _status(each),
                f"{each.goal} {each.metric}",
                _number(each.best_value),
                each.sampling,
                f"{sum(each.trials.values())} of {each.max_trials}",
                time_text(each.submitted_ms),
                duration_text(each.submitted_ms, each.ended_ms),
                each.submitted_by,
                each.reason or "-",
            )
            for each in sweeps
        ),
    )


@app.command
def show(run_id: RunId, *, place: Place = HERE, json: Json = False) -> None:
    """Show a sweep, its best trial and all others."""
    run = _found(place.open(), run_id)
    sweep, trials = run.sweep, run.get_trials()
    if json:
        print_json({**msgspec.to_builtins(sweep), "all_trials": msgspec.to_builtins(trials)})
        return
    counts = ", ".join(f"{count} {word}" for word, count in sorted(sweep.trials.items())) or "none yet"
    best = sweep.best
    print_pairs(
        {
            "Sweep": f"{run.display_name} {run.id}",
            "Status": _status(sweep),
            "Reason": sweep.reason or "-",
            "Searches": f"{sweep.goal} {sweep.metric}, {sweep.sampling} from seed {sweep.seed}",
            "Parameters": "; ".join(f"{name} {_shown(each)}" for name, each in sweep.parameters.items()),
            "Trials": f"{counts}; {sweep.max_trials} at most, {sweep.max_concurrent} at a time",
            "Best": "-" if best is None else f"trial {best.number}, {sweep.metric} {_value(best)}",
            "Runs": sweep.script or " ".join(sweep.command),
            "Compute": sweep.compute,
            "Longest": f"{sweep.max_sweep_duration_s} s" if sweep.max_sweep_duration_s else "-",
            "Submitted": f"{time_text(sweep.submitted_ms)} by {sweep.submitted_by}",
            "Ended": time_text(sweep.ended_ms),
            "Studio": run.get_portal_url(),
        }
    )
    names = list(sweep.parameters)
    print_table(
        ("TRIAL", "RUN ID", "STATUS", sweep.metric, *names, "REASON"),
        (
            (
                f"{each.number}{' *' if best is not None and each.number == best.number else ''}",
                each.run_id,
                each.status,
                _value(each),
                *(str(each.parameters[name])[:_LONGEST_VALUE] for name in names),
                each.reason or "-",
            )
            for each in trials
        ),
    )


@app.command
def wait(run_id: RunId, *, place: Place = HERE, json: Json = False) -> int:
    """Wait until a sweep has ended, and show each trial that does; the exit code is 1 if it ends badly."""
    return _waited(_found(place.open(), run_id), json=json)


@app.command
def cancel(run_id: RunId, *, place: Place = HERE, json: Json = False) -> None:
    """Begin no more trials of a sweep, and end those that go on."""
    run = _found(place.open(), run_id)
    run.cancel()
    if json:
        print_json(msgspec.to_builtins(run.sweep))
    else:
        say(one_line(f"{run.id} ({run.display_name}) {_status(run.sweep)}"))


def _found(workspace: Workspace, run_id: str) -> SweepRun:
    return SweepRun(workspace.get_run(run_id).experiment, run_id)


def _said(run: SweepRun, *, wait: bool, json: bool) -> int:
    """Say that a sweep is submitted, and wait for it if that is asked."""
    if json and not wait:
        print_json(msgspec.to_builtins(run.sweep))
    else:
        say(run.id)
        note(
            one_line(f"Sweep {run.display_name} is submitted to {run.sweep.compute}: {run.get_portal_url()}")
        )
    return _waited(run, json=json) if wait else 0


def _waited(run: SweepRun, *, json: bool) -> int:
    with interruptible(f"runyard sweep wait {run.id}", f"runyard sweep cancel {run.id}"):
        run.wait_for_completion(show_output=not json, raise_on_error=False)
    sweep = run.get_sweep()
    if json:
        print_json(msgspec.to_builtins(sweep))
    else:
        why = f", {sweep.reason}" if sweep.reason else ""
        note(one_line(f"Sweep {run.display_name} {run.id}: {sweep.status}{why}"))
    return 0 if sweep.status == "completed" else 1


def _status(sweep: WireSweep) -> str:
    return "ending" if sweep.is_closed and sweep.ended_ms is None else sweep.status


def _value(trial: WireTrial) -> str:
    return _number(trial.value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _shown(distribution: WireDistribution) -> str:
    if distribution.kind == "choice":
        return f"of {len(distribution.values)} values"
    if distribution.kind == "normal":
        bounds = f"around {distribution.mean:g} ± {distribution.deviation:g}"
    else:
        bounds = f"{distribution.low:g} to {distribution.high:g}"
    step = f" by {distribution.step:g}" if distribution.step else ""
    return bounds + step + (", by its logarithm" if distribution.is_log else "")
