"""A model as MLflow 3 logs it: its files lie beside those of the run."""

from pathlib import Path

from runyard import Run, Workspace
from runyard.protocol.messages.logged_models import CreateLoggedModel, LoggedModelAnswer
from runyard.sdk.artifact_uploads import files_below, proxied_folder, upload
from runyard.sdk.connection import MLFLOW


def log_model(run: Run, workspace: Workspace, folder: Path, name: str) -> str:
    """Log the files of a folder as a model of a run, and return its id."""
    wanted = CreateLoggedModel(experiment_id=run.experiment_id, name=name, source_run_id=run.id)
    made = workspace.connection.post(f"{MLFLOW}/logged-models", wanted, LoggedModelAnswer).model.info
    home = proxied_folder(f"model {made.model_id!r}", made.artifact_uri)
    upload(workspace.connection, home, files_below(folder))
    return made.model_id
