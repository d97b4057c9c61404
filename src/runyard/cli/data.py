"""`runyard data`: datasets, which are where data lies and how it is read, by name and in versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place, pair_of
from runyard.cli.printing import count_text, print_json, print_pairs, print_table, say, time_text
from runyard.errors import AlreadyExists, InvalidParameter
from runyard.protocol.messages.data_assets import WireDataAsset
from runyard.sdk.dataset import FileDataset, TabularDataset, get_dataset
from runyard.sdk.dataset_factories import Dataset
from runyard.sdk.dataset_records import delete_dataset, get_record, list_records

app = App(name="data", help="Register, list, show, describe, download and delete datasets.")

Name = Annotated[str, Parameter(help="The dataset's name.")]
Version = Annotated[
    str | None, Parameter(name=["--version", "-v"], help="Which version; by default the latest.")
]
Tabular = Literal["delimited", "json-lines", "parquet"]


@app.command(name="list")
def list_datasets(*, place: Place = HERE, json: Json = False) -> None:
    """List the datasets of the workspace in their latest versions."""
    found = list(list_records(place.open()))
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("NAME", "VERSION", "KIND", "REGISTERED", "DATA", "DESCRIPTION"),
        (
            (
                each.name,
                str(each.version),
                _kind(each),
                time_text(each.created_ms),
                _places(each, 1),
                each.description,
            )
            for each in found
        ),
    )


@app.command
def show(name: Name, *, version: Version = None, place: Place = HERE, json: Json = False) -> None:
    """Show a version of a dataset, and where its data lies."""
    record = get_record(place.open(), name, version)
    if json:
        print_json(msgspec.to_builtins(record))
        return
    print_pairs(
        {
            "Name": record.name,
            "Version": f"{record.version} (the latest is {record.latest_version})",
            "Id": record.asset_id,
            "Kind": _kind(record),
            "Data": _places(record, 20),
            "Description": record.description or "-",
            "Tags": ", ".join(f"{key}={value}" for key, value in record.tags.items()) or "-",
            "Registered": f"{time_text(record.created_ms)} by {record.created_by or '-'}",
        }
    )


@app.command
def versions(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """List the versions of a dataset, the last one first."""
    found = list(list_records(place.open(), name))
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("VERSION", "KIND", "REGISTERED", "BY", "DATA"),
        (
            (
                str(each.version),
                _kind(each),
                time_text(each.created_ms),
                each.created_by or "-",
                _places(each, 1),
            )
            for each in found
        ),
    )


@app.command
def register(
    name: Name,
    *path: Annotated[str, Parameter(help="A URL, or a file, folder or pattern of this machine.")],
    tabular: Annotated[
        Tabular | None, Parameter(help="The files hold rows: delimited, json-lines or parquet.")
    ] = None,
    separator: Annotated[str, Parameter(help="What stands between values of delimited rows.")] = ",",
    datastore: Annotated[str | None, Parameter(help="The paths are in this datastore.")] = None,
    new_version: Annotated[bool, Parameter(help="The name may have other data already.")] = False,
    description: Annotated[str | None, Parameter(help="What it is.")] = None,
    tag: Annotated[tuple[str, ...], Parameter(help="A tag as KEY=VALUE; may be repeated.")] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Register data by a name; files of this machine are uploaded."""
    paths: list[Any] = [each if datastore is None else (datastore, each) for each in path]
    made = _made(paths, tabular, separator)
    tags = dict(pair_of(each) for each in tag)
    try:
        kept = made.register(place.open(), name, description, tags, create_new_version=new_version)
    except AlreadyExists as error:
        raise AlreadyExists(str(error).replace("create_new_version=True", "--new-version")) from None
    if json:
        print_json(msgspec.to_builtins(kept.record))
    else:
        say(f"Dataset {kept.name} is version {kept.version}")


@app.command
def update(
    name: Name,
    *,
    version: Version = None,
    description: Annotated[str | None, Parameter(help="What it is.")] = None,
    tag: Annotated[tuple[str, ...], Parameter(help="A tag as KEY=VALUE; may be repeated.")] = (),
    remove_tag: Annotated[tuple[str, ...], Parameter(help="A tag to take away; may be repeated.")] = (),
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Say anew what a version of a dataset is, and set tags of it or take them away."""
    if description is None and not tag and not remove_tag:
        raise InvalidParameter("Give a --description, a --tag or a --remove-tag.")
    found = get_dataset(place.open(), name, version)
    tags = {key: value for key, value in found.tags.items() if key not in remove_tag}
    found.update(description, tags | dict(pair_of(each) for each in tag))
    if json:
        print_json(msgspec.to_builtins(found.record))
    else:
        say(f"Dataset {found.name} version {found.version} is changed.")


@app.command
def download(
    name: Name,
    *,
    version: Version = None,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="The folder; by default the dataset's name.")
    ] = None,
    overwrite: Annotated[bool, Parameter(help="Files that are there may be replaced.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring the files of a dataset to this machine."""
    found = get_dataset(place.open(), name, version)
    paths = found.download(output or Path(name), overwrite=overwrite)
    if json:
        print_json(paths)
        return
    for path in paths:
        say(path)


@app.command
def delete(name: Name, *, version: Version = None, place: Place = HERE, json: Json = False) -> None:
    """Delete all versions of a dataset, or one. There is no way back.

    What was uploaded for them, and nothing else needs, goes with the next `runyard gc`.
    """
    deleted = delete_dataset(place.open(), name, version)
    if json:
        print_json({"name": name, "deleted": deleted})
    else:
        say(f"Deleted {count_text(deleted, 'version')} of {name}.")


def _made(paths: list[Any], tabular: str | None, separator: str) -> FileDataset | TabularDataset:
    if tabular == "delimited":
        return Dataset.Tabular.from_delimited_files(paths, separator=separator)
    if tabular == "json-lines":
        return Dataset.Tabular.from_json_lines_files(paths)
    if tabular == "parquet":
        return Dataset.Tabular.from_parquet_files(paths)
    return Dataset.File.from_files(paths)


def _kind(record: WireDataAsset) -> str:
    return record.kind if record.reading is None else f"{record.kind}, {record.reading.format}"


def _places(record: WireDataAsset, most: int) -> str:
    shown = [
        f"{each.datastore}:{each.address}" if each.kind == "datastore" else each.address
        for each in record.sources[:most]
    ]
    left = len(record.sources) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")
