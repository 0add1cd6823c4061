"""Words on labels: Pillow's built-in face made bold, wide, narrow or slanted, fitted into a box."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from demo.studio.pixels import Colour

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Letters:
    """How words are set. `weight`: stroke in hundredths of the height; `align`: left, centre or right."""

    colour: Colour
    weight: int = 3
    stretch: float = 1.0
    slant: float = 0.0
    outline: Colour | None = None
    align: str = "centre"


def write_word(image: Image.Image, text: str, bounds: Bounds, letters: Letters) -> Bounds:
    """Write one line of text as large as fits `bounds` (x1, y1, x2, y2) and return where it stands."""
    mask = _shape_letters(text, letters.weight, letters.slant)
    size = _fit_size(mask.size, bounds, letters.stretch)
    x, y = _place_word(size, bounds, letters.align)
    if letters.outline is not None:
        heavy = _shape_letters(text, letters.weight + 12, letters.slant)
        grown = (round(heavy.width * size[0] / mask.width), round(heavy.height * size[1] / mask.height))
        corner = (round(x - (grown[0] - size[0]) / 2), round(y - (grown[1] - size[1]) / 2))
        image.paste(letters.outline, corner, heavy.resize(grown, Image.Resampling.BILINEAR))
    image.paste(letters.colour, (round(x), round(y)), mask.resize(size, Image.Resampling.BILINEAR))
    return x, y, x + size[0], y + size[1]


def write_lines(
    image: Image.Image, lines: Iterable[str], corner: tuple[float, float], size: float, colour: Colour
) -> None:
    """Write small print, line under line, `size` pixels high."""
    pen = ImageDraw.Draw(image)
    pen.multiline_text(
        corner, "\n".join(lines), fill=colour, font=load_face(round(size)), spacing=size * 0.25
    )


@lru_cache(maxsize=64)
def load_face(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable face (Aileron, part of Pillow; ASCII), so that no font file is needed."""
    face = ImageFont.load_default(size)
    if not isinstance(face, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType; install a wheel from PyPI")
    return face


@lru_cache(maxsize=512)
def _shape_letters(text: str, weight: int, slant: float) -> Image.Image:
    """The word as a mask, 72 px high, cut to its ink."""
    face = load_face(72)
    stroke = round(72 * weight / 100)
    left, top, right, bottom = face.getbbox(text, stroke_width=stroke)
    width, height = int(right - left) + 2, int(bottom - top) + 2
    lean = round(height * slant)
    mask = Image.new("L", (width + lean, height))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=255, font=face, stroke_width=stroke)
    if lean:
        lean_back = (1, slant, -lean, 0, 1, 0)
        mask = mask.transform(mask.size, Image.Transform.AFFINE, lean_back, Image.Resampling.BILINEAR)
    return mask


def _fit_size(size: tuple[int, int], bounds: Bounds, stretch: float) -> tuple[int, int]:
    width, height = size[0] * stretch, size[1]
    scale = min((bounds[2] - bounds[0]) / width, (bounds[3] - bounds[1]) / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _place_word(size: tuple[int, int], bounds: Bounds, align: str) -> tuple[float, float]:
    share = {"left": 0.0, "centre": 0.5, "right": 1.0}[align]
    x = bounds[0] + (bounds[2] - bounds[0] - size[0]) * share
    return x, bounds[1] + (bounds[3] - bounds[1] - size[1]) / 2
