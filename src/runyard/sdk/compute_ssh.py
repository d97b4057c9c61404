"""Hosts that are reached over SSH as compute targets: Azure's attached virtual machines."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runyard.errors import InvalidParameter
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.compute import ComputeTarget
from runyard.sdk.compute_configuration import TargetConfiguration

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

SSH: Final = "ssh"
KNOWN_HOSTS: Final = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")

# By these Azure's first SDK finds a machine in Azure.
_AZURE_OPTIONS = ("subscription_id", "resource_group", "vm_name", "resource_id")
_ASKED_WITHIN_S = 10.0


@names_arguments
class RemoteCompute(ComputeTarget, kind=SSH):
    """A host that is reached over SSH, and needs Python and nothing else.

    Example:
        >>> wanted = RemoteCompute.attach_configuration(
        ...     "ada",
        ...     "vm.example",
        ...     host_key_fingerprint="SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        ...     skip_validation=True,
        ... )
        >>> ComputeTarget.attach(ws, "vm", wanted).type
        'VirtualMachine'
    """

    @staticmethod
    def attach(
        workspace: Workspace,
        name: str,
        attach_configuration: TargetConfiguration | str | None = None,
        address: str = "",
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
        *,
        username: str | None = None,
    ) -> ComputeTarget:
        """Make a target of a host, by a configuration or, as Azure's SDK once did, by what is in one.

        Args:
            workspace: Where.
            name: Its name, unique in the workspace.
            attach_configuration: What :meth:`attach_configuration` returned; or the ``username``.
            address: As :meth:`attach_configuration`, as what follows.
            ssh_port: As there.
            password: As there.
            private_key_file: As there.
            private_key_passphrase: As there.
            username: Whom jobs run as there.

        Raises:
            AlreadyExists: There is a target of that name.
            InvalidParameter: No target can have this name or these settings, or it can't be reached.
            Forbidden: The credential does not allow it.

        Example:
            >>> wanted = RemoteCompute.attach_configuration(
            ...     "ada",
            ...     "vm.example",
            ...     host_key_fingerprint="SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            ...     skip_validation=True,
            ... )
            >>> RemoteCompute.attach(ws, "vm", wanted)
            RemoteCompute('vm', workspace='lab')
        """
        if not isinstance(attach_configuration, TargetConfiguration):
            attach_configuration = RemoteCompute.attach_configuration(
                username or attach_configuration or "",
                address,
                ssh_port,
                password,
                private_key_file,
                private_key_passphrase,
            )
        return ComputeTarget.attach(workspace, name, attach_configuration)

    @staticmethod
    def attach_configuration(
        username: str,
        address: str = "",
        ssh_port: int = 22,
        password: str = "",
        private_key_file: str = "",
        private_key_passphrase: str = "",
        *,
        slots: int = 1,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        skip_validation: bool = False,
        **settings: Any,
    ) -> TargetConfiguration:
        """Return what :meth:`ComputeTarget.attach` makes a target of.

        By what the host is known to be that one is read from where ``ssh`` keeps it on this machine.

        Args:
            username: Whom jobs run as there.
            address: Its name or number, as the server reaches it.
            ssh_port: Where its sshd listens.
            password: What lets in, or
            private_key_file: a key's file, whose content is sent to the server. On ``runyard up`` neither is
                needed: the keys and the agent of the person are tried.
            private_key_passphrase: What opens that key.
            slots: How many jobs of one slot run on it at a time.
            tags: Free key and value pairs.
            description: What it is for.
            skip_validation: Whether the server keeps the target without connecting to it.
            **settings: ``known_hosts``, lines as in that file, or ``host_key_fingerprint`` in their place;
                ``python``, ``folder``, ``server_url``, ``use_tunnel``, ``tunnel_port``, ``use_containers``,
                where not as usual.

        Raises:
            InvalidParameter: No address, a key's file that can't be read, or a host that nobody knows yet.

        Example:
            >>> wanted = RemoteCompute.attach_configuration(
            ...     "ada", "vm.example", host_key_fingerprint="SHA256:...", slots=2
            ... )
            >>> wanted.settings["host"], wanted.settings["port"]
            ('vm.example', 22)
        """
        of_azure = [each for each in _AZURE_OPTIONS if settings.pop(each, None) is not None]
        if not address:
            asked = f"{of_azure[0]}: Runyard does not ask Azure where a machine is; " if of_azure else ""
            raise InvalidParameter(f"{asked}give its address.")
        if not settings.get("known_hosts") and not settings.get("host_key_fingerprint"):
            settings["known_hosts"] = known_hosts_of(address, ssh_port, username)
        credential = {
            "password": password,
            "private_key": _content(private_key_file) if private_key_file else "",
            "private_key_passphrase": private_key_passphrase,
        }
        return TargetConfiguration(
            kind=SSH,
            slots=slots,
            description=description or "",
            tags=dict(tags or {}),
            settings={"host": address, "port": ssh_port, "username": username, **settings},
            credential={part: value for part, value in credential.items() if value},
            skip_validation=skip_validation,
        )


def known_hosts_of(host: str, port: int, username: str, files: Sequence[str] = KNOWN_HOSTS) -> list[str]:
    """Return the lines by which ``ssh`` on this machine knows a host.

    Raises:
        InvalidParameter: It does not know it, or there is no ``ssh-keygen`` to ask.
    """
    name = host if port == 22 else f"[{host}]:{port}"
    lines = []
    for each in files:
        path = Path(each).expanduser()
        if path.is_file():
            lines += _lines_about(name, path)
    if not lines:
        option = "" if port == 22 else f"-p {port} "
        raise InvalidParameter(
            f"{name} is not in {files[0]}, so nobody could tell whether it is that host. Connect to it once: "
            f"`ssh {option}{username}@{host}` shows its key and asks. Or give host_key_fingerprint, which "
            "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on the host itself."
        )
    return lines


def _lines_about(name: str, path: Path) -> list[str]:
    """Return the lines of a file; names in it may be hashed, so the program that hashes them is asked."""
    if name.startswith("-"):
        raise InvalidParameter(f"{name!r} is no address.")
    try:
        found = subprocess.run(
            ["ssh-keygen", "-F", name, "-f", str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_ASKED_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidParameter(
            f"{path} can't be asked about {name} ({error}). Give known_hosts or host_key_fingerprint."
        ) from None
    return [line for line in found.stdout.splitlines() if line and not line.startswith("#")]


def _content(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"private_key_file can't be read: {error}") from None
