"""Azure's keywords are taken and said to have no effect; what is none of them is an error."""

import logging

import pytest

from runyard.sdk.azure_options import check_azure_options


def test_azure_s_keywords_are_taken_and_named_in_the_log(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, logger="runyard"):
        check_azure_options("Workspace.create", {"sku": "basic", "storage_account": "hunter2"})
    assert "sku, storage_account" in caplog.text
    assert "hunter2" not in caplog.text


def test_all_wrong_keywords_are_named():
    with pytest.raises(TypeError, match=r"Workspace\.get\(\).*: a, b$"):
        check_azure_options("Workspace.get", {"b": 1, "sku": 1, "a": 1})
