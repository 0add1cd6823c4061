"""Tables, floors and walls, drawn from noise; each is made once and then laid under many scenes."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from demo.studio.pixels import Colour, Floats, Picture, Reals, blur_floats, make_noise

_SIDE: Final = 768
_VARIANTS: Final = 3
FLOORS: Final = ("wood", "marble", "concrete", "cloth", "linen", "tiles", "slate")
WALLS: Final = ("plaster", "tiles", "room", "room", "shelf", "wood")


def pick_backdrop(rng: np.random.Generator, kinds: tuple[str, ...]) -> Picture:
    """One of the textures of these kinds, (768, 768, 3)."""
    return _make_backdrop(kinds[int(rng.integers(len(kinds)))], int(rng.integers(_VARIANTS)))


@lru_cache(maxsize=64)
def _make_backdrop(kind: str, variant: int) -> Picture:
    rng = np.random.default_rng([variant, *kind.encode()])
    return np.clip(_PAINTERS[kind](rng), 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, across: int, down: int, octaves: int = 4) -> Floats:
    return make_noise(rng, (_SIDE, _SIDE), (across, down), octaves)[..., None]


def _choose(rng: np.random.Generator, *colours: Colour) -> Floats:
    return np.asarray(colours[int(rng.integers(len(colours)))], dtype=np.float32)


def _paint_wood(rng: np.random.Generator) -> Floats:
    base = _choose(rng, (176, 128, 82), (132, 92, 60), (205, 172, 128), (96, 68, 48))
    boards, step = np.ones((_SIDE, _SIDE, 1), np.float32), _SIDE // 6
    grain = np.concatenate(
        [np.roll(_noise(rng, 3, 60)[:step], int(rng.integers(_SIDE)), 1) for _ in range(6)]
    )
    for index in range(6):
        boards[index * step : (index + 1) * step] *= rng.uniform(0.86, 1.1)
        boards[index * step : index * step + 2] *= 0.55
    fine = _noise(rng, 8, 300, 2)
    return np.asarray(base * boards * (1 + 0.22 * grain + 0.1 * fine), dtype=np.float32)


def _paint_marble(rng: np.random.Generator) -> Floats:
    base = _choose(rng, (232, 230, 226), (214, 212, 210), (70, 72, 76))
    veins = 1 - np.abs(_noise(rng, 3, 4, 6)) * 4
    ink = np.clip(veins, 0, 1) ** 6
    return np.asarray(base * (1 + 0.05 * _noise(rng, 6, 6)) - ink * 46, dtype=np.float32)


def _paint_concrete(rng: np.random.Generator) -> Floats:
    base = _choose(rng, (168, 166, 160), (196, 192, 184), (120, 122, 126))
    specks = rng.standard_normal((_SIDE, _SIDE, 1)).astype(np.float32) * 4
    return np.asarray(base * (1 + 0.14 * _noise(rng, 5, 5, 6)) + specks, dtype=np.float32)


def _paint_slate(rng: np.random.Generator) -> Floats:
    base = _choose(rng, (62, 66, 70), (48, 52, 60), (84, 80, 76))
    return np.asarray(base * (1 + 0.3 * _noise(rng, 8, 14, 6)), dtype=np.float32)


def _paint_cloth(rng: np.random.Generator) -> Floats:
    """A checked table cloth."""
    light = _choose(rng, (244, 240, 232), (238, 242, 246))
    dark = _choose(rng, (176, 44, 48), (52, 92, 150), (70, 120, 82), (210, 160, 60))
    stripe = (np.arange(_SIDE) // int(rng.integers(26, 48))) % 2
    share = ((stripe[:, None] + stripe[None, :]) / 2)[..., None]
    return _weave(rng, light * (1 - share) + dark * share)


def _paint_linen(rng: np.random.Generator) -> Floats:
    base = _choose(rng, (222, 214, 200), (176, 186, 190), (204, 178, 158), (150, 160, 140))
    return _weave(rng, base * (1 + 0.08 * _noise(rng, 4, 4)))


def _weave(rng: np.random.Generator, cloth: Reals) -> Floats:
    threads = rng.standard_normal((_SIDE, 1, 1)) + rng.standard_normal((1, _SIDE, 1))
    return np.asarray(cloth * (1 + 0.03 * threads), dtype=np.float32)


def _paint_tiles(rng: np.random.Generator) -> Floats:
    base = _choose(rng, (226, 228, 226), (150, 186, 190), (196, 120, 90), (238, 226, 206))
    step = int(rng.integers(90, 150))
    count = _SIDE // step + 1
    shades = rng.uniform(0.9, 1.06, (count, count, 1)).astype(np.float32)
    rows = np.arange(_SIDE) // step
    tiles = base * shades[rows][:, rows]
    joint = np.minimum(np.arange(_SIDE) % step, 4) < 4  # noqa: PLR2004
    tiles[joint] *= 0.72
    tiles[:, joint] *= 0.72
    return np.asarray(tiles * (1 + 0.04 * _noise(rng, 10, 10)), dtype=np.float32)


def _paint_plaster(rng: np.random.Generator) -> Floats:
    base = _choose(rng, (226, 220, 208), (178, 196, 204), (206, 196, 178), (190, 170, 158), (160, 178, 160))
    return np.asarray(base * (1 + 0.05 * _noise(rng, 4, 4) + 0.03 * _noise(rng, 60, 60, 2)), dtype=np.float32)


def _paint_room(rng: np.random.Generator) -> Floats:
    """A kitchen out of focus: large soft blocks and a few lights."""
    room = np.tile(_choose(rng, (150, 140, 126), (120, 126, 132), (178, 168, 150)), (_SIDE, _SIDE, 1))
    for _ in range(26):
        x, y = (int(each) for each in rng.integers(-80, _SIDE, 2))
        width, height = (int(each) for each in rng.integers(40, 300, 2))
        colour = rng.uniform(30, 225, 3) * 0.6 + rng.uniform(40, 190) * 0.4
        cv2.rectangle(room, (x, y), (x + width, y + height), colour.tolist(), -1)
    room = blur_floats(room, 14)
    for _ in range(10):
        x, y = (int(each) for each in rng.integers(0, _SIDE, 2))
        cv2.circle(room, (x, y), int(rng.integers(8, 26)), rng.uniform(190, 255, 3).tolist(), -1, cv2.LINE_AA)
    return blur_floats(room, 4)


def _paint_shelf(rng: np.random.Generator) -> Floats:
    """Shop shelves out of focus: rows of coloured packs on boards."""
    shelf = np.tile(_choose(rng, (70, 66, 62), (110, 106, 100)), (_SIDE, _SIDE, 1))
    for base in range(160, _SIDE + 160, 190):
        x = 0
        while x < _SIDE:
            width, height = int(rng.integers(34, 84)), int(rng.integers(90, 165))
            colour = rng.uniform(30, 240, 3)
            cv2.rectangle(shelf, (x, base - height), (x + width - 4, base), colour.tolist(), -1)
            band = rng.uniform(90, 255, 3).tolist()
            top = base - int(height * rng.uniform(0.4, 0.8))
            cv2.rectangle(shelf, (x + 4, top), (x + width - 8, top + height // 4), band, -1)
            x += width
        cv2.rectangle(shelf, (0, base), (_SIDE, base + 16), (196, 192, 184), -1)
    return blur_floats(shelf, 5)


_PAINTERS: Final[dict[str, Callable[[np.random.Generator], Floats]]] = {
    "wood": _paint_wood, "marble": _paint_marble, "concrete": _paint_concrete, "slate": _paint_slate,
    "cloth": _paint_cloth, "linen": _paint_linen, "tiles": _paint_tiles, "plaster": _paint_plaster,
    "room": _paint_room, "shelf": _paint_shelf,
}  # fmt: skip
