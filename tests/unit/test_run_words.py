"""Which words behind `runyard run` are a script's own."""

import pytest
from cyclopts import App, Parameter

from runyard.cli.job_submit import submit
from runyard.cli.run import app
from runyard.cli.run_words import (
    AZUREML_RUN,
    COMMANDS,
    FLAGS,
    SUBMIT,
    WITH_VALUE,
    script_marked,
    with_end_of_options,
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train.py --name x -e y", "-- train.py --name x -e y"),
        ("-e y train.py list", "-e y -- train.py list"),
        ("--experiment=y --system-metrics ./list", "--experiment=y --system-metrics -- ./list"),
        ("--name n -m pkg.train -m z", "--name n -m pkg.train -- -m z"),
        ("--module=pkg.train", "--module=pkg.train --"),
        ("train.py -- --help", "-- train.py -- --help"),
        ("list -e y", "list -e y"),
        ("show abc", "show abc"),
        ("--help", "--help"),
        ("-e", "-e"),
        ("--unknown train.py", "--unknown train.py"),
        ("", ""),
    ],
)
def test_what_follows_the_script_is_its_own(words: str, expected: str):
    assert " ".join(with_end_of_options(words.split())) == expected


def test_the_words_are_those_of_the_group():
    assert {name for name in app if not name.startswith("-")} == COMMANDS
    arguments = [each for each in app.assemble_argument_collection() if not each.field_info.is_positional]
    own = {name for each in arguments for name in each.names if name != "*" and name[:5] != "--no-"}
    assert own == FLAGS | WITH_VALUE


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train.py --stream --name x", "-- train.py --stream --name x"),
        ("--compute pool --stream -e y train.py --help", "--compute pool --stream -e y -- train.py --help"),
        ("--env A=b --command nvidia-smi -L", "--env A=b --command -- nvidia-smi -L"),
        ("--file job.toml", "--file job.toml"),
        ("--file=job.toml train.py -f x", "--file=job.toml -- train.py -f x"),
    ],
)
def test_what_follows_a_submitted_script_is_its_own(words: str, expected: str):
    assert " ".join(script_marked(words.split(), SUBMIT)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("train.py --help", "-- train.py --help"),
        ("train.py -- -x", "-- train.py -- -x"),
        ("--help", "--help"),
    ],
)
def test_what_follows_a_script_for_azure_is_its_own(words: str, expected: str):
    assert " ".join(script_marked(words.split(), AZUREML_RUN)) == expected


def test_the_words_of_a_submission_are_those_of_its_command():
    command = App(default_parameter=Parameter(negative=""))
    command.default(submit)
    arguments = [each for each in command.assemble_argument_collection() if not each.field_info.is_positional]
    own = {name for each in arguments for name in each.names if name != "*" and name[:5] != "--no-"}
    assert own == SUBMIT.flags | SUBMIT.with_value
