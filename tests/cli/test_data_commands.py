"""`runyard data` against the real server."""

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

pytestmark = pytest.mark.usefixtures("_at_server")


def test_a_folder_is_registered_listed_downloaded_and_deleted(runyard: CommandLine):
    Path("photos").mkdir()
    Path("photos", "a.txt").write_text("one")
    made = runyard("data", "register", "photos", "photos", "--tag", "team=vision", "--description", "Cats")
    assert (made.code, made.out) == (0, "Dataset photos is version 1\n")
    assert runyard("data", "register", "photos", "photos", "--json").json["version"] == 1
    Path("photos", "a.txt").write_text("two")
    refused = runyard("data", "register", "photos", "photos")
    assert (refused.code, "Give --new-version" in refused.err) == (1, True)
    assert runyard("data", "register", "photos", "photos", "--new-version").out.endswith("version 2\n")
    assert ["photos", "2", "file"] in [row[:3] for row in runyard("data", "list").rows]
    assert "photos" in [each["name"] for each in runyard("data", "list", "--json").json]
    shown = runyard("data", "show", "photos", "--version", "1").out
    assert "team=vision" in shown
    assert "data-assets/" in shown
    assert [row[:2] for row in runyard("data", "versions", "photos").rows] == [["2", "file"], ["1", "file"]]
    downloaded = runyard("data", "download", "photos", "--version", "1", "--output", "old")
    assert downloaded.out == "old/a.txt\n"
    assert Path("old", "a.txt").read_text() == "one"
    assert runyard("data", "download", "photos", "--output", "old").code == 1
    assert runyard("data", "download", "photos", "-o", "old", "--overwrite", "--json").json == ["old/a.txt"]
    assert Path("old", "a.txt").read_text() == "two"
    assert runyard("data", "delete", "photos", "--version", "1").out == "Deleted 1 version of photos.\n"
    assert runyard("data", "delete", "photos", "--json").json == {"name": "photos", "deleted": 1}
    assert runyard("data", "show", "photos").code == 3


@pytest.mark.parametrize("kind", ["delimited", "json-lines", "parquet"])
def test_rows_and_places_elsewhere_are_registered(runyard: CommandLine, kind: str):
    words = ["data", "register", f"rows-{kind}", "https://example.org/a", "--tabular", kind, "--json"]
    made = runyard(*words, "--separator", ";").json
    assert made["reading"]["format"] == kind.replace("-", "_")
    assert made["reading"]["separator"] == (";" if kind == "delimited" else ",")
    made = runyard("data", "register", f"store-{kind}", "a/*.x", "b", "--datastore", "blobs", "--json").json
    assert [(each["datastore"], each["address"]) for each in made["sources"]] == [
        ("blobs", "a/*.x"),
        ("blobs", "b"),
    ]
    assert "blobs:a/*.x and 1 more" in runyard("data", "list").out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "nowhere"], 3, "nowhere"),
        (["versions", "nowhere"], 3, "nowhere"),
        (["download", "nowhere"], 3, "nowhere"),
        (["delete", "nowhere"], 3, "nowhere"),
        (["show", "x", "--version", "newest"], 1, "number"),
        (["register", "x"], 1, "path"),
        (["register", "x", "nowhere"], 3, "nowhere"),
        (["register", "../x", "https://a/b"], 1, "name"),
        (["register", "x", "s3://a/b"], 1, "datastore"),
        (["register", "x", "https://me:secret@a/b"], 1, "sources.address"),
        (["register", "x", "https://a/b", "--tag", "t"], 1, "KEY=VALUE"),
        (["register", "x", "https://a/b", "--tabular", "excel"], 2, "excel"),
    ],
)
def test_what_can_not_be_is_one_line_and_an_exit_code(runyard: CommandLine, words, code, said):
    ended = runyard("data", *words)
    assert ended.code == code
    assert said in ended.err
