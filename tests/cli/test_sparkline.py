"""A course in one line of text: as long as it may be, and in the order of its values."""

import math

from hypothesis import given
from hypothesis import strategies as st

from runyard.cli.sparkline import sparkline

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
LEVELS = "▁▂▃▄▅▆▇█"


@given(values=st.lists(NUMBERS, max_size=200), width=st.integers(1, 80))
def test_any_values_make_a_line_of_that_width_at_most(values: list[float], width: int):
    drawn = sparkline(values, width)
    assert len(drawn) == min(len(values), width)
    assert set(drawn) <= set(LEVELS + " ")


@given(values=st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=40))
def test_a_higher_value_is_never_drawn_lower(values: list[float]):
    drawn = sparkline(values, len(values))
    for value, block in zip(values, drawn, strict=True):
        for other, beside in zip(values, drawn, strict=True):
            assert value >= other or LEVELS.index(block) <= LEVELS.index(beside)


def test_the_extremes_are_at_the_edges():
    assert sparkline([5, 1, 9], 3) == "▅▁█"
    assert sparkline([2, 2, 2], 3) == "▁▁▁"
    assert sparkline([], 3) == ""


def test_what_is_no_number_leaves_a_gap_and_infinities_are_at_the_edges():
    assert sparkline([0, math.nan, 1, math.inf, -math.inf], 5) == "▁ ██▁"


def test_values_that_share_a_block_are_drawn_as_their_mean():
    assert sparkline([0, 10, 10, 10, 0, 0], 3) == "▅█▁"
