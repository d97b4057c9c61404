"""`runyard datastore`: places for files, and the files in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import (
    bytes_text,
    count_text,
    note,
    print_json,
    print_pairs,
    print_table,
    say,
    time_text,
)
from runyard.cli.secret import asked_for
from runyard.errors import InvalidParameter
from runyard.protocol.messages.datastores import RegisterDatastore, WireCredential, WireDatastore
from runyard.sdk.datastore import Datastore
from runyard.sdk.datastore_files import Transferred
from runyard.sdk.local_pairs import local_pairs
from runyard.sdk.yaml_text import read_small_file

app = App(name="datastore", help="Register places for files; list, upload and download what is in them.")

Name = Annotated[str, Parameter(help="The datastore's name.")]
MaybeName = Annotated[str | None, Parameter(help="The datastore's name; by default the default one.")]
Which = Annotated[
    str | None,
    Parameter(name=["--datastore", "-n"], help="Which datastore; by default the workspace's default one."),
]
Overwrite = Annotated[bool, Parameter(help="Replace files that are there already; else they stay.")]
Kind = Literal["folder", "s3", "azure_blob", "gcs"]
SignWith = Literal["account-key", "sas-token"]


@app.command(name="list")
def list_datastores(*, place: Place = HERE, json: Json = False) -> None:
    """List the datastores of a workspace, those that each workspace has first."""
    found = [each.details for each in place.open().datastores.values()]
    if json:
        print_json([_described(each) for each in found])
        return
    print_table(
        ("NAME", "KIND", "DEFAULT", "WHERE", "DESCRIPTION"),
        ((each.name, each.kind, _yes(each.is_default), _where(each), each.description) for each in found),
    )


@app.command
def show(name: MaybeName = None, *, place: Place = HERE, json: Json = False) -> None:
    """Show a datastore, without its credential."""
    details = Datastore(place.open(), name).details
    if json:
        print_json(_described(details))
        return
    pairs = {
        "name": details.name,
        "kind": details.kind,
        "where": _where(details),
        "account": details.account,
        "endpoint": details.endpoint,
        "region": details.region,
        "credential": "kept, encrypted" if details.has_credential else "",
        "default": _yes(details.is_default),
        "description": details.description,
        "registered": ""
        if details.is_built_in
        else f"{time_text(details.updated_ms)} by {details.created_by}",
    }
    print_pairs({label: text for label, text in pairs.items() if text})


@app.command
def register(
    name: Name,
    *,
    kind: Annotated[Kind, Parameter(help="What keeps the files.")],
    bucket: Annotated[
        str, Parameter(name=["--bucket", "--container"], help="The bucket, or Azure's container.")
    ] = "",
    prefix: Annotated[str, Parameter(help="The folder in it that is the datastore's root.")] = "",
    region: Annotated[str, Parameter(help="The region of an S3 bucket.")] = "",
    account: Annotated[str, Parameter(help="Azure's storage account.")] = "",
    endpoint: Annotated[str, Parameter(help="The service's address, where it is not the cloud's own.")] = "",
    folder: Annotated[
        str, Parameter(help="A folder of the server that its administrator has named; else a new one.")
    ] = "",
    access_key_id: Annotated[str, Parameter(help="Id of the S3 key; its secret is then asked for.")] = "",
    sign_with: Annotated[SignWith | None, Parameter(help="What of Azure's is then asked for.")] = None,
    key_file: Annotated[
        Path | None, Parameter(help="The JSON file of a service account's key, for GCS.")
    ] = None,
    description: Annotated[str, Parameter(help="Free text.")] = "",
    overwrite: Annotated[bool, Parameter(help="Replace the datastore of this name.")] = False,
    skip_validation: Annotated[bool, Parameter(help="Don't look whether it can be listed.")] = False,
    place: Place = HERE,
) -> None:
    """Register a place for files by a name, once it was reached.

    A secret that is asked for is read from standard input, or typed without echo; it is no argument, because
    those are seen by everybody on the machine. Without any, what is public is read.
    """
    wanted = RegisterDatastore(
        name=name,
        kind=kind,
        bucket=bucket,
        prefix=prefix,
        region=region,
        account=account,
        endpoint=endpoint,
        folder=folder,
        credential=_credential(access_key_id, sign_with, key_file),
        description=description,
        overwrite=overwrite,
        skip_validation=skip_validation,
    )
    registered = Datastore.register(place.open(), wanted)
    say(f"The datastore {registered.name} is registered: {_where(registered.details)}")


@app.command
def unregister(name: Name, *, place: Place = HERE) -> None:
    """Forget a datastore and its credential; the files stay where they are."""
    Datastore(place.open(), name).unregister()
    say(f"The datastore {name} is forgotten. Its files stay where they are.")


@app.command(name="set-default")
def set_default(name: Name, *, place: Place = HERE) -> None:
    """Make a datastore the one that is meant where none is named."""
    Datastore(place.open(), name).set_as_default()
    say(f"The datastore {name} is the default one now.")


@app.command(name="ls")
def list_files(
    path: Annotated[str, Parameter(help="A folder, a file, or a pattern as raw/**/*.csv.")] = "",
    *,
    datastore: Which = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List what lies in a folder of a datastore."""
    found = Datastore(place.open(), datastore).list(path)
    if json:
        print_json([{"path": each.path, "size_bytes": each.size_bytes} for each in found])
        return
    print_table(
        ("PATH", "SIZE"),
        (
            (f"{each.path}/", "") if each.size_bytes is None else (each.path, bytes_text(each.size_bytes))
            for each in found
        ),
    )


