"""Registered models, where scripts deploy them by methods of the class."""

from __future__ import annotations

from abc import ABCMeta
from typing import Final, NoReturn

from runyard.errors import NotImplementedHere
from runyard.sdk import model

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
