"""What is printed behind everything else on a label: bands, rays, dots, hills and the like."""

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from demo.studio.emblems import mix_colours
from demo.studio.pixels import Colour

_Painter = Callable[[ImageDraw.ImageDraw, int, int, Colour, Colour], None]


def paint_ground(image: Image.Image, ground: str, first: Colour, second: Colour) -> None:
    """Cover the whole image with the ground's pattern in two colours."""
    image.paste(first, (0, 0, image.width, image.height))
    _GROUNDS[ground](ImageDraw.Draw(image), image.width, image.height, first, second)


def _paint_plain(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    del first
    pen.rectangle([0, height * 0.93, width, height], fill=second)


def _paint_split(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    pen.rectangle([0, height * 0.56, width, height], fill=second)
    pen.rectangle([0, height * 0.55, width, height * 0.57], fill=mix_colours(first, (255, 255, 255), 0.7))


def _paint_stripes(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    step = height / 9
    for left in np.arange(-height, width + height, step):
        pen.polygon(
            [
                (left, height),
                (left + step / 2, height),
                (left + step / 2 + height * 0.5, 0),
                (left + height * 0.5, 0),
            ],
            fill=mix_colours(first, second, 0.3),
        )


def _paint_rays(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    x, y, reach = width / 2, height * 0.48, width + height
    for angle in np.arange(0, 360, 20):
        start, end = np.radians([angle, angle + 10])
        corners = [(x + np.cos(turn) * reach, y + np.sin(turn) * reach) for turn in (start, end)]
        pen.polygon([(x, y), *corners], fill=mix_colours(first, second, 0.35))


def _paint_dots(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    step = height / 14
    for row in range(15):
        radius = step * (0.1 + 0.28 * row / 14)
        for x in np.arange(step / 2 * (row % 2), width + step, step):
            y = row * step + step / 2
            pen.ellipse(
                [x - radius, y - radius, x + radius, y + radius], fill=mix_colours(first, second, 0.55)
            )


def _paint_hills(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    x = np.linspace(0, width, 80)
    for index, share in enumerate((0.3, 0.6, 1.0)):
        top = height * (0.58 + 0.13 * index) + height * 0.05 * np.sin(
            x / height * (7 + 2 * index) + index * 2
        )
        outline = [*zip(x.tolist(), top.tolist(), strict=True), (width, height), (0, height)]
        pen.polygon(outline, fill=mix_colours(first, second, share))


def _paint_chevrons(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    step = height / 7
    for index in range(-1, 9):
        y = index * step
        points = [
            (x, y + (step * 0.5 if count % 2 else 0)) for count, x in enumerate(np.linspace(0, width, 13))
        ]
        below = [(x, down + step * 0.45) for x, down in reversed(points)]
        pen.polygon([*points, *below], fill=mix_colours(first, second, 0.25 + 0.07 * max(index, 0)))


def _paint_checks(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    step = height / 22
    for top in (0.0, height - 3 * step):
        for row in range(3):
            for column in range(int(width / step) + 1):
                if (row + column) % 2:
                    x, y = column * step, top + row * step
                    pen.rectangle([x, y, x + step, y + step], fill=mix_colours(first, second, 0.8))


def _paint_fade(pen: ImageDraw.ImageDraw, width: int, height: int, first: Colour, second: Colour) -> None:
    for y in range(height):
        pen.line([0, y, width, y], fill=mix_colours(first, second, (y / height) ** 1.4))


_GROUNDS: Final[dict[str, _Painter]] = {
    "plain": _paint_plain, "split": _paint_split, "stripes": _paint_stripes, "rays": _paint_rays,
    "dots": _paint_dots, "hills": _paint_hills, "chevrons": _paint_chevrons, "checks": _paint_checks,
    "fade": _paint_fade,
}  # fmt: skip
