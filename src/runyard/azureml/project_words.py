"""What Azure's plugin of MLflow calls the ways to run a project, in the words of a job file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COMPUTE, _OWN_ENVIRONMENT = "compute", "use_conda"


def in_our_words(backend_config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration of Azure's plugin in the words that a job file has."""
    said = {
        name.lower() if name.lower() in (_COMPUTE, _OWN_ENVIRONMENT) else name: value
        for name, value in backend_config.items()
    }
    has_own = said.pop(_OWN_ENVIRONMENT, True)
    if not has_own and not said.get(_COMPUTE):
        said["ENV_MANAGER"] = "local"
    return said
