"""Shapes printed on labels: the motif of a flavour (fruit, leaf, bean, ...) and the emblem of a brand."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ImageDraw

from demo.studio.pixels import Colour

Pen = ImageDraw.ImageDraw
Outline = npt.NDArray[np.float64]  # (N, 2) in units of the radius, y down
_TURN: Final = np.linspace(0, 2 * np.pi, 64, endpoint=False)


def mix_colours(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def draw_motif(pen: Pen, motif: str, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """Draw one motif of about `radius` pixels."""
    _MOTIFS[motif](pen, np.asarray(centre), radius, colour)


def draw_cluster(
    pen: Pen,
    motif: str,
    centre: tuple[float, float],
    radius: float,
    colour: Colour,
    *,
    rng: np.random.Generator,
) -> None:
    """Draw a bunch of motifs that fills a circle of `radius` pixels; those in front are lighter."""
    count = int(rng.integers(3, 7))
    turn = rng.uniform(0, 2 * np.pi)
    for index in range(count):
        angle = turn + index * 2 * np.pi / count
        reach = radius * rng.uniform(0.42, 0.58)
        place = (centre[0] + reach * np.cos(angle), centre[1] + reach * np.sin(angle))
        shade = mix_colours(colour, (0, 0, 0), float(rng.uniform(0.05, 0.3)))
        draw_motif(pen, motif, place, radius * rng.uniform(0.32, 0.46), shade)
    draw_motif(pen, motif, centre, radius * 0.52, colour)


def draw_emblem(
    pen: Pen, emblem: str, centre: tuple[float, float], radius: float, *, ink: Colour, paper: Colour
) -> None:
    """Draw a brand's emblem of about `radius` pixels."""
    place = np.asarray(centre)
    outlines = _EMBLEM_OUTLINES.get(emblem)
    if outlines is None:
        return
    for index, outline in enumerate(outlines):
        _fill(pen, outline * radius + place, ink if index % 2 == 0 else paper)


def make_star(points: int, inner: float) -> Outline:
    """A star's outline with `points` tips; `inner` is the radius of its notches."""
    angles = np.arange(points * 2) * np.pi / points - np.pi / 2
    reach = np.where(np.arange(points * 2) % 2 == 0, 1.0, inner)
    return np.stack([np.cos(angles) * reach, np.sin(angles) * reach], 1)


def _fill(pen: Pen, outline: Outline, colour: Colour) -> None:
    pen.polygon([(float(x), float(y)) for x, y in outline], fill=colour)


def _round(width: float, height: float) -> Outline:
    return np.stack([np.cos(_TURN) * width, np.sin(_TURN) * height], 1)


def _tilt(outline: Outline, degrees: float) -> Outline:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.asarray(outline @ np.array([[cos, sin], [-sin, cos]]))


def _lighten(colour: Colour, share: float = 0.45) -> Colour:
    return mix_colours(colour, (255, 255, 255), share)


def _darken(colour: Colour, share: float = 0.4) -> Colour:
    return mix_colours(colour, (0, 0, 0), share)


def _draw_body(pen: Pen, outline: Outline, centre: Outline, radius: float, colour: Colour) -> None:
    """A solid with a dark rim, its colour, and a light spot above left."""
    _fill(pen, outline * radius + centre, _darken(colour))
    _fill(pen, outline * (radius * 0.92) + centre, colour)
    spot = _tilt(_round(0.22, 0.12), -35) * radius + centre + np.array([-0.34, -0.38]) * radius
    _fill(pen, spot, _lighten(colour, 0.65))


