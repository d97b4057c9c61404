"""What MLflow says of an error beside its code and its message, from 3.17 on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runyard.errors import RunyardError, UnknownAttribute

_CALLERS: Final = "KAM00"
_SERVERS: Final = "XXM00"
# From MLflow's `mlflow/error_classification.py`; codes that are not there have neither.
_CLASSES: Final[Mapping[str, tuple[str, str]]] = {
    "ENDPOINT_NOT_FOUND": (_CALLERS, "RESOURCE_NOT_FOUND"),
    "INTERNAL_ERROR": (_SERVERS, "CLIENT_INTERNAL_ERROR"),
    "INVALID_PARAMETER_VALUE": (_CALLERS, "INVALID_PARAMETER_VALUE"),
    "INVALID_STATE": (_SERVERS, "CLIENT_INTERNAL_ERROR"),
    "PERMISSION_DENIED": (_CALLERS, "PERMISSION_DENIED"),
    "RESOURCE_ALREADY_EXISTS": (_CALLERS, "RESOURCE_ALREADY_EXISTS"),
    "RESOURCE_DOES_NOT_EXIST": (_CALLERS, "RESOURCE_NOT_FOUND"),
    "TEMPORARILY_UNAVAILABLE": (_SERVERS, "CLIENT_INTERNAL_ERROR"),
}


# Where MLflow says more than follows from the code.
_OF_ERRORS: Final[Mapping[type[RunyardError], tuple[str, str]]] = {
    UnknownAttribute: ("KAM04", "ATTRIBUTE_NOT_FOUND"),
}


def error_body(code: str, message: str, kind: type[RunyardError] = RunyardError) -> dict[str, str]:
    """Return the body of an error as MLflow's server sends it, for its clients and its pages."""
    body = {"error_code": code, "message": message}
    classed = _OF_ERRORS.get(kind, _CLASSES.get(code))
    if classed is not None:
        body["sqlstate"], body["error_class"] = classed
    return body
