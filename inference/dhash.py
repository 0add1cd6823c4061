"""Fingerprints of pictures that survive scaling and recompression: 64-bit difference hashes.

Krawetz, "Kind of Like That" (The Hacker Factor Blog, January 2013): the picture as 9 x 8 grey cells, one bit
for each pair of neighbours in a row. Pictures that look the same differ in few bits.
"""

import numpy as np
import numpy.typing as npt

from inference.images import Pixels

BITS = 64
BANDS = 4
_COLUMNS, _ROWS = 9, 8
_BAND_BITS = BITS // BANDS
_LUMA = np.array([299, 587, 114])
_UNSIGNED, _SIGN = 1 << BITS, 1 << (BITS - 1)


def hash_pixels(pixels: Pixels) -> int:
    """The dHash of a picture (H, W, 3), uint8 RGB: 64 bits as a signed number, as an int64 column holds it.

    A bit is set where a cell is darker than its right neighbour. Bit 16 * band + place: the differences of
    columns `band` and `band` + 4, each from the top down (place 0 to 7, 8 to 15). So each of the four bands
    has bits from all over the picture: product photos have flat borders, and a band of a flat border would
    be the same in all of them. The number of bits in which two hashes differ does not depend on the order.
    """
    cells = _average_cells(pixels)
    darker = cells[:, :-1] < cells[:, 1:]
    value = 0
    for column in range(_COLUMNS - 1):
        first = _BAND_BITS * (column % BANDS) + _ROWS * (column // BANDS)
        for row in range(_ROWS):
            value |= int(darker[row, column]) << (first + row)
    return value - _UNSIGNED if value & _SIGN else value


def split_bands(value: int) -> tuple[int, ...]:
    """The four bands of 16 bits of a dHash, each 0 to 65535, the lowest first."""
    return tuple((value >> (_BAND_BITS * band)) & ((1 << _BAND_BITS) - 1) for band in range(BANDS))


def count_differences(one: int, other: int) -> int:
    """In how many of their 64 bits two dHashes differ."""
    return ((one ^ other) & (_UNSIGNED - 1)).bit_count()


def _average_cells(pixels: Pixels) -> npt.NDArray[np.int64]:
    """(8, 9) grey levels, 0 to 255: the mean brightness (ITU-R 601) of each cell, rounded.

    All in whole numbers, so every process on every machine finds the same. Rounding hides the noise that
    compression leaves in flat grounds.
    """
    height, width, channels = pixels.shape
    lines = pixels.reshape(height, width * channels)
    sums = np.stack([_sum_lines(lines, row) for row in range(_ROWS)]).reshape(_ROWS, width, channels)
    grey = (sums @ _LUMA) @ _weigh(width, _COLUMNS)
    area = int(_LUMA.sum()) * height * width
    return np.asarray((2 * grey + area) // (2 * area), np.int64)


def _sum_lines(lines: Pixels, row: int) -> npt.NDArray[np.int64]:
    """The sum of the lines in a row of cells, in units of an 8th line; one cut by its edge counts in part."""
    height = len(lines)
    weights = _weigh(height, _ROWS)[:, row]
    whole = np.flatnonzero(weights == _ROWS)
    total = np.zeros(lines.shape[1], np.int64)
    if whole.size:
        total += _ROWS * np.add.reduce(lines[whole[0] : whole[-1] + 1], axis=0, dtype=np.uint32).astype(
            np.int64
        )
    for cut in np.flatnonzero((weights > 0) & (weights < _ROWS)):
        total += weights[cut] * lines[cut].astype(np.int64)
    return total


def _weigh(pixels: int, cells: int) -> npt.NDArray[np.int64]:
    """(pixels, cells): how much of each pixel lies in each cell, in units of a pixel's `cells`-th part."""
    starts = np.arange(pixels)[:, None] * cells
    lows = np.arange(cells) * pixels
    overlap = np.minimum(starts + cells, lows + pixels) - np.maximum(starts, lows)
    return np.asarray(np.maximum(overlap, 0), np.int64)
