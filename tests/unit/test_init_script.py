"""The init script, run by the shell of this machine in folders as Spark has them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runyard.sdk.databricks.init_script import init_script
from runyard.sdk.databricks.variables import tracking_variables

VARIABLES = tracking_variables("https://lab.example", "vision")


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    folder = tmp_path / "spark's conf"
    folder.mkdir()
    return folder


def run(script: str, conf: Path | None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **({"SPARK_CONF_DIR": str(conf)} if conf else {}), **variables}
    return subprocess.run(["sh"], input=script, env=environment, capture_output=True, text=True, check=False)


def environment_after(conf: Path, **variables: str) -> Mapping[str, str]:
    """Return what Spark's own `load-spark-env.sh` exports of what the file sets."""
    code = f". '{str(conf / 'spark-env.sh').replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}'; env -0"
    found = subprocess.run(
        ["sh", "-c", f"set -a; {code}"],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(each.split("=", 1) for each in found.stdout.split("\0") if "=" in each)


def test_spark_gets_the_variables(conf: Path):
    assert run(init_script(VARIABLES), conf).returncode == 0
    assert VARIABLES.items() <= environment_after(conf).items()


def test_what_was_in_the_file_stays_and_a_second_run_changes_nothing(conf: Path):
    file = conf / "spark-env.sh"
    file.write_text("export MINE=1")
    file.chmod(0o640)
    run(init_script(VARIABLES), conf)
    once = file.read_text()
    run(init_script(VARIABLES), conf)
    assert file.read_text() == once
    assert environment_after(conf)["MINE"] == "1"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in conf.iterdir()] == ["spark-env.sh"]


def test_another_workspace_takes_the_place_of_the_one_before(conf: Path):
    run(init_script(VARIABLES), conf)
    run(init_script(tracking_variables("https://other.example", "nlp")), conf)
    text = (conf / "spark-env.sh").read_text()
    assert "lab.example" not in text
    assert environment_after(conf)["MLFLOW_TRACKING_URI"] == "https://other.example/workspaces/nlp"


def test_what_somebody_set_themselves_goes_before_it(conf: Path):
    run(init_script(VARIABLES), conf)
    found = environment_after(conf, MLFLOW_TRACKING_URI="databricks")
    assert found["MLFLOW_TRACKING_URI"] == "databricks"
    assert "RUNYARD_URL" not in found


def test_values_reach_spark_as_they_are(conf: Path):
    odd = {"MLFLOW_TRACKING_URI": 'x\'; touch /tmp/no; $(id) `id` "ü"', "ODD": "a\nb\\n"}
    run(init_script(odd), conf)
    assert odd.items() <= environment_after(conf).items()


def test_the_token_is_read_from_its_file_each_time(conf: Path, tmp_path: Path):
    file = tmp_path / "the cluster's $(token)"
    run(init_script(VARIABLES, token_file=str(file)), conf)
    assert "RUNYARD_TOKEN" not in environment_after(conf)
    for token in ("ry_1_a", "ry_2_b"):
        file.write_text(f"{token}\n")
        assert environment_after(conf)["RUNYARD_TOKEN"] == token


def python_that(ends_with: int, folder: Path) -> Path:
    """Return an interpreter that notes what it is asked for, and ends as it is told."""
    program = folder / "python that notes"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{folder}/asked'\nexit {ends_with}\n")
    program.chmod(0o755)
    return program


def test_pip_is_given_the_library_as_one_word(conf: Path, tmp_path: Path):
    script = init_script(VARIABLES, library="runyard >= 1, < 2; touch no")
    ended = run(script, conf, PYSPARK_PYTHON=str(python_that(0, tmp_path)))
    assert ended.returncode == 0
    asked = (tmp_path / "asked").read_text().splitlines()
    assert (asked[:3], asked[-1]) == (["-m", "pip", "install"], "runyard >= 1, < 2; touch no")


@pytest.mark.parametrize(("may_fail", "code"), [(True, 1), (False, 0)])
def test_without_the_library_nothing_is_tracked_here_and_no_node_stays_down(
    conf: Path, tmp_path: Path, may_fail: bool, code: int
):
    script = init_script(VARIABLES, library="no-such", may_fail=may_fail)
    ended = run(script, conf, PYSPARK_PYTHON=str(python_that(1, tmp_path)))
    assert ended.returncode == code
    assert "the library could not be installed; what runs here is tracked as before" in ended.stderr
    assert not (conf / "spark-env.sh").exists()


def test_without_a_folder_for_configuration_it_says_so(tmp_path: Path):
    ended = run(init_script(VARIABLES), None)
    assert (ended.returncode, "SPARK_CONF_DIR" in ended.stderr) == (1, True)
    home = tmp_path / "spark"
    (home / "conf").mkdir(parents=True)
    assert run(init_script(VARIABLES), None, SPARK_HOME=str(home)).returncode == 0
    assert (home / "conf" / "spark-env.sh").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="a read-only mount is Linux's")
def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path):
    ended = run(init_script(VARIABLES), Path("/proc"))
    assert ended.returncode == 1
    assert "can't be written" in ended.stderr
