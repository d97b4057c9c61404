"""Pictures become PNGs that another library reads back pixel for pixel."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from runyard.errors import InvalidParameter
from runyard.sdk.pictures import png_of

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.tuples(
    st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 3, 4])
)


def read_back(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture)


@given(arrays(np.uint8, SHAPES))
def test_bytes_come_back_as_they_were(array: np.ndarray):
    back = read_back(png_of(array))
    assert np.array_equal(back, array[:, :, 0] if array.shape[2:] == (1,) else array)


def test_fractions_and_truth_values_are_scaled():
    assert read_back(png_of(np.array([[0.0, 0.5, 1.0]]))).tolist() == [[0, 128, 255]]
    assert read_back(png_of(np.array([[True, False]]))).tolist() == [[255, 0]]
    assert read_back(png_of(np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)))).tolist() == [
        [0, 1, 2],
        [3, 4, 5],
    ]


def test_a_figure_and_its_axes_are_saved():
    class Figure:
        def savefig(self, target: io.BytesIO, format: str) -> None:
            target.write(f"a {format}".encode())

    class Axes:
        def get_figure(self) -> Figure:
            return Figure()

    assert png_of(Figure()) == png_of(Axes()) == b"a png"


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(3),
        np.zeros((2, 2, 5)),
        np.zeros((0, 2)),
        np.array([[1.5]]),
        np.array([[np.nan]]),
        np.array([[256]]),
        np.array([[-1]]),
        np.array([["a"]]),
        "a.png",
        None,
    ],
    ids=repr,
)
def test_what_is_no_picture_is_refused(wrong: object):
    with pytest.raises(InvalidParameter):
        png_of(wrong)
