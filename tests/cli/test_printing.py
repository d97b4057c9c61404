"""What is printed keeps to its line, its column and the standard of its format."""

import json
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from runyard.cli.printing import (
    bytes_text,
    complain,
    count_text,
    duration_text,
    fitted,
    note,
    one_line,
    print_json,
    print_pairs,
    print_table,
    say,
    time_text,
)


@given(st.text())
def test_no_text_breaks_a_line_or_steers_a_terminal(text: str):
    assert all(character.isprintable() for character in one_line(text))
    assert len(one_line(text)) == len(text)


STEERING = "\x1b]0;mine\x07\x1b[2J\x9b31m\r\u202eexe\u2066\x08"


@pytest.mark.parametrize("show", [say, note, complain, print_json, lambda text: print_pairs({text: text})])
def test_whatever_is_printed_steers_no_terminal(
    show: Callable[[str], None], capsys: pytest.CaptureFixture[str]
):
    """Messages and answers have names in them that others gave."""
    show(f"a{STEERING}b\tc")
    printed = "".join(capsys.readouterr())
    assert "mine" in printed
    assert not set(STEERING) & set(printed) - set("mine]0;[2J31exe")


def test_lines_of_a_text_stay_lines_and_json_stays_what_it_is(capsys: pytest.CaptureFixture[str]):
    say("FROM a\n\tRUN b\u00a0c é")
    assert capsys.readouterr().out == "FROM a\n\tRUN b\u00a0c é\n"
    print_json({STEERING: [STEERING]})
    assert json.loads(capsys.readouterr().out) == {STEERING: [STEERING]}


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_time_that_no_calendar_has_is_shown_as_its_end(zone: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        shown = [time_text(ms) for ms in (-(2**63), 2**63 - 1)]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert re.fullmatch(r"0*1-01-0[123] [\d:]{8}", shown[0])
    assert re.fullmatch(r"9999-12-3[01] [\d:]{8}", shown[1])


def test_a_pipe_gets_tabs(capsys: pytest.CaptureFixture[str]):
    print_table(("A", "B"), [("1", "two\twords\n"), ("[red]x[/]", "")])
    assert capsys.readouterr().out == "A\tB\n1\ttwo words \n[red]x[/]\t\n"


def test_a_screen_gets_columns_of_which_the_last_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    print_table(("ID", "NAME", "NOTE"), [("0123456789abcdef", "[red]界界[/]", "a long remark on it")])
    printed = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert printed[0] == "ID                NAME          NOTE"
    assert printed[1] == "0123456789abcdef  [red]界界[/]  a long …"


@given(widths=st.lists(st.integers(0, 200), max_size=8), screen=st.integers(1, 200))
def test_what_fits_is_shown_whole_and_never_more_than_the_screen_holds(widths: list[int], screen: int):
    shown = fitted(widths, screen)
    assert sum(shown) + 2 * max(0, len(shown) - 1) <= screen
    assert all(cut == whole for cut, whole in zip(shown[:-1], widths, strict=False))


def test_json_has_words_for_what_json_has_no_number_for(capsys: pytest.CaptureFixture[str]):
    print_json({"a": [float("nan"), float("inf"), 1.5], "ü": ("-", float("-inf"))})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"a": ["NaN", "Infinity", 1.5], "ü": ["-", "-Infinity"]}
    assert "ü" in printed


def test_pairs_stand_below_one_another(capsys: pytest.CaptureFixture[str]):
    print_pairs({"a": "1", "longer": "2\n3"}, indent="  ")
    assert capsys.readouterr().out == "  a       1\n  longer  2 3\n"
    print_pairs({})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.0 s"),
        (59_940, "59.9 s"),
        (60_000, "1 min 0 s"),
        (3_599_000, "59 min 59 s"),
        (7_260_000, "2 h 1 min"),
    ],
)
def test_a_duration_is_in_the_units_that_matter(milliseconds: int, text: str):
    assert duration_text(5000, 5000 + milliseconds) == text


def test_a_duration_that_is_not_known_is_a_dash():
    assert duration_text(None, 5) == duration_text(5, None) == "-"
    assert cell_len(duration_text(10, 5)) > 0


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB")]
)
def test_lengths_are_told_in_the_unit_that_reads_best(count: int, text: str):
    assert bytes_text(count) == text


def test_one_is_no_plural():
    assert [count_text(count, "run") for count in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
