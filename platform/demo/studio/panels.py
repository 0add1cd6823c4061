"""The informative sides of a package: nutrition table, ingredients and the EAN-13 barcode."""

from typing import Final

from PIL import Image, ImageDraw

from demo.studio.lettering import Letters, load_face, write_lines, write_word
from demo.studio.pixels import Colour
from demo.studio.products import Product

_LEFT: Final = (
    "0001101",
    "0011001",
    "0010011",
    "0111101",
    "0100011",
    "0110001",
    "0101111",
    "0111011",
    "0110111",
    "0001011",
)
_PARITY: Final = (
    "LLLLLL",
    "LLGLGG",
    "LLGGLG",
    "LLGGGL",
    "LGLLGG",
    "LGGLLG",
    "LGGGLL",
    "LGLGLG",
    "LGLGGL",
    "LGGLGL",
)
_ROWS: Final = (
    "Energy",
    "Fat",
    "of which saturates",
    "Carbohydrate",
    "of which sugars",
    "Fibre",
    "Protein",
    "Salt",
)
_PROSE: Final = (
    "Ingredients: the best we", "could think of, water,", "a pinch of sea salt and", "nothing you would not",
    "have in your own kitchen.", "Keep cool and dry.", "Best before: see lid.", "Made for a demo shop.",
)  # fmt: skip


def encode_bars(number: str) -> str:
    """The 95 modules of an EAN-13 as '1' (bar) and '0' (gap); GS1 General Specifications, section 5.2."""
    parity = _PARITY[int(number[0])]
    left = "".join(
        _LEFT[int(digit)] if side == "L" else _flip(_LEFT[int(digit)])[::-1]
        for digit, side in zip(number[1:7], parity, strict=True)
    )
    right = "".join(_flip(_LEFT[int(digit)]) for digit in number[7:])
    return f"101{left}01010{right}101"


def draw_panel(image: Image.Image, product: Product, bounds: tuple[int, int, int, int], ink: Colour) -> None:
    """Fill the back or side of a package: name, table, small print and barcode, from top to bottom."""
    x1, y1, x2, y2 = bounds
    margin = (x2 - x1) * 0.08
    left, right, height = x1 + margin, x2 - margin, y2 - y1
    name = Letters(ink, weight=4)
    write_word(image, product.title, (left, y1 + height * 0.05, right, y1 + height * 0.11), name)
    write_word(
        image, product.line.claim, (left, y1 + height * 0.125, right, y1 + height * 0.165), Letters(ink, 1)
    )
    _draw_table(image, product, (left, y1 + height * 0.2, right, y1 + height * 0.52))
    size = min((right - left) / 13, height * 0.028)
    write_lines(image, _PROSE, (left, y1 + height * 0.555), size, ink)
    tall = min(height * 0.15, (right - left) * 0.6)
    _draw_barcode(image, product.number, (left, y2 - height * 0.04 - tall, right, y2 - height * 0.04))


def _draw_table(image: Image.Image, product: Product, bounds: tuple[float, float, float, float]) -> None:
    pen = ImageDraw.Draw(image)
    x1, y1, x2, y2 = bounds
    pen.rectangle(bounds, fill=(252, 252, 250), outline=(20, 20, 20), width=2)
    row = (y2 - y1) / (len(_ROWS) + 1)
    face = load_face(max(6, round(min(row * 0.62, (x2 - x1) / 14))))
    pen.text((x1 + 6, y1 + row * 0.15), "Nutrition per 100", fill=(0, 0, 0), font=face, stroke_width=1)
    for index, name in enumerate(_ROWS):
        top = y1 + row * (index + 1)
        amount = int(product.number[index + 2]) * 1.7 + 0.3
        pen.line([x1, top, x2, top], fill=(40, 40, 40), width=1)
        pen.text((x1 + 6, top + row * 0.15), name, fill=(10, 10, 10), font=face)
        pen.text((x2 - 6, top + row * 0.15), f"{amount:.1f} g", fill=(10, 10, 10), font=face, anchor="ra")


def _draw_barcode(image: Image.Image, number: str, bounds: tuple[float, float, float, float]) -> None:
    pen = ImageDraw.Draw(image)
    x1, y1, x2, y2 = bounds
    pen.rectangle(bounds, fill=(255, 255, 255))
    module = (x2 - x1) / 113  # 95 modules and the quiet zones of 11 and 7
    for index, bar in enumerate(encode_bars(number)):
        if bar == "1":
            left = x1 + (11 + index) * module
            pen.rectangle([left, y1 + 3, left + module * 0.9, y2 - (y2 - y1) * 0.2], fill=(0, 0, 0))
    write_word(image, number, (x1 + 8, y2 - (y2 - y1) * 0.18, x2 - 8, y2 - 2), Letters((0, 0, 0), 1))


def _flip(pattern: str) -> str:
    return pattern.translate(str.maketrans("01", "10"))
