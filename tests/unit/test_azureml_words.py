"""Words of Azure's that are read without a server: environments, projects, types of columns."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from runyard.azureml.data_types import DataType
from runyard.azureml.environments import stand_in_for
from runyard.azureml.project_words import in_our_words
from runyard.entities.curated_environments import CURATED


@pytest.mark.parametrize(
    ("name", "stand_in"),
    [
        ("AzureML-Minimal", "Runyard-Minimal"),
        ("azureml-sklearn-1.5", "Runyard-Sklearn"),
        ("AzureML-Scikit-learn-0.20.3", "Runyard-Sklearn"),
        ("AzureML-Tutorial", "Runyard-Sklearn"),
        ("AzureML-PyTorch-1.4-GPU", "Runyard-PyTorch"),
        ("acpt-pytorch-2.2-cuda12.1", "Runyard-PyTorch"),
        ("AzureML-XGBoost-0.9", "Runyard-XGBoost"),
        ("AzureML-TensorFlow-2.1-GPU", None),
        ("my-sklearn", None),
    ],
)
def test_an_environment_of_azure_s_has_a_stand_in_of_its_framework(name: str, stand_in: str | None):
    assert stand_in_for(name) == stand_in
    assert stand_in is None or stand_in in {each.name for each in CURATED}


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ({"USE_CONDA": False}, {"ENV_MANAGER": "local"}),
        ({"USE_CONDA": True}, {}),
        ({"COMPUTE": "cpu-cluster", "USE_CONDA": False}, {"compute": "cpu-cluster"}),
        ({"compute": "pool", "tags": {"A": "b"}}, {"compute": "pool", "tags": {"A": "b"}}),
        ({"STORAGE_DIR": "x"}, {"STORAGE_DIR": "x"}),
    ],
)
def test_what_azure_s_backend_is_told_is_what_a_job_file_says(said: dict[str, Any], ours: dict[str, Any]):
    assert in_our_words(said) == ours


def test_types_of_columns_are_words_of_pandas():
    frame = pandas.DataFrame({
        "bool": ["True"], "datetime": ["2020-01-01"], "float": ["1.5"], "long": [1], "string": ["x"],
    })  # fmt: skip
    words = {column: getattr(DataType, f"to_{column}")() for column in frame}
    assert words["datetime"] == DataType.to_datetime("%Y-%m-%d")
    frame["bool"] = [True]
    assert [str(each) for each in frame.astype(words).dtypes] == list(words.values())
