"""Columns that are in the paths of files."""

from __future__ import annotations

from datetime import datetime

import pytest

from runyard.errors import InvalidParameter
from runyard.sdk.data_partitions import PartitionFormat


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("/{team}/data.csv", "robots/data.csv", {"team": "robots"}),
        ("{team}/data.csv", "deep/er/robots/data.csv", {"team": "robots"}),
        ("/{a}/{b}.csv", "x y/ü.1.csv", {"a": "x y", "b": "ü.1"}),
        ("/{when:yyyy/MM/dd}/x", "2026/11/27/x", {"when": datetime(2026, 11, 27)}),
        ("/{ when :yyyy}/x", "2026/x", {"when": datetime(2026, 1, 1)}),
        ("/{w:yyyy-MM-dd_HHmmss}.csv", "2026-11-27_010203.csv", {"w": datetime(2026, 11, 27, 1, 2, 3)}),
        ("/{team}/{w:yyyy/MM}/a+(b).csv", "r/2026/02/a+(b).csv", {"team": "r", "w": datetime(2026, 2, 1)}),
    ],
)
def test_the_end_of_a_path_says_the_values_of_columns(text: str, name: str, values: dict[str, object]):
    assert PartitionFormat(text).values_of(name) == values


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/{team}/data.csv", "data.csv"),
        ("/{team}/data.csv", "robots/data_csv"),
        ("/{team}/data.csv", "robots/data.csv/more"),
        ("/{when:yyyy/MM}/x", "2026/1/x"),
        ("/{when:yyyy/MM}/x", "2026/13/x"),
    ],
)
def test_a_path_that_does_not_fit_is_named(text: str, name: str):
    with pytest.raises(InvalidParameter, match=f"'/{name}'"):
        PartitionFormat(text).values_of(name)


@pytest.mark.parametrize(
    "text", ["/data.csv", "/{}/data.csv", "/{a/data.csv", "/a}/{b}", "/{a}/{a}", "/{a:MM}/x"]
)
def test_a_format_that_can_t_be_is_refused_before_any_data_is_read(text: str):
    with pytest.raises(InvalidParameter, match="partition_format"):
        PartitionFormat(text)
