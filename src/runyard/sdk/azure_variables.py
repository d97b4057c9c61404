"""The variables that make Microsoft's packages for Azure ML take a server for Azure, and their files."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from pathlib import Path
from typing import Final

import requests

from runyard.errors import InvalidParameter
from runyard.protocol.azure_uris import SCOPE_FORM
from runyard.protocol.messages.azure import CLOUD, NO_SECRET
from runyard.protocol.messages.workspaces import RESOURCE_GROUP, SUBSCRIPTION_ID

SECRETS: Final = frozenset({"MSI_SECRET", "MLFLOW_TRACKING_TOKEN"})
_BUNDLE: Final = "authorities.pem"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def azure_variables(
    url: str, workspace: str, secret: str | None, folder: Path, bundle: Path | None
) -> dict[str, str]:
    """Return the variables by name.

    Args:
        url: The ``https`` address of the server.
        workspace: The workspace that MLflow is to log to.
        secret: An API key or token; ``None`` where the server asks for none.
        folder: Where those packages keep what they know of their cloud; another server's must not be there.
        bundle: A file of the authorities to trust; ``None`` for those of each package.

    Example:
        >>> variables = azure_variables("https://lab.example:5000", "default", None, Path("/tmp/x"), None)
        >>> variables["MSI_ENDPOINT"]
        'https://lab.example:5000/msi/token'
    """
    scope = SCOPE_FORM.format(subscription=SUBSCRIPTION_ID, group=RESOURCE_GROUP, workspace=workspace)
    variables = {
        "ARM_CLOUD_METADATA_URL": f"{url}/metadata/endpoints",
        "AZUREML_CURRENT_CLOUD": CLOUD,
        "AZURE_CONFIG_DIR": str(folder),
        "MSI_ENDPOINT": f"{url}/msi/token",
        "MSI_SECRET": secret or NO_SECRET,
        # With it the first SDK sends the secret, which it keeps to itself otherwise.
        "APPSETTING_WEBSITE_SITE_NAME": "runyard",
        "MLFLOW_TRACKING_URI": f"azureml://{url.removeprefix('https://')}/mlflow/v2.0{scope}",
    }
    if secret is not None:
        # What MLflow itself sends where it reads and writes files without the plugin.
        variables["MLFLOW_TRACKING_TOKEN"] = secret
    if bundle is not None:
        # The first is for requests, the other for what Python itself opens.
        variables |= {"REQUESTS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}
    return variables


def folder_of_client(url: str) -> Path:
    """Return a folder of this person's for what clients of the server at ``url`` keep, made if need be."""
    base = os.environ.get("XDG_STATE_HOME")
    above = (Path(base) if base else Path.home() / ".local" / "state") / "runyard" / "azureml"
    folder = above / hashlib.sha256(url.encode()).hexdigest()[:16]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write_authorities(authority: Path, folder: Path) -> Path:
    """Write a file of all authorities to trust into ``folder`` and return its path.

    They are the one in ``authority`` and those that are trusted without it: the system's, those of requests,
    and those that ``REQUESTS_CA_BUNDLE`` and ``SSL_CERT_FILE`` name.

    Raises:
        InvalidParameter: ``authority`` holds no certificate.
    """
    own = _certificates(authority)
    if not own:
        raise InvalidParameter(f"{authority} holds no certificate in PEM form.")
    target = folder / _BUNDLE
    named = [os.environ.get(name) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")]
    system = ssl.get_default_verify_paths().cafile
    others = [Path(path) for path in (*named, system, requests.utils.DEFAULT_CA_BUNDLE_PATH) if path]
    trusted = dict.fromkeys(own)
    for path in others:
        if path != target:
            trusted |= dict.fromkeys(_certificates(path))
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.write_text("\n".join(trusted) + "\n", encoding="ascii")
    unfinished.replace(target)
    return target


def _certificates(path: Path) -> list[str]:
    """Return the certificates in a file; none if it is not there, or a folder."""
    if not path.is_file():
        return []
    return _CERTIFICATE.findall(path.read_text(encoding="latin-1"))
