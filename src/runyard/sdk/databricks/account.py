"""A workspace of Databricks, as far as a link needs it: what is asked goes through Databricks' own client."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runyard._version import __version__
from runyard.errors import Forbidden, InvalidParameter, NotFound, Unauthenticated, Unavailable
from runyard.sdk.optional_libraries import optional_library

_INSTALL = "databricks-sdk"
_NEEDED_FOR = "A link to Databricks"


class Account:
    """A Databricks workspace, with the credential of the person who links it.

    Args:
        host: Its address; left out, as the next two, what Databricks' client finds in the environment, in
            ``~/.databrickscfg`` and in the command lines of the clouds.
        token: A token of that person's.
        profile: A profile of ``~/.databrickscfg``.

    Raises:
        InvalidParameter: There is no credential, or databricks-sdk is not installed.
    """

    def __init__(self, host: str | None = None, token: str | None = None, profile: str | None = None) -> None:
        sdk = optional_library("databricks.sdk", _NEEDED_FOR, _INSTALL)
        self._errors: Any = optional_library("databricks.sdk.errors", _NEEDED_FOR, _INSTALL)
        self._compute: Any = optional_library("databricks.sdk.service.compute", _NEEDED_FOR, _INSTALL)
        self._files: Any = optional_library("databricks.sdk.service.workspace", _NEEDED_FOR, _INSTALL)
        try:
            self._client: Any = sdk.WorkspaceClient(
                host=host, token=token, profile=profile, product="runyard", product_version=__version__
            )
        except ValueError as error:
            raise InvalidParameter(f"There is no way to sign in to Databricks: {error}") from None
        self.host: str = self._client.config.host.rstrip("/")

    def user_name(self) -> str:
        """Return who asks, and so learn whether Databricks lets them in.

        Raises:
            Unauthenticated: It does not.
        """
        with self._asking():
            name: str = self._client.current_user.me().user_name
        return name

    def has_scope(self, scope: str) -> bool:
        """Tell whether there is a scope of secrets that the person may see."""
        with self._asking():
            return any(each.name == scope for each in self._client.secrets.list_scopes())

    def put_secret(self, scope: str, key: str, value: str) -> None:
        """Keep a secret in a scope, which is made if need be."""
        if not self.has_scope(scope):
            with self._asking():
                self._client.secrets.create_scope(scope)
        with self._asking():
            self._client.secrets.put_secret(scope, key, string_value=value)

    def has_secret(self, scope: str, key: str) -> bool:
        """Tell whether a scope holds a secret; nobody but a notebook reads its value."""
        try:
            with self._asking():
                return any(each.key == key for each in self._client.secrets.list_secrets(scope))
        except NotFound:
            return False

    def let_read(self, scope: str, principal: str) -> None:
        """Let a user or a group of Databricks read the secrets of a scope."""
        with self._asking():
            self._client.secrets.put_acl(scope, principal, self._files.AclPermission.READ)

    def remove_scope(self, scope: str) -> None:
        """Remove a scope and its secrets, if it is there."""
        with self._asking(passing_over_what_is_gone=True):
            self._client.secrets.delete_scope(scope)

    def variables_of(self, cluster_id: str) -> dict[str, str]:
        """Return the environment variables of a cluster.

        Raises:
            NotFound: There is no such cluster.
        """
        with self._asking():
            return dict(self._client.clusters.get(cluster_id).spark_env_vars or {})

    def set_variables(self, cluster_id: str, variables: Mapping[str, str]) -> None:
        """Give a cluster other environment variables; if it runs, Databricks starts it again."""
        changed = self._compute.UpdateClusterResource(spark_env_vars=dict(variables))
        with self._asking():
            self._client.clusters.update(cluster_id, "spark_env_vars", cluster=changed)

    def install(self, cluster_id: str, library: str) -> None:
        """Have a cluster install a library, now or when it starts; to do it twice changes nothing."""
        with self._asking():
            self._client.libraries.install(cluster_id, [self._library(library)])

    def uninstall(self, cluster_id: str, library: str) -> None:
        """Have a cluster that is there do without a library from its next start on."""
        with self._asking(passing_over_what_is_gone=True):
            self._client.libraries.uninstall(cluster_id, [self._library(library)])

    def state_of_library(self, cluster_id: str, library: str) -> str:
        """Return in Databricks' words how far a library is, with what it says of it; empty if unknown."""
        wanted = self._library(library)
        with self._asking():
            for each in self._client.libraries.cluster_status(cluster_id):
                if each.library == wanted:
                    return ": ".join([each.status.value, *(each.messages or [])])
        return ""

    def upload(self, path: str, content: bytes) -> None:
        """Keep a file of the Databricks workspace, in place of the one before."""
        folder = path.rpartition("/")[0]
        with self._asking():
            self._client.workspace.mkdirs(folder)
            self._client.workspace.upload(path, content, format=self._files.ImportFormat.AUTO, overwrite=True)

    def remove_file(self, path: str) -> None:
        """Remove a file of the Databricks workspace, if it is there."""
        with self._asking(passing_over_what_is_gone=True):
            self._client.workspace.delete(path)

    def script_named(self, name: str) -> str | None:
        """Return the text of the global init script of that name that is switched on; None if none is."""
        for each in self._scripts():
            if each.name == name and each.enabled:
                with self._asking():
                    return base64.b64decode(
                        self._client.global_init_scripts.get(each.script_id).script
                    ).decode()
        return None

    def script_names(self) -> list[str]:
        """Return the names of all global init scripts.

        Raises:
            Forbidden: The person does not administer the Databricks workspace.
        """
        return [each.name for each in self._scripts()]

    def put_script(self, name: str, text: str) -> None:
        """Have every node run a global init script when it starts, in place of the one of that name."""
        scripts, encoded = self._client.global_init_scripts, base64.b64encode(text.encode()).decode()
        known = [each.script_id for each in self._scripts() if each.name == name]
        with self._asking():
            if known:
                scripts.update(known[0], name, encoded, enabled=True)
            else:
                scripts.create(name, encoded, enabled=True)

    def remove_script(self, name: str) -> None:
        """Remove the global init scripts of that name, if there are any."""
        for each in self._scripts():
            if each.name == name:
                with self._asking(passing_over_what_is_gone=True):
                    self._client.global_init_scripts.delete(each.script_id)

    def _scripts(self) -> list[Any]:
        with self._asking():
            return list(self._client.global_init_scripts.list())

    def _library(self, library: str) -> Any:
        if library.startswith("/"):
            return self._compute.Library(whl=library)
        return self._compute.Library(pypi=self._compute.PythonPyPiLibrary(package=library))

    @contextmanager
    def _asking(self, *, passing_over_what_is_gone: bool = False) -> Iterator[None]:
        """Turn what Databricks answers into the SDK's own errors."""
        errors = self._errors
        try:
            yield
        except errors.NotFound as error:
            if not passing_over_what_is_gone:
                raise NotFound(f"Databricks: {error}") from None
        except errors.Unauthenticated as error:
            raise Unauthenticated(f"Databricks does not let you in: {error}") from None
        except errors.PermissionDenied as error:
            raise Forbidden(f"Databricks does not let you do this: {error}") from None
        except errors.BadRequest as error:
            raise InvalidParameter(f"Databricks: {error}") from None
        except (errors.DatabricksError, OSError, TimeoutError) as error:
            raise Unavailable(f"Databricks did not do what it was asked for: {error}") from None