def _draw_berry(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    _draw_body(pen, _round(0.95, 0.95), centre, radius, colour)
    crown = make_star(5, 0.45) * (radius * 0.36) + centre + np.array([0.1, -0.72]) * radius
    _fill(pen, crown, (74, 140, 62))


def _draw_apple(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    dip = 1 - 0.28 * np.exp(-8 * (1 + np.sin(_TURN)))
    outline = np.stack([np.cos(_TURN) * dip, np.sin(_TURN) * dip], 1)
    _draw_body(pen, outline, centre, radius, colour)
    stalk = np.array([[-0.04, -0.65], [0.1, -1.1], [0.2, -1.05], [0.06, -0.65]])
    _fill(pen, stalk * radius + centre, (92, 60, 34))
    leaf = _tilt(_round(0.34, 0.15), -25) * radius + centre + np.array([0.45, -0.95]) * radius
    _fill(pen, leaf, (86, 150, 58))


def _draw_citrus(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    for share, shade in ((1.0, colour), (0.88, (255, 252, 236)), (0.8, _lighten(colour, 0.35))):
        _fill(pen, _round(1, 1) * (radius * share) + centre, shade)
    for angle in np.arange(8) * np.pi / 4 + 0.2:
        end = centre + np.array([np.cos(angle), np.sin(angle)]) * radius * 0.8
        pen.line([*centre.tolist(), *end.tolist()], fill=(255, 252, 236), width=max(1, round(radius * 0.08)))


def _draw_leaf(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    reach = np.linspace(-1, 1, 24)
    side = 0.46 * (1 - reach**2) * (1 + 0.35 * reach)
    outline = np.concatenate([np.stack([side, reach], 1), np.stack([-side, reach], 1)[::-1]])
    for tilt, shade in ((-42, _darken(colour, 0.2)), (38, colour)):
        turned = _tilt(outline, tilt) * radius + centre
        _fill(pen, turned, shade)
        pen.line(
            [*turned[0].tolist(), *turned[23].tolist()],
            fill=_lighten(shade),
            width=max(1, round(radius * 0.06)),
        )


def _draw_nut(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    point = np.stack([np.cos(_TURN) * (0.82 - 0.22 * np.sin(_TURN)), np.sin(_TURN) * 0.95], 1)
    _draw_body(pen, point, centre, radius, colour)
    cap = np.stack([np.cos(_TURN) * 0.7, -0.55 + np.sin(_TURN) * 0.32], 1) * radius + centre
    _fill(pen, cap, _lighten(colour, 0.5))


def _draw_bean(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    _draw_body(pen, _tilt(_round(0.66, 0.98), 28), centre, radius, _lighten(colour, 0.08))
    reach = np.linspace(-0.85, 0.85, 16)
    crease = _tilt(np.stack([0.14 * np.sin(reach * 3.4), reach], 1), 28) * radius + centre
    pen.line(
        [tuple(point) for point in crease.tolist()],
        fill=_darken(colour, 0.6),
        width=max(1, round(radius * 0.12)),
    )


def _draw_grain(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    stalk = np.array([[0, -0.9], [0, 1.1]]) * radius + centre
    pen.line(stalk.ravel().tolist(), fill=_darken(colour), width=max(1, round(radius * 0.08)))
    for row in np.linspace(-0.8, 0.5, 5):
        for side in (-1, 1):
            kernel = _tilt(_round(0.14, 0.3), side * 34) + np.array([side * 0.22, row])
            _fill(pen, kernel * radius + centre, colour if side < 0 else _lighten(colour, 0.25))


def _draw_flower(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    for angle in range(0, 360, 60):
        petal = _tilt(_round(0.27, 0.46) + np.array([0, -0.52]), angle) * radius + centre
        _fill(pen, petal, _lighten(colour, 0.15 if angle % 120 else 0.4))
    _fill(pen, _round(0.24, 0.24) * radius + centre, (250, 208, 72))


def _draw_drop(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    taper = 0.72 * (1 - 0.9 * np.clip(-np.sin(_TURN), 0, 1) ** 1.5)
    outline = np.stack([np.cos(_TURN) * taper, np.sin(_TURN) * np.where(np.sin(_TURN) < 0, 1.15, 0.72)], 1)
    _draw_body(pen, outline, centre, radius, colour)


def _draw_flame(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    taper = 0.7 * (1 - 0.95 * np.clip(-np.sin(_TURN), 0, 1))
    sway = 0.22 * np.sin(3 * np.sin(_TURN))
    outline = np.stack([np.cos(_TURN) * taper + sway, np.sin(_TURN)], 1)
    for share, shade in ((1.0, colour), (0.62, (250, 168, 50)), (0.34, (255, 236, 150))):
        _fill(pen, (outline * share + np.array([0, 0.9 * (1 - share)])) * radius + centre, shade)


def _draw_wave(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    reach = np.linspace(-1, 1, 40)
    for row, shade in ((-0.35, _lighten(colour, 0.5)), (0.0, _lighten(colour, 0.2)), (0.35, colour)):
        crest = np.stack([reach, row + 0.14 * np.sin(reach * 8 + row * 5)], 1)
        trough = crest[::-1] + np.array([0, 0.24])
        _fill(pen, np.concatenate([crest, trough]) * radius + centre, shade)


def _draw_comb(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    angles = np.arange(6) * np.pi / 3 + np.pi / 6
    cell = np.stack([np.cos(angles), np.sin(angles)], 1)
    places = np.concatenate([[[0, 0]], np.stack([np.cos(angles - np.pi / 6), np.sin(angles - np.pi / 6)], 1)])
    for index, place in enumerate(places * 0.62):
        shade = _lighten(colour, 0.12 * (index % 4))
        _fill(pen, (cell * 0.34 + place) * radius + centre, _darken(colour, 0.3))
        _fill(pen, (cell * 0.28 + place) * radius + centre, shade)


def _draw_star(pen: Pen, centre: Outline, radius: float, colour: Colour) -> None:
    _fill(pen, make_star(5, 0.42) * radius + centre, _darken(colour))
    _fill(pen, make_star(5, 0.42) * (radius * 0.84) + centre, _lighten(colour, 0.1))


_MOTIFS: Final[dict[str, Callable[[Pen, Outline, float, Colour], None]]] = {
    "apple": _draw_apple, "bean": _draw_bean, "berry": _draw_berry, "citrus": _draw_citrus,
    "comb": _draw_comb, "drop": _draw_drop, "flame": _draw_flame, "flower": _draw_flower,
    "grain": _draw_grain, "leaf": _draw_leaf, "nut": _draw_nut, "star": _draw_star, "wave": _draw_wave,
}  # fmt: skip

_SHIELD: Final = np.array(
    [[-0.8, -0.9], [0.8, -0.9], [0.8, 0.1], [0.45, 0.7], [0, 1], [-0.45, 0.7], [-0.8, 0.1]]
)
_CROWN: Final = np.array([[-1, 0.7], [-1, -0.5], [-0.5, 0.1], [0, -0.8], [0.5, 0.1], [1, -0.5], [1, 0.7]])
_DIAMOND: Final = np.array([[0, -1], [0.8, 0], [0, 1], [-0.8, 0]])
_EMBLEM_OUTLINES: Final = {
    "shield": (_SHIELD, _SHIELD * 0.8, make_star(5, 0.42) * 0.5),
    "sun": (make_star(12, 0.68), _round(0.52, 0.52), _round(0.42, 0.42)),
    "crown": (_CROWN,),
    "ring": (_round(1, 1), _round(0.78, 0.78), _round(0.4, 0.4)),
    "leaf": (_tilt(_round(0.42, 1), 35), _tilt(_round(0.05, 0.8), 35)),
    "star": (make_star(6, 0.55), make_star(6, 0.55) * 0.5),
    "diamond": (_DIAMOND, _DIAMOND * 0.7, _DIAMOND * 0.4),
}
