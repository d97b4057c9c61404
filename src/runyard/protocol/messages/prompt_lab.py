"""The message by which MLflow's prompt lab keeps one try of a prompt."""

from __future__ import annotations

from runyard.errors import InvalidParameter
from runyard.protocol.messages.common import Int64, KeyValue, Wire

_REQUIRED = (
    "experiment_id",
    "prompt_template",
    "prompt_parameters",
    "model_route",
    "model_input",
    "mlflow_version",
)


class PromptLabValue(Wire):
    """A named value: of the prompt, or of what the model was asked with and answered."""

    key: str
    value: str | float = ""


class CreatePromptLabRun(Wire):
    """Body of ``runs/create-promptlab-run``."""

    experiment_id: str = ""
    run_name: str = ""
    tags: list[KeyValue] = []
    prompt_template: str = ""
    prompt_parameters: list[PromptLabValue] = []
    model_route: str = ""
    model_parameters: list[PromptLabValue] = []
    model_input: str = ""
    model_output: str = ""
    model_output_parameters: list[PromptLabValue] = []
    mlflow_version: str = ""
    user_id: str = "unknown"
    start_time: Int64 | None = None

    def check(self) -> None:
        """Raise unless all is there that a try is made of.

        Raises:
            InvalidParameter: Something is missing; in MLflow's words.
        """
        for name in _REQUIRED:
            if not getattr(self, name):
                raise InvalidParameter(f"CreatePromptlabRun request must specify {name}.")
