"""`runyard azureml env`: the variables that point Microsoft's packages for Azure ML at a server."""

from __future__ import annotations

import importlib
import json as json_text
import shlex
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from runyard.cli.options import Json, nearest_configuration
from runyard.cli.printing import note, print_json, print_pairs, say
from runyard.errors import InvalidParameter, NotFound, Unauthenticated
from runyard.sdk.addresses import default_url, home_folder, running_url, server_url
from runyard.sdk.azure_variables import SECRETS, azure_variables, folder_of_client, write_authorities
from runyard.sdk.credentials import known_secret

_CA = Path("tls", "ca.pem")


def env(
    *,
    home: Annotated[Path | None, Parameter(help="Home of the server, if it runs on this machine.")] = None,
    url: Annotated[
        str | None, Parameter(help="Address of the server; by default that of the home's, or of yours.")
    ] = None,
    workspace: Annotated[
        str | None, Parameter(name=["--workspace", "-w"], help="Name of the workspace.")
    ] = None,
    ca: Annotated[
        Path | None, Parameter(help="Certificate of the authority to trust besides the system's (PEM).")
    ] = None,
    shell: Annotated[bool, Parameter(help="Print `export` lines, for eval.")] = False,
    json: Json = False,
) -> None:
    """Print what Microsoft's packages for Azure ML need to take a server for Azure, and nothing else.

    Use it as `eval "$(runyard azureml env --shell)"`. The packages need HTTPS: `runyard serve --tls self`.
    At the machine that holds the home it makes an API key for the workspace, if there is no other.
    """
    address = _address(home, url)
    name = workspace or ("default" if url or home else nearest_configuration().workspace_name)
    of_home = _home_of(address, home)
    folder = folder_of_client(address)
    authority = ca or (of_home / _CA if of_home is not None and (of_home / _CA).exists() else None)
    bundle = None if authority is None else write_authorities(authority, folder)
    variables = azure_variables(address, name, _secret(address, name, of_home, folder), folder, bundle)
    if json:
        print_json(variables)
    elif shell:
        for variable, value in variables.items():
            say(f"export {variable}={shlex.quote(value)}")
    else:
        print_pairs({each: "(secret)" if each in SECRETS else value for each, value in variables.items()})
        note('To set them: eval "$(runyard azureml env --shell)"')


def _address(home: Path | None, url: str | None) -> str:
    address = server_url(url) if url else running_url(home) if home else default_url()
    if address is None:
        raise NotFound(f"No server runs on {home}. Start it with `runyard serve --home {home} --tls self`.")
    if urlsplit(address).scheme != "https":
        raise InvalidParameter(
            f"Microsoft's packages speak HTTPS alone, and the server is at {address}. Start it with "
            "--tls self, or name its HTTPS address with --url."
        )
    return address


def _home_of(address: str, home: Path | None) -> Path | None:
    """Return the home of a server on this machine, if the address is that one's."""
    named = home or home_folder()
    return named if running_url(named) == address else None


def _secret(address: str, workspace: str, of_home: Path | None, folder: Path) -> str | None:
    """Return the API key to send; ``None`` for a server of one's own, which needs none."""
    known = known_secret(address)
    if known is not None:
        return known
    if of_home is None:
        raise Unauthenticated(
            f"The server at {address} may need a credential. Set RUNYARD_TOKEN to an API key, or log in with "
            f"`runyard login --url {address}`; at the machine that holds its data, give --home."
        )
    running = json_text.loads((of_home / "server.json").read_text(encoding="utf-8"))
    if running.get("mode") == "up":
        return None
    # It needs the server's libraries, which are where its home is; elsewhere this command does without.
    making = importlib.import_module("runyard.cli.azureml_key")
    key: str = making.key_of_home(of_home, workspace, folder / f"{workspace}.key")
    return key