@app.command
def upload(
    source: Annotated[Path, Parameter(help="A folder or a file of this machine.")],
    target: Annotated[str, Parameter(help="The folder of the datastore to put it into.")] = "",
    *,
    datastore: Which = None,
    overwrite: Overwrite = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Upload a folder with all that is in it, or one file."""
    opened = Datastore(place.open(), datastore)
    _tell(opened.send(local_pairs(source, target), overwrite=overwrite), "uploaded", json)


@app.command
def download(
    source: Annotated[str, Parameter(help="A folder, a file, or a pattern as raw/**/*.csv.")],
    target: Annotated[Path, Parameter(help="The folder of this machine to put it into.")] = Path(),
    *,
    datastore: Which = None,
    overwrite: Overwrite = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Download files by their paths in the datastore; '.' stands for all of them."""
    pattern = "" if source == "." else source
    files = Datastore(place.open(), datastore).files
    _tell(files.download(pattern, target, overwrite=overwrite, show_progress=True), "downloaded", json)


@app.command
def delete(
    path: Annotated[str, Parameter(help="A file, or a folder with all that is in it.")],
    *,
    datastore: Which = None,
    place: Place = HERE,
) -> None:
    """Delete a file or a folder of a datastore for good."""
    Datastore(place.open(), datastore).delete(path)
    say(f"{path} is deleted.")


def _credential(
    access_key_id: str, sign_with: SignWith | None, key_file: Path | None
) -> WireCredential | None:
    if sum(map(bool, (access_key_id, sign_with, key_file))) > 1:
        raise InvalidParameter("Name one of --access-key-id, --sign-with and --key-file.")
    if access_key_id:
        secret = asked_for("the secret access key")
        return WireCredential(access_key_id=access_key_id, secret_access_key=secret)
    if sign_with == "sas-token":
        return WireCredential(sas_token=asked_for("the SAS token").lstrip("?"))
    if sign_with == "account-key":
        return WireCredential(account_key=asked_for("the account key"))
    return WireCredential(service_account_key=read_small_file(key_file)) if key_file else None


def _tell(done: Transferred, what: str, is_json: bool) -> None:
    if is_json:
        print_json({"files": done.files, "size_bytes": done.size_bytes, "skipped": list(done.skipped)})
        return
    if done.skipped:
        note(f"{len(done.skipped)} files were there already and stay; --overwrite replaces them.")
    say(f"{count_text(done.files, 'file')} {what}, {bytes_text(done.size_bytes)}.")


def _where(details: WireDatastore) -> str:
    if details.kind == "folder":
        return details.folder or "on the server"
    scheme = {"s3": "s3", "azure_blob": "az", "gcs": "gs"}.get(details.kind, details.kind)
    return f"{scheme}://{details.bucket}/{details.prefix}"


def _yes(is_so: bool) -> str:
    return "yes" if is_so else ""


def _described(details: WireDatastore) -> dict[str, object]:
    return {name: getattr(details, name) for name in details.__struct_fields__}
