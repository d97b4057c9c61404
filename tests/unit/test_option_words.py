"""Options among the words that a script is given."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.sdk.option_words import option_name, with_options


@pytest.mark.parametrize(
    ("words", "values", "changed"),
    [
        (["--lr", "1"], {"lr": 0.5}, ["--lr", "0.5"]),
        (["--lr=1", "a b"], {"lr": "$(x)"}, ["--lr=$(x)", "a b"]),
        (["lr=1", "depth=2"], {"depth": 3}, ["lr=1", "depth=3"]),
        (["a"], {"lr": 2}, ["a", "--lr", "2"]),
        ([], {"-n": "é\n"}, ["-n", "é\n"]),
        (["-n", "1"], {"-n": 2}, ["-n", "2"]),
        (["--lr", "-1e-3", "x"], {"lr": 1}, ["--lr", "1", "x"]),
        (["--lr", "-inf"], {"lr": 1}, ["--lr", "1"]),
        (["--lr", "-"], {"lr": 1}, ["--lr", "1"]),
        (["--lr", ""], {"lr": 1}, ["--lr", "1"]),
        (["--fast", "--lr", "1"], {"fast": "yes"}, ["--fast", "yes", "--lr", "1"]),
        (["--fast"], {"fast": "yes"}, ["--fast", "yes"]),
        (["--lr", "1", "--lr", "2"], {"lr": 3}, ["--lr", "1", "--lr", "3"]),
        (["--lr", "1", "--lr=2"], {"lr": 3}, ["--lr", "1", "--lr=3"]),
        (["--lrx", "1"], {"lr": 3}, ["--lrx", "1", "--lr", "3"]),
    ],
)
def test_an_option_gets_another_value_where_it_stands(words, values, changed):
    kept = list(words)
    assert with_options(words, values) == changed
    assert words == kept


@given(
    st.dictionaries(
        st.sampled_from(["lr", "depth", "name"]), st.from_regex(r"[a-z0-9.]{1,8}", fullmatch=True)
    ),
    st.dictionaries(
        st.sampled_from(["lr", "depth", "name"]), st.from_regex(r"[a-z0-9.]{1,8}", fullmatch=True)
    ),
)
def test_a_parser_of_arguments_sees_the_new_values_and_else_the_old_ones(before, values):
    parser = argparse.ArgumentParser()
    for name in ("lr", "depth", "name"):
        parser.add_argument(option_name(name))
    words = [word for name, value in before.items() for word in (option_name(name), value)]
    read = vars(parser.parse_args(with_options(words, values)))
    assert {name: value for name, value in read.items() if value is not None} == {**before, **values}
