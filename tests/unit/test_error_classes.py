"""What stands beside code and message of an error is what MLflow's server says of it."""

from __future__ import annotations

import pytest

from runyard import errors
from runyard.protocol.error_classes import error_body
from runyard.sdk.spool import replay


def _subclasses(kind: type[errors.RunyardError]) -> set[type[errors.RunyardError]]:
    return {kind}.union(*(_subclasses(each) for each in kind.__subclasses__()))


CODES = sorted({each.code for each in _subclasses(errors.RunyardError)})


@pytest.mark.parametrize("code", CODES)
def test_every_error_has_code_and_message_first(code):
    body = error_body(code, "why")
    assert list(body)[:2] == ["error_code", "message"]
    assert (body["error_code"], body["message"]) == (code, "why")
    assert set(body) - {"error_code", "message"} in (set(), {"sqlstate", "error_class"})


def test_a_bad_field_is_classed_as_mlflow_does():
    assert error_body("INVALID_PARAMETER_VALUE", "Invalid path") == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "Invalid path",
        "sqlstate": "KAM00",
        "error_class": "INVALID_PARAMETER_VALUE",
    }


def test_an_order_by_what_is_not_there_is_classed_as_mlflow_does():
    assert error_body("INVALID_PARAMETER_VALUE", "Invalid order", errors.UnknownAttribute) == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "Invalid order",
        "sqlstate": "KAM04",
        "error_class": "ATTRIBUTE_NOT_FOUND",
    }


def test_a_code_that_mlflow_does_not_class_stays_bare():
    assert error_body("QUOTA_EXCEEDED", "full") == {"error_code": "QUOTA_EXCEEDED", "message": "full"}


@pytest.mark.parametrize("code", ["DEADLINE_EXCEEDED", ""])
def test_what_came_too_slowly_was_not_refused_for_good(code):
    """A proxy says 408 without a code; what waits in a spool is sent again."""
    assert type(errors.error_for(408, code, "slow")) is errors.TooSlow
    assert not issubclass(errors.TooSlow, replay._REFUSED)
