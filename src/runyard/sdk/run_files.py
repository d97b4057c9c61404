"""The files of a run: listing them, and bringing them to this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.artifacts import ListArtifacts, ListArtifactsAnswer, WireFile
from runyard.protocol.messages.logged_models import WireLoggedModelInfo
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import text
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.downloads import DownloadProgress, StoredFile, download, path_below
from runyard.sdk.many_files import transfer_all
from runyard.sdk.run_models import files_of_model, models_of_run


@names_arguments
class RunFiles:
    """What a run knows about its files.

    Args:
        connection: Reaches the run's workspace.
        run_id: The run's id.
        experiment_id: Its experiment's.
    """

    def __init__(self, connection: Connection, run_id: str, experiment_id: str) -> None:
        self._connection = connection
        self._run_id = run_id
        self._in_experiment = experiment_id

    def get_file_names(self) -> list[str]:
        """Return the names of all files of the run, with slashes between folders, sorted.

        A model that MLflow logged in the run is one of its folders, as ``model/MLmodel``; of several of one
        name it is the last.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.upload_folder("plots", "photos")
            >>> run.get_file_names()
            ['plots/1.png', 'plots/2.png']
        """
        return sorted(found.name for found in self._stored_below(""))

    def download_file(self, name: str, output_file_path: str | os.PathLike[str] | None = None) -> None:
        """Bring one file of the run to this machine.

        It is written beside its place and then renamed, so nobody ever sees half of it.

        Args:
            name: The file's name in the run, as :meth:`get_file_names` gives it.
            output_file_path: Where to put it; a folder that exists, or a path that ends with a slash,
                keeps the file's own name. By default the working directory.

        Raises:
            NotFound: The run has no such file.
            InvalidParameter: The name is that of a folder.

        Example:
            >>> run.upload_file("plots/residuals.png", "photos/1.png")
            >>> run.download_file("plots/residuals.png", "here.png")
            >>> Path("here.png").exists()
            True
        """
        found = self._stored(text(name, "name"))
        own_name = name.rpartition("/")[2]
        target = Path() if output_file_path is None else Path(output_file_path)
        if target.is_dir() or str(output_file_path or "").endswith(("/", os.sep)):
            target = path_below(target, own_name)
        with DownloadProgress() as progress:
            download(self._connection, found, target, progress)

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | os.PathLike[str] | None = None,
        output_paths: Sequence[str | os.PathLike[str]] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: int | None = None,
    ) -> None:
        """Bring the files of the run, or of one of its folders, to this machine.

        Args:
            prefix: Only the files below this folder of the run, or this one file.
            output_directory: The folder to put them into, by default the working directory. No name that a
                server sends leads out of it.
            output_paths: A path for each file, in the order of their sorted names, in place of those names.
            batch_size: Taken for Azure's scripts; no effect.
            append_prefix: Whether the folder's own name is kept.
            timeout_seconds: Taken for Azure's scripts; a download ends when the server answers no more.

        Raises:
            NotFound: The run has no files below ``prefix``.
            InvalidParameter: The number of ``output_paths`` is not that of the files, a name leads out of
                the folder, or ``prefix`` is a folder without files.

        Example:
            >>> run.upload_folder("plots", "photos")
            >>> run.download_files("plots", "here")
            >>> sorted(path.name for path in Path("here/plots").iterdir())
            ['1.png', '2.png']
        """
        wanted = (prefix or "").strip("/")
        files = sorted(self._stored_below(wanted), key=lambda found: found.name)
        if wanted and not files:
            files = [self._stored(wanted)]
        if output_paths is not None and len(output_paths) != len(files):
            raise InvalidParameter(f"There are {len(files)} files, but {len(output_paths)} output_paths.")
        folder = Path(output_directory) if output_directory is not None else Path()
        kept = 0 if append_prefix or not wanted else len(wanted) + 1
        targets = (
            [path_below(folder, found.name[kept:] or found.name.rpartition("/")[2]) for found in files]
            if output_paths is None
            else [folder / path for path in output_paths]
        )
        self._download_all(files, targets)

    def _download_all(self, files: Sequence[StoredFile], targets: Sequence[Path]) -> None:
        pairs = zip(files, targets, strict=True)
        transfer_all(lambda pair, progress: download(self._connection, *pair, progress), pairs)

    def _stored_below(self, folder: str) -> Iterator[StoredFile]:
        """Yield the files of the run and of the models that MLflow logged in it; the run's own come first."""
        own: set[str] = set()
        for found in self._files_below(folder):
            own.add(found.path)
            yield self._stored_own(found)
        for stored in self._stored_of_models(folder):
            if stored.name not in own:
                yield stored

    def _stored_of_models(self, folder: str) -> Iterator[StoredFile]:
        name, _, below = folder.partition("/")
        for model in self._logged_models().values():
            if name in ("", model.name):
                yield from files_of_model(self._connection, model, below)

    def _own_file_names(self) -> list[str]:
        """Return the names of the run's files without those of models that MLflow logged in it."""
        return [found.path for found in self._files_below("")]

    def _files_below(self, folder: str) -> Iterator[WireFile]:
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            for found in self._listed(current):
                # A server that lists a folder inside itself must not keep us walking for ever.
                if found.is_dir and found.path.startswith(f"{current}/" if current else "") and found.path:
                    waiting.append(found.path)
                elif not found.is_dir:
                    yield found

    def _listed(self, folder: str) -> Sequence[WireFile]:
        self._flush_before()
        query = ListArtifacts(run_id=self._run_id, path=folder or None)
        answer = self._connection.get(f"{MLFLOW}/artifacts/list", ListArtifactsAnswer, query)
        return answer.files or ()

    def _flush_before(self) -> bool:
        """Send what this process logged and has not sent yet; return whether it is sent."""
        return True

    def _source_of(self, path: str) -> tuple[str, str | None]:
        """Return where files of the run are, and of which logged model they are if they are one's."""
        names = self._own_file_names()
        if any(name == path or name.startswith(f"{path}/") for name in names):
            return f"runs:/{self._run_id}/{path}", None
        model = self._logged_models().get(path.partition("/")[0])
        if model is not None and path == model.name:
            return f"models:/{model.model_id}", model.model_id
        if model is None or not any(self._stored_of_models(path)):
            raise NotFound(f"Run {self._run_id!r} has no file or folder {path!r}. It has {len(names)} files.")
        return f"{model.artifact_uri.rstrip('/')}{path.removeprefix(model.name)}", model.model_id

    def _stored(self, name: str) -> StoredFile:
        folder = name.rpartition("/")[0]
        own = next((found for found in self._listed(folder) if found.path == name), None)
        if own is not None and not own.is_dir:
            return self._stored_own(own)
        of_models = list(self._stored_of_models(name)) if name and own is None else []
        if own is not None or any(found.name != name for found in of_models):
            raise InvalidParameter(f"{name!r} is a folder of the run. Use download_files(prefix={name!r}).")
        if not of_models:
            raise NotFound(f"Run {self._run_id!r} has no file {name!r}.")
        return of_models[0]

    def _logged_models(self) -> Mapping[str, WireLoggedModelInfo]:
        return models_of_run(self._connection, self._in_experiment, self._run_id)

    def _stored_own(self, found: WireFile) -> StoredFile:
        query = (("run_uuid", self._run_id), ("path", found.path))
        return StoredFile(found.path, "/get-artifact", query, found.file_size or None)
