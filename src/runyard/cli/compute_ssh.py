"""`runyard compute attach-ssh`: a host, in the words that `ssh` takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from runyard.cli.secret import asked_for
from runyard.errors import InvalidParameter
from runyard.sdk.compute_configuration import TargetConfiguration
from runyard.sdk.compute_ssh import RemoteCompute

Host = Annotated[str, Parameter(help="Whom to be there, and where: USER@HOST or USER@HOST:PORT.")]
PrivateKey = Annotated[str, Parameter(help="The file of the key that lets in, which is sent to the server.")]
Passphrase = Annotated[bool, Parameter(help="Ask for the passphrase of that key.")]
Password = Annotated[bool, Parameter(help="Ask for a password, in place of a key.")]

_HOST = re.compile(r"(?P<user>[^@]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")


def host_configuration(
    text: str, private_key: str, settings: Mapping[str, Any], *, passphrase: bool, password: bool
) -> TargetConfiguration:
    """Return what a target of a host is made of.

    Raises:
        InvalidParameter: It names no host, or one that nobody knows yet.
    """
    named = _HOST.fullmatch(text)
    if named is None:
        raise InvalidParameter(f"{text!r} is no host; write USER@HOST, or USER@HOST:PORT.")
    return RemoteCompute.attach_configuration(
        named["user"],
        named["host"].strip("[]"),
        int(named["port"] or 22),
        asked_for("password") if password else "",
        private_key,
        asked_for("passphrase") if passphrase else "",
        **settings,
    )
