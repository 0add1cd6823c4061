import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.images import ImageLimits, ImageRejected, decode_picture
from tests.inference.pictures import draw_corners, encode

SEEDS = {name: encode(draw_corners(), name) for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP")}
MAGIC = (
    b"",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"GIF89a",
    b"BM" + b"\0" * 12 + b"\x28\0\0\0",
)
LIMITS = ImageLimits(max_pixels=4_000_000)


def decode_or_reject(data: bytes) -> None:
    try:
        picture = decode_picture(data, limits=LIMITS, working_side=32)
    except ImageRejected as error:
        assert error.code.startswith("image_")  # noqa: PT017 - either outcome is good, no other is
        return
    height, width, channels = picture.pixels.shape
    assert channels == 3
    assert 1 <= height <= picture.height
    assert 1 <= width <= picture.width
    assert picture.pixels.dtype == np.uint8


@given(st.sampled_from(MAGIC), st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_decode_picture_refuses_random_bytes_in_its_own_words(magic: bytes, tail: bytes) -> None:
    decode_or_reject(magic + tail)


@given(
    st.sampled_from(sorted(SEEDS)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    st.floats(0, 1),
)
@settings(max_examples=400, deadline=None)
def test_decode_picture_survives_changed_and_cut_files(
    name: str, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(SEEDS[name])
    for place, value in changes:
        # Most of what breaks a decoder stands at the beginning of a file.
        data[int(place**3 * (len(data) - 1))] = value
    decode_or_reject(bytes(data[: max(1, int(len(data) * (0.5 + kept)))]))
