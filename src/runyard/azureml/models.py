"""Registered models, where scripts deploy them by methods of the class."""

from __future__ import annotations

from abc import ABCMeta
from pathlib import Path
from typing import Final, NoReturn

from runyard.errors import NotImplementedHere
from runyard.sdk import model
from runyard.sdk.arguments import text
from runyard.sdk.downloads import path_below
from runyard.sdk.run_context import find_context
from runyard.sdk.workspace import Workspace

_ADVICE: Final = {
    "deploy": "Serve the model with `mlflow models serve -m models:/NAME/VERSION`.",
    "package": "Build an image with `mlflow models build-docker -m models:/NAME/VERSION`.",
    "print_configuration": "An environment says what it holds by env.python.conda_dependencies.",
    "profile": "Serve the model with `mlflow models serve`, and measure it there.",
}


class _ModelKind(ABCMeta):
    """The kind of the class, which is asked for what Azure's has besides."""

    def __getattr__(cls, name: str) -> NoReturn:
        if name in _ADVICE:
            raise NotImplementedHere(f"Runyard has no Model.{name}. {_ADVICE[name]}")
        raise AttributeError(f"type object 'Model' has no attribute {name!r}")


class Model(model.Model, metaclass=_ModelKind):
    """One version of a registered model; see :class:`runyard.Model`.

    Example:
        >>> Model.register(ws, "code/train.py", "ridge", model_framework=Model.Framework.CUSTOM).name
        'ridge'
    """

    @staticmethod
    def get_model_path(  # type: ignore[override] # the SDK's own only says what to use
        model_name: str, version: int | None = None, _workspace: Workspace | None = None
    ) -> str:
        """Bring a model into the folder ``azureml-models`` of this one, and return the path that it has then.

        Args:
            model_name: Its name.
            version: Its number; the latest by default.
            _workspace: Where it lies; by default where the run of this program is, or else what the
                configuration of this folder names.

        Raises:
            NotFound: There is no such version, or nothing names a workspace.

        Example:
            >>> Model.register(ws, "code/train.py", "scored").name
            'scored'
            >>> Model.get_model_path("scored", version=1, _workspace=ws)
            'azureml-models/scored/1/train.py'
        """
        there = _workspace or _workspace_of_program()
        found = Model(there, text(model_name, "model_name"), version=version)
        folder = path_below(Path("azureml-models"), f"{found.name}/{found.version}")
        return found.download(folder, exist_ok=True)

    class Framework:
        """What a model was made with, in the words of ``model_framework``.

        Example:
            >>> Model.Framework.SCIKITLEARN
            'ScikitLearn'
        """

        CUSTOM = "Custom"
        MULTI = "Multi"
        ONNX = "Onnx"
        PYTORCH = "PyTorch"
        SCIKITLEARN = "ScikitLearn"
        SPACY = "Spacy"
        TENSORFLOW = "TensorFlow"
        TFKERAS = "TfKeras"


def _workspace_of_program() -> Workspace:
    found = find_context()
    return Workspace.from_config() if found is None else found.workspace
