"""Which words behind `runyard run` are a script's own."""

import pytest

from runyard.cli.run import app
from runyard.cli.run_words import COMMANDS, FLAGS, WITH_VALUE, with_end_of_options


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
