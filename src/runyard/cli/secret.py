"""`runyard secret`: the passwords and keys that a workspace keeps."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, print_table, say, time_text
from runyard.errors import InvalidParameter

app = App(name="secret", help="Keep passwords and keys of a workspace, encrypted.")

Name = Annotated[str, Parameter(help="The secret's name: letters, digits, '-', '_' and '.'.")]


@app.command(name="set")
def set_secret(
    name: Name,
    *,
    from_file: Annotated[
        Path | None, Parameter(help="A file whose content, to the last byte, is the value.")
    ] = None,
    content_type: Annotated[str, Parameter(help="What it is, as text/plain; for people.")] = "",
    place: Place = HERE,
) -> None:
    """Keep a value, in place of the one of its name: read from standard input, or asked for without echo.

    It is no argument: those are seen by everybody on the machine, and stay in the shell's history. A line
    break at the end of the input is no part of it.
    """
    value = asked_for(name) if from_file is None else _content_of(from_file)
    place.open().secrets.set(name, value, content_type=content_type)
    say(f"The secret {name} is kept.")


@app.command
def get(name: Name, *, place: Place = HERE, json: Json = False) -> None:
    """Print the value of a secret; the audit log tells that you read it."""
    value = place.open().secrets.get(name)
    if json:
        print_json({"name": name, "value": value})
        return
    say(value)


@app.command(name="list")
def list_secrets(*, place: Place = HERE, json: Json = False) -> None:
    """List the names of all secrets, and who set them when; values are not shown."""
    found = place.open().secrets.describe()
    if json:
        print_json(
            [
                {
                    "name": each.name,
                    "content_type": each.content_type,
                    "created_ms": each.created_ms,
                    "updated_ms": each.updated_ms,
                    "updated_by": each.updated_by,
                }
                for each in found
            ]
        )
        return
    print_table(
        ("NAME", "SET", "BY", "CONTENT TYPE"),
        ((each.name, time_text(each.updated_ms), each.updated_by, each.content_type) for each in found),
    )


@app.command
def delete(name: Name, *, place: Place = HERE) -> None:
    """Delete a secret for good."""
    place.open().secrets.delete(name)
    say(f"The secret {name} is deleted.")


def asked_for(name: str) -> str:
    """Return a secret that is typed without echo, or comes by standard input; no line break at its end."""
    if sys.stdin.isatty():
        value = getpass.getpass(f"Value of {name} (not shown): ")
    else:
        value = _text_of(sys.stdin.buffer.read(), "The standard input")
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise InvalidParameter("No value was given: write it to the standard input, or type it when asked.")
    return value


def _content_of(file: Path) -> str:
    return _text_of(file.read_bytes(), str(file))


def _text_of(content: bytes, source: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidParameter(f"{source} is no UTF-8 text; encode it, as by base64.") from None
