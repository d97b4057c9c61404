"""Making PNGs of what people have in their hands: figures, arrays, images of Pillow's."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from runyard.errors import InvalidParameter

MAX_PIXELS = 100_000_000

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # grey, grey with alpha, red-green-blue, the same with alpha


def png_of(picture: Any) -> bytes:
    """Return a matplotlib figure (or ``pyplot`` itself), an array or a Pillow image as a PNG.

    An array has the shape (height, width) or (height, width, channels) with 1 to 4 channels. Its numbers are
    bytes, truth values, or fractions from 0 to 1.

    Raises:
        InvalidParameter: It is none of these, or its shape or its numbers are not.
    """
    if hasattr(picture, "savefig"):
        written = io.BytesIO()
        picture.savefig(written, format="png")
        return written.getvalue()
    if hasattr(picture, "get_figure"):  # axes, as seaborn and pandas give them
        return png_of(picture.get_figure())
    if hasattr(picture, "save") and hasattr(picture, "mode"):
        written = io.BytesIO()
        picture.save(written, format="PNG")
        return written.getvalue()
    if hasattr(picture, "__array__"):
        return _of_array(picture)
    raise InvalidParameter(
        f"A {type(picture).__name__} is no picture: give a matplotlib figure, an array or a Pillow image."
    )


def _of_array(picture: Any) -> bytes:
    # What has an `__array__` comes from NumPy or from a library over it: nothing needs to be imported.
    array = picture if hasattr(picture, "dtype") and hasattr(picture, "tobytes") else picture.__array__()
    shape = tuple(array.shape)
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or channels not in _COLOUR_TYPES or 0 in shape:
        raise InvalidParameter(
            f"An array of shape {shape} is no picture; it must be (height, width) or "
            "(height, width, channels) with 1 to 4 channels."
        )
    if shape[0] * shape[1] > MAX_PIXELS:
        raise InvalidParameter(f"The picture has {shape[0] * shape[1]} pixels; the limit is {MAX_PIXELS}.")
    return _written(_as_bytes(array), shape[1], shape[0], channels)


def _as_bytes(array: Any) -> bytes:
    kind = array.dtype.kind
    if kind == "b":
        array = array.astype("uint8") * 255
    elif kind == "f":
        # A comparison with NaN is false, so this refuses that too.
        if not (array.min() >= 0 and array.max() <= 1):
            raise InvalidParameter(
                f"An array of fractions goes from 0 to 1, not from {array.min()} to {array.max()}."
            )
        array = (array * 255).round()
    elif kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise InvalidParameter(f"An array of {array.dtype} is no picture; whole numbers go from 0 to 255.")
    content: bytes = array.astype("uint8").tobytes()
    return content


def _written(pixels: bytes, width: int, height: int, channels: int) -> bytes:
    row_bytes = width * channels
    # In front of each row stands the filter that it was written with: none.
    rows = b"".join(b"\0" + pixels[start : start + row_bytes] for start in range(0, len(pixels), row_bytes))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
