"""What Runyard says of an error beside its code is what the genuine package says of the same code."""

from __future__ import annotations

import json
import subprocess

import pytest

from runyard.protocol.error_classes import error_body
from tests.clients.test_mlflow_endpoints import ROOT

PYTHON = ROOT / ".envs" / "mlflow-3.17" / "bin" / "python"
TOLD = """
import json
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode
told = [MlflowException("why", code).serialize_as_json() for code in ErrorCode.values()]
print(json.dumps([json.loads(each) for each in told]))
"""


@pytest.mark.clients
def test_every_code_is_classed_as_in_the_genuine_package():
    told = subprocess.check_output([PYTHON, "-c", TOLD], text=True, timeout=300)
    bodies = {body["error_code"]: body for body in json.loads(told)}
    ours = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INTERNAL_ERROR")
    assert all("error_class" in bodies[code] for code in ours)
    never_sent = {"BAD_REQUEST", "CUSTOMER_UNAUTHORIZED", "FEATURE_DISABLED", "NOT_FOUND"}
    classed = {code: body for code, body in bodies.items() if code not in never_sent}
    assert {code: error_body(code, "why") for code in classed} == classed
