"""`runyard environment` against the real server."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

pytestmark = pytest.mark.usefixtures("_at_server")


def test_an_environment_is_registered_listed_shown_and_archived(runyard: CommandLine):
    Path("requirements.txt").write_text("scikit-learn\n")
    ended = runyard(
        "environment", "register", "train", "--requirements", "requirements.txt",
        "--variable", "A=b=c", "--tag", "team=vision", "--description", "To train",
    )  # fmt: skip
    assert (ended.code, ended.out) == (0, "Environment train is version 1\n")
    again = runyard("environment", "register", "train", "--requirements", "requirements.txt", "--json")
    assert (again.json["version"], again.json["variables"]) == (2, {})
    rows = runyard("environment", "list").rows
    assert ["train", "2", "the workspace"] in [row[:3] for row in rows]
    assert ["Runyard-Minimal", "1", "the server"] in [row[:3] for row in rows]
    shown = runyard("environment", "show", "train", "--version", "1").out
    assert "A=b=c" in shown
    assert "team=vision" in shown
    assert "- scikit-learn" in shown
    versions = runyard("environment", "versions", "train").rows
    assert [row[:2] for row in versions] == [["2", "yes"], ["1", "-"]]
    assert runyard("environment", "archive", "train").out == "Environment train is archived.\n"
    assert "train" not in [each["name"] for each in runyard("environment", "list", "--json").json]
    listed = runyard("environment", "list", "--archived", "--json").json
    assert "train" in [each["name"] for each in listed]
    assert runyard("environment", "restore", "train", "--json").json["is_archived"] is False


def test_one_of_the_server_s_is_cloned_saved_and_registered_from_its_folder(runyard: CommandLine):
    assert runyard("environment", "clone", "Runyard-Sklearn", "mine").out == "Environment mine is version 1\n"
    assert runyard("environment", "show", "mine", "--save", "mine").code == 0
    file = Path("mine", "azureml_environment.json")
    assert json.loads(file.read_text())["name"] == "mine"
    assert runyard("environment", "register", "--directory", "mine").out == "Environment mine is version 1\n"
    other = runyard("environment", "register", "other", "--directory", "mine", "--interpreter", "/opt/python")
    assert other.out == "Environment other is version 1\n"
    assert "/opt/python" in runyard("environment", "show", "other").out


def test_images_and_dockerfiles_are_registered(runyard: CommandLine):
    Path("Dockerfile").write_text("FROM python:3.11\n")
    Path("conda.yml").write_text("dependencies: [python=3.11]\n")
    made = runyard("environment", "register", "image", "--image", "python:3.11", "--json").json
    assert (made["docker"]["image"], made["python"]["user_managed"]) == ("python:3.11", True)
    ended = runyard("environment", "register", "file", "--dockerfile", "Dockerfile", "--conda", "conda.yml")
    assert ended.code == 0
    assert "FROM python:3.11" in runyard("environment", "show", "file").out
    assert runyard("environment", "register", "conda", "--conda", "conda.yml").code == 0
    assert runyard("environment", "register", "plain").code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "nowhere"], 3, "nowhere"),
        (["versions", "nowhere"], 3, "nowhere"),
        (["archive", "nowhere"], 3, "nowhere"),
        (["archive", "Runyard-Minimal"], 4, "Clone"),
        (["show", "a b"], 1, "name"),
        (["show", "x", "--version", "newest"], 1, "number"),
        (["register"], 1, "--directory"),
        (["register", "bad.yaml"], 1, "register NAME --conda bad.yaml"),
        (["register", "requirements.txt"], 1, "register NAME --requirements requirements.txt"),
        (["register", "x", "--image", ""], 1, "--image must be"),
        (["register", "x", "--variable", "A"], 1, "NAME=VALUE"),
        (["register", "x", "--requirements", "nowhere.txt"], 3, "nowhere.txt"),
        (["register", "x", "--conda", "a", "--requirements", "b"], 1, "not both"),
        (["register", "x", "--image", "a", "--dockerfile", "b"], 1, "not both"),
        (["register", "--directory", "nowhere"], 3, "nowhere"),
    ],
)
def test_what_can_not_be_is_one_line_and_an_exit_code(runyard: CommandLine, words, code, said):
    ended = runyard("environment", *words)
    assert ended.code == code
    assert said in ended.err
