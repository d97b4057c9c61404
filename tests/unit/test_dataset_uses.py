"""What a run notes of a data asset that it reads."""

import json

import pytest

from runyard.entities.data_asset import DataAsset, DataContent, DataKind, DataSource, SourceKind
from runyard.protocol.messages.common import mapping
from runyard.protocol.messages.data_assets import wire_data_asset
from runyard.protocol.messages.dataset_uses import dataset_use

WEB = DataSource(SourceKind.URL, "https://example.org/a.csv")
STORED = DataSource(SourceKind.DATASTORE, "scans/**", "store")
UPLOADED = DataSource(SourceKind.UPLOAD, "data-assets/ab", sha256="0" * 64)


def asset(*sources: DataSource) -> DataAsset:
    content = DataContent(DataKind.FILE, sources)
    return DataAsset("default", "scans", 3, "a3", content, created_ms=1, latest_version=4)


@pytest.mark.parametrize(
    ("sources", "source_type", "source"),
    [
        ((WEB,), "http", {"url": "https://example.org/a.csv"}),
        (
            (WEB, STORED, UPLOADED),
            "runyard",
            {
                "name": "scans",
                "version": 3,
                "id": "a3",
                "places": ["https://example.org/a.csv", "store:scans/**", "data-assets/ab"],
            },
        ),
    ],
)
def test_a_source_is_in_words_of_mlflows_where_it_has_any(sources, source_type, source):
    used = dataset_use(wire_data_asset(asset(*sources)))
    assert (used.dataset.source_type, json.loads(used.dataset.source)) == (source_type, source)


def test_a_use_says_which_version_it_is_and_what_for():
    used = dataset_use(wire_data_asset(asset(STORED)), "training")
    assert used.dataset.digest == asset(STORED).content.sha256()[:16]
    assert json.loads(str(used.dataset.profile)) == {"version": 3, "kind": "file"}
    assert mapping(used.tags) == {
        "runyard.data.name": "scans",
        "runyard.data.version": "3",
        "runyard.data.id": "a3",
        "mlflow.data.context": "training",
    }


def test_an_asset_of_many_places_names_the_first_hundred():
    many = [DataSource(SourceKind.DATASTORE, f"{number}.csv", "store") for number in range(101)]
    places = json.loads(dataset_use(wire_data_asset(asset(*many))).dataset.source)["places"]
    assert places == [f"store:{number}.csv" for number in range(100)]
