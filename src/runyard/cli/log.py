"""`runyard log`: metrics, params, files, tables and pictures from a shell, into the run at hand."""

from __future__ import annotations

import csv
import json as json_format
import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import count_text, print_json, say
from runyard.errors import InvalidParameter
from runyard.sdk.run import Run
from runyard.sdk.run_context import RUN_ID_VARIABLES

app = App(name="log", help="Log metrics, params, files, tables and pictures to a run.")

ToRun = Annotated[
    str | None,
    Parameter(
        name=["--run", "-r"],
        help="The run's id; by default the one that MLFLOW_RUN_ID or `runyard run` names.",
    ),
]


@app.command
def metric(
    name: Annotated[str, Parameter(help="The metric.")],
    *value: Annotated[
        float, Parameter(help="Its value, or several, each at the next step.", allow_leading_hyphen=True)
    ],
    step: Annotated[int | None, Parameter(help="The step of the first; by default the next one.")] = None,
    run: ToRun = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Log one value of a metric, or several."""
    if not value:
        raise InvalidParameter("Give a value, as in `runyard log metric loss 0.5`.")
    found = _run(place, run)
    for number, each in enumerate(value):
        found.log(name, each, step=None if step is None else step + number)
    _done(found, f"{count_text(len(value), 'point')} of {name}", as_json=json)


@app.command
def param(
    *pair: Annotated[str, Parameter(help="A param and its value, as alpha=0.1.")],
    run: ToRun = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Log params. A param that has another value already is refused, and nothing changes."""
    params = pairs_of(pair)
    found = _run(place, run)
    taken = [key for key, value in params.items() if found.params.get(key, value) != value]
    if taken:
        was = found.params[taken[0]]
        raise InvalidParameter(f"Param {taken[0]!r} is {was!r} already, and a param is written once.")
    found.log_params(params)
    _done(found, count_text(len(params), "param"), as_json=json)


@app.command
def artifact(
    path: Annotated[Path, Parameter(help="A file or a folder of this machine.")],
    *,
    name: Annotated[
        str | None, Parameter(help="Its name in the run, as plots/roc.png; by default its own.")
    ] = None,
    run: ToRun = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Upload a file, or a folder with all that is in it."""
    found = _run(place, run)
    target = name or path.absolute().name
    if path.is_dir():
        found.upload_folder(target, path)
    else:
        found.upload_file(target, path)
    _done(found, target, as_json=json)


@app.command
def table(
    name: Annotated[str, Parameter(help="What the table is called.")],
    path: Annotated[Path, Parameter(help="A CSV file with a header, or JSON: columns, or a list of rows.")],
    *,
    run: ToRun = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Log a table, which `mlflow.load_table` reads too."""
    columns = _columns(path)
    found = _run(place, run)
    found.log_table(name, columns)
    _done(found, f"table {name}", as_json=json)


@app.command
def image(
    name: Annotated[str, Parameter(help="What the picture is called.")],
    path: Annotated[Path, Parameter(help="A file of this machine.")],
    *,
    run: ToRun = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Log a picture."""
    found = _run(place, run)
    found.log_image(name, path=str(path))
    _done(found, f"picture {name}", as_json=json)


def pairs_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return what a person wrote as `key=value`, some of them.

    Raises:
        InvalidParameter: There are none, or one has no equals sign.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidParameter(f"{text!r} is no pair: write it as key=value.")
        pairs[key] = value
    if not pairs:
        raise InvalidParameter("Give at least one pair, as key=value.")
    return pairs


def changed_tags(pair: tuple[str, ...], remove: tuple[str, ...]) -> dict[str, str]:
    """Return the tags that a person sets, where they set some or take some away.

    Raises:
        InvalidParameter: They do neither, or a pair has no equals sign.
    """
    if not pair and not remove:
        raise InvalidParameter("Give tags as key=value, or --remove KEY.")
    return pairs_of(pair) if pair else {}


def _run(place: Place, run_id: str | None) -> Run:
    if run_id is not None:
        return place.open().get_run(run_id)
    if not any(os.environ.get(name) for name in RUN_ID_VARIABLES):
        raise InvalidParameter(
            "Which run? Give --run ID, or call this from a script that `runyard run` has started."
        )
    return Run.get_context()


def _done(run: Run, what: str, *, as_json: bool) -> None:
    """Say what is logged once it is at the server; what waits for the network is no error of the script's."""
    is_sent = run._open_sink().flush()
    if as_json:
        print_json({"run_id": run.id, "logged": what, "is_sent": is_sent})
    else:
        say(f"{what} logged to run {run.id}" + ("" if is_sent else "; it waits on this machine"))


def _columns(path: Path) -> dict[str, list[Any]]:
    if path.suffix.lower() != ".json":
        with path.open(newline="", encoding="utf-8") as opened:
            rows: Any = list(csv.DictReader(opened))
        if not rows:
            raise InvalidParameter(f"{path} has no rows below its header.")
        return {column: [_value(row.get(column)) for row in rows] for column in rows[0] if column is not None}
    try:
        content = json_format.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidParameter(f"{path} is no JSON: {error}") from None
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        names = dict.fromkeys(name for row in content for name in row)
        return {name: [row.get(name) for row in content] for name in names}
    if isinstance(content, dict):
        return content
    raise InvalidParameter(f'{path} has neither columns, as {{"x": [1, 2]}}, nor a list of rows.')


def _value(text: str | None) -> Any:
    """Return a number where a cell of a CSV file is one."""
    try:
        number = float(text or "")
    except ValueError:
        return text
    return int(number) if number.is_integer() and (text or "").strip().lstrip("+-").isdecimal() else number
