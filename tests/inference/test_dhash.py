"""The fingerprint against its definition, in whole numbers, and against what a shop's pictures go through."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from inference.dhash import BANDS, count_differences, hash_pixels, split_bands
from inference.images import Pixels, decode_picture
from tests.inference.pictures import draw_corners, encode

PICTURES = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)), elements=st.integers(0, 255)
)
HASHES = st.integers(-(2**63), 2**63 - 1)


def hash_by_definition(pixels: Pixels) -> int:
    """Cell by cell and pixel by pixel, in fractions."""
    height, width = pixels.shape[:2]
    grey = pixels @ np.array([299, 587, 114])

    def cover(cell: int, size: int, cells: int) -> list[tuple[int, Fraction]]:
        """The pixels that the cell overlaps, and by how much."""
        low, high = Fraction(cell * size, cells), Fraction((cell + 1) * size, cells)
        overlaps = [(at, min(high, Fraction(at + 1)) - max(low, Fraction(at))) for at in range(size)]
        return [(at, share) for at, share in overlaps if share > 0]

    def level(row: int, column: int) -> int:
        across = cover(column, width, 9)
        total = sum(high * wide * int(grey[y, x]) for y, high in cover(row, height, 8) for x, wide in across)
        # A half goes up.
        return int(Fraction(total) * 72 / (1000 * height * width) + Fraction(1, 2))

    value = 0
    for row in range(8):
        for column in range(8):
            bit = 16 * (column % 4) + 8 * (column // 4) + row
            value |= (level(row, column) < level(row, column + 1)) << bit
    return value - 2**64 if value >= 2**63 else value


@given(PICTURES)
@settings(max_examples=40, deadline=None)
def test_hash_is_that_of_the_definition(pixels: Pixels) -> None:
    assert hash_pixels(pixels) == hash_by_definition(pixels)


@given(HASHES)
def test_bands_hold_all_bits_once(value: int) -> None:
    bands = split_bands(value)
    assert len(bands) == BANDS
    assert sum(band << (16 * place) for place, band in enumerate(bands)) == value % 2**64


@given(HASHES, st.sets(st.integers(0, 63)))
def test_differences_are_counted_for_signed_hashes(value: int, flipped: set[int]) -> None:
    unsigned = value % 2**64
    for bit in flipped:
        unsigned ^= 1 << bit
    other = unsigned - 2**64 if unsigned >= 2**63 else unsigned
    assert count_differences(value, other) == count_differences(other, value) == len(flipped)


def test_plain_pictures_have_no_bit_and_rising_ones_all() -> None:
    plain = np.full((80, 90, 3), 255, np.uint8)
    rising = np.broadcast_to(np.arange(0, 180, 2, dtype=np.uint8)[None, :, None], (80, 90, 3)).copy()
    assert hash_pixels(plain) == 0
    assert hash_pixels(rising) == -1
    assert hash_pixels(rising[:, ::-1]) == 0


@pytest.mark.parametrize("band", range(BANDS))
def test_each_band_sees_all_rows_and_both_halves(band: int) -> None:
    """An edge drawn at any height, left or right, falls into the bands in turn: none is a border's alone."""
    seen = {(row, half): 0 for row in range(8) for half in (0, 1)}
    for row, half in seen:
        column = band + 4 * half
        cells = np.zeros((8, 9, 3), np.uint8)
        cells[row, column + 1 :] = 200
        bands = split_bands(hash_pixels(cells))
        assert [bool(value) for value in bands] == [place == band for place in range(BANDS)]
        seen[row, half] = bands[band]
    assert sorted(seen.values()) == [1 << bit for bit in range(16)]


def test_hash_of_a_large_picture_does_not_overflow() -> None:
    cells = np.random.default_rng(3).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    large = cells.repeat(600, axis=0).repeat(500, axis=1)
    assert hash_pixels(large) == hash_pixels(cells)


def test_hash_survives_scaling_and_recompression(shared_data: Path) -> None:
    photos = sorted((shared_data / "fixtures" / "grocery").rglob("*.jpg"))[:12]
    assert photos
    for path in photos:
        original = decode_picture(path.read_bytes()).pixels
        half = Image.fromarray(original).resize((original.shape[1] // 2, original.shape[0] // 2))
        again = BytesIO()
        half.save(again, "JPEG", quality=70)
        changed = decode_picture(again.getvalue()).pixels
        assert count_differences(hash_pixels(original), hash_pixels(changed)) <= 2, path.name


def test_hash_tells_pictures_apart() -> None:
    corners = decode_picture(encode(draw_corners(), "PNG")).pixels
    mirrored = np.ascontiguousarray(corners[:, ::-1])
    assert count_differences(hash_pixels(corners), hash_pixels(mirrored)) > 7
