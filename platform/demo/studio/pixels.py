"""Array types of the studio and the few OpenCV calls it makes, with types that mypy can follow."""

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Reals: TypeAlias = npt.NDArray[np.floating]
Ints: TypeAlias = npt.NDArray[np.int32]
Picture: TypeAlias = npt.NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]
Colour: TypeAlias = tuple[int, int, int]

_GAMMA: Final = 2.2
_STEPS: Final = 4096
_TO_LINEAR: Final = ((np.arange(256) / 255.0) ** _GAMMA).astype(np.float32)
_TO_BYTES: Final = np.round(255.0 * (np.arange(_STEPS) / (_STEPS - 1)) ** (1 / _GAMMA)).astype(np.uint8)


def decode_gamma(picture: Picture) -> Floats:
    """sRGB-like bytes of any shape to linear light in 0..1 (a plain 2.2 gamma is close enough here)."""
    return np.asarray(_TO_LINEAR[picture], dtype=np.float32)


def encode_gamma(light: Floats) -> Picture:
    """Linear light of any shape, cut to 0..1, to bytes. A table, because a power per pixel is slow."""
    steps = np.clip(light * (_STEPS - 1), 0, _STEPS - 1).astype(np.int16)
    return np.asarray(_TO_BYTES[steps], dtype=np.uint8)


def blur_floats(values: Floats, sigma: float) -> Floats:
    """Gaussian blur of a (H, W) or (H, W, 3) float array; sigma in pixels, none or less returns it as is."""
    if sigma <= 0:
        return values
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)


def resize_floats(values: Floats, size: Size) -> Floats:
    """Smoothly resize a float array to (width, height)."""
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def shrink_picture(picture: Picture, factor: float) -> Picture:
    """The picture at `factor` (0..1) of its size, averaged, so that fine print does not shimmer."""
    height, width = picture.shape[:2]
    size = (max(4, round(width * factor)), max(4, round(height * factor)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def sample_picture(picture: Picture, x: Floats, y: Floats) -> Picture:
    """Bilinear samples of a (H, W, 3) picture at N pixel positions -> (N, 3)."""
    rows = -(-x.size // _SAMPLE_WIDTH)
    padding = rows * _SAMPLE_WIDTH - x.size
    grids = [np.pad(axis, (0, padding)).reshape(rows, _SAMPLE_WIDTH) for axis in (x, y)]
    found = cv2.remap(picture, grids[0], grids[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, dtype=np.uint8).reshape(-1, 3)[: x.size]


# cv2.remap refuses maps with a side over 32767, so a long list of positions is folded into rows.
_SAMPLE_WIDTH: Final = 1024


def warp_picture(picture: Picture, homography: npt.NDArray[np.float64], size: Size) -> Picture:
    """The picture under a homography (3, 3) onto a canvas of (width, height); it repeats at its borders."""
    flags = cv2.INTER_LINEAR
    warped = cv2.warpPerspective(picture, homography, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, dtype=np.uint8)


def fill_hull(mask: Floats, points: Reals, value: float) -> None:
    """Fill the convex hull of (N, 2) pixel positions in a (H, W) mask, in place."""
    hull = cv2.convexHull(np.clip(points, -8000, 8000).astype(np.float32))
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), value, lineType=cv2.LINE_AA, shift=4)


def make_noise(rng: np.random.Generator, size: Size, cells: Size, octaves: int = 4) -> Floats:
    """Smooth noise (H, W) in -1..1; `size` is (width, height), `cells` those of the first octave."""
    width, height = size
    total = np.zeros((height, width), dtype=np.float32)
    weight = 0.5
    for octave in range(octaves):
        across, down = (max(2, count << octave) for count in cells)
        grid = rng.uniform(-1, 1, (min(down, height), min(across, width))).astype(np.float32)
        total += weight * resize_floats(grid, size)
        weight /= 2
    return total
