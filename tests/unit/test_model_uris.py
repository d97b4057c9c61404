"""MLflow's addresses of models and of files of runs."""

import pytest

from runyard.errors import InvalidParameter
from runyard.protocol.model_uris import ModelUri, parse_model_uri, parse_runs_uri


@pytest.mark.parametrize(
    ("uri", "read"),
    [
        ("models:/m-1", ModelUri(model_id="m-1")),
        ("models:/m/1", ModelUri(name="m", version="1")),
        ("models:/a b/12", ModelUri(name="a b", version="12")),
        ("models:/m/Production", ModelUri(name="m", stage="Production")),
        ("models:/m/LATEST", ModelUri(name="m")),
        ("models:/m@champion", ModelUri(name="m", alias="champion")),
        ("models:/a@b@c", ModelUri(name="a@b", alias="c")),
    ],
)
def test_an_address_of_a_model_is_read(uri, read):
    assert parse_model_uri(uri) == read


@pytest.mark.parametrize(
    "uri",
    [
        "models:",
        "models:/",
        "models:m",
        "models:/m/",
        "models:/m/1/x",
        "models:/m@",
        "models:/ /1",
        "runs:/m/1",
    ],
)
def test_what_is_no_address_of_a_model_is_refused(uri):
    with pytest.raises(InvalidParameter, match="Not a proper models:/ URI"):
        parse_model_uri(uri)


@pytest.mark.parametrize(
    ("uri", "read"),
    [
        ("runs:/r", ("r", "")),
        ("runs:/r/", ("r", "")),
        ("runs:/r/model/x", ("r", "model/x")),
    ],
)
def test_an_address_in_a_run_is_read(uri, read):
    assert parse_runs_uri(uri) == read


@pytest.mark.parametrize("uri", ["runs:", "runs:/", "runs:r/x", "runs://r/x", "models:/r/x"])
def test_what_is_no_address_in_a_run_is_refused(uri):
    with pytest.raises(InvalidParameter, match="Not a proper runs:/ URI"):
        parse_runs_uri(uri)
