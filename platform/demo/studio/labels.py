"""What is printed on a package: the front in one of six layouts, sides, lids and the label around a can."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from demo.studio.emblems import draw_cluster, draw_emblem, draw_motif, mix_colours
from demo.studio.grounds import paint_ground
from demo.studio.lettering import Bounds, Letters, write_word
from demo.studio.panels import draw_panel
from demo.studio.pixels import Colour, Picture, Size
from demo.studio.products import Product

_OVERSIZE: Final = 2  # drawn this much larger and averaged, since Pillow's polygons have hard edges
_DARK_BELOW: Final = 140


@dataclass(frozen=True)
class _Sheet:
    """A label in the making: the image, the front's box on it, and the colours to use."""

    image: Image.Image
    product: Product
    box: tuple[int, int, int, int]
    ground: Colour
    accent: Colour

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    @property
    def ink(self) -> Colour:
        return choose_ink(self.ground, self.product)

    @property
    def radius(self) -> float:
        return (self.box[2] - self.box[0]) / 2

    def cut(self, x1: float, y1: float, x2: float, y2: float) -> Bounds:
        """A part of the front, given in shares of its width and height."""
        left, top, right, bottom = self.box
        width, height = right - left, bottom - top
        return left + x1 * width, top + y1 * height, left + x2 * width, top + y2 * height

    def write(self, text: str, share: Bounds, letters: Letters) -> Bounds:
        return write_word(self.image, text, self.cut(*share), letters)

    def write_logo(self, share: Bounds, colour: Colour, outline: Colour | None = None) -> Bounds:
        brand = self.product.line.brand
        text = brand.name.upper() if brand.capitals else brand.name
        return self.write(text, share, Letters(colour, brand.weight, brand.stretch, brand.slant, outline))

    def stamp(self, place: tuple[float, float], share: float, *, ink: Colour, paper: Colour) -> None:
        """Print the brand's emblem; place and size are shares of the front and of half its width."""
        centre = self.cut(*place, *place)[:2]
        emblem = self.product.line.brand.emblem
        draw_emblem(self.pen, emblem, centre, self.radius * share, ink=ink, paper=paper)


def draw_front(product: Product, size: Size) -> Picture:
    """The front of a box, carton or pouch of (width, height) pixels -> (H, W, 3)."""
    sheet = _start_sheet(product, size, 1.0)
    _LAYOUTS[product.line.layout](sheet)
    return _finish_sheet(sheet.image, size)


def draw_side(product: Product, size: Size) -> Picture:
    """A side with nutrition table, small print and barcode."""
    sheet = _start_sheet(product, size, 1.0)
    draw_panel(sheet.image, product, sheet.box, sheet.ink)
    return _finish_sheet(sheet.image, size)


def draw_wrap(product: Product, size: Size) -> Picture:
    """The label around a round package: the front in its middle, the back where its ends meet."""
    sheet = _start_sheet(product, size, 0.46)
    _LAYOUTS[product.line.layout](sheet)
    width, height = sheet.image.size
    for share in (0.02, 0.76):
        box = (round(width * share), 0, round(width * (share + 0.22)), height)
        draw_panel(sheet.image, product, box, sheet.ink)
    return _finish_sheet(sheet.image, size)


def draw_top(product: Product, size: Size) -> Picture:
    """The top flap of a box: the brand on the ground colour."""
    ground, accent = choose_colours(product)
    image = Image.new("RGB", (size[0] * _OVERSIZE, size[1] * _OVERSIZE), ground)
    width, height = image.size
    ImageDraw.Draw(image).rectangle([0, height * 0.86, width, height], fill=accent)
    letters = Letters(choose_ink(ground, product), product.line.brand.weight)
    write_word(
        image, product.line.brand.name, (width * 0.12, height * 0.2, width * 0.88, height * 0.75), letters
    )
    return _finish_sheet(image, size)


def choose_colours(product: Product) -> tuple[Colour, Colour]:
    """The colours of ground and accent: the flavour's and the brand's, or the other way round."""
    brand, flavour = product.line.brand, product.flavour
    if product.line.flavour_paints_ground:
        return flavour.main, mix_colours(brand.dark, flavour.main, 0.15)
    ground = brand.dark if product.line.kind.category in {"Hot drinks", "Snacks", "Care"} else brand.light
    return ground, flavour.main


def choose_ink(ground: Colour, product: Product) -> Colour:
    """Ink that can be read on a ground: the brand's light colour or its dark one."""
    return product.line.brand.light if _weigh_colour(ground) < _DARK_BELOW else product.line.brand.dark


def _weigh_colour(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _start_sheet(product: Product, size: Size, share: float) -> _Sheet:
    width, height = size[0] * _OVERSIZE, size[1] * _OVERSIZE
    image = Image.new("RGB", (width, height))
    ground, accent = choose_colours(product)
    paint_ground(image, product.line.ground, ground, accent)
    margin = round(width * (1 - share) / 2)
    return _Sheet(image, product, (margin, 0, width - margin, height), ground, accent)


def _finish_sheet(image: Image.Image, size: Size) -> Picture:
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.uint8)


def _make_rng(product: Product) -> np.random.Generator:
    """Random choices that hang on the line alone, so that look-alikes are laid out alike."""
    letters = f"{product.line.brand.name} {product.line.kind.name}"
    return np.random.default_rng(list(letters.encode()))


def _draw_motifs(sheet: _Sheet, x: float, y: float, share: float) -> None:
    centre = sheet.cut(x, y, x, y)[:2]
    height = sheet.box[3] - sheet.box[1]
    radius = min(sheet.radius, height * 0.36) * share
    flavour, rng = sheet.product.flavour, _make_rng(sheet.product)
    colour = flavour.main if sheet.ground != flavour.main else mix_colours(flavour.main, flavour.second, 0.3)
    draw_cluster(sheet.pen, flavour.motif, centre, radius, colour, rng=rng)


def _draw_plate(sheet: _Sheet, share: Bounds, colour: Colour, rim: Colour) -> None:
    bounds = sheet.cut(*share)
    corner = sheet.radius * 0.1
    sheet.pen.rounded_rectangle(bounds, corner, fill=colour, outline=rim, width=round(sheet.radius * 0.025))


def _draw_disc(sheet: _Sheet, x: float, y: float, share: float, colour: Colour) -> None:
    centre_x, centre_y = sheet.cut(x, y, x, y)[:2]
    radius = min(sheet.radius, (sheet.box[3] - sheet.box[1]) * 0.35) * share
    sheet.pen.ellipse(
        [centre_x - radius, centre_y - radius, centre_x + radius, centre_y + radius], fill=colour
    )


def _draw_flavour(sheet: _Sheet, share: Bounds, paper: Colour) -> None:
    """The flavour's name on a ribbon."""
    _draw_plate(sheet, share, paper, mix_colours(paper, (255, 255, 255), 0.5))
    x1, y1, x2, y2 = share
    letters = Letters(choose_ink(paper, sheet.product), 4)
    sheet.write(sheet.product.flavour.name, (x1 + 0.05, y1 + 0.014, x2 - 0.05, y2 - 0.014), letters)


def _draw_foot(sheet: _Sheet, ink: Colour) -> None:
    """Claim and weight along the lower edge."""
    line = sheet.product.line
    sheet.write(line.claim, (0.06, 0.935, 0.5, 0.968), Letters(ink, 1, align="left"))
    sheet.write(line.kind.size, (0.6, 0.93, 0.94, 0.972), Letters(ink, 4, align="right"))


def _draw_stacked(sheet: _Sheet) -> None:
    brand, flavour = sheet.product.line.brand, sheet.product.flavour
    _draw_plate(sheet, (0.06, 0.05, 0.94, 0.27), brand.dark, flavour.second)
    sheet.stamp((0.5, 0.295), 0.13, ink=flavour.second, paper=brand.dark)
    sheet.write_logo((0.11, 0.08, 0.89, 0.23), brand.light)
    sheet.write(sheet.product.line.kind.name, (0.12, 0.36, 0.88, 0.44), Letters(sheet.ink, 4))
    _draw_disc(sheet, 0.5, 0.635, 0.56, mix_colours(flavour.second, (255, 255, 255), 0.3))
    _draw_motifs(sheet, 0.5, 0.635, 0.46)
    _draw_flavour(sheet, (0.1, 0.83, 0.9, 0.915), brand.dark)
    _draw_foot(sheet, sheet.ink)


def _draw_medallion(sheet: _Sheet) -> None:
    brand, flavour = sheet.product.line.brand, sheet.product.flavour
    _draw_disc(sheet, 0.5, 0.4, 0.94, brand.dark)
    _draw_disc(sheet, 0.5, 0.4, 0.88, flavour.second)
    _draw_disc(sheet, 0.5, 0.4, 0.84, brand.light)
    sheet.stamp((0.5, 0.2), 0.15, ink=brand.dark, paper=brand.light)
    sheet.write_logo((0.14, 0.27, 0.86, 0.4), brand.dark)
    _draw_motifs(sheet, 0.5, 0.54, 0.42)
    sheet.write(sheet.product.line.kind.name, (0.1, 0.765, 0.9, 0.83), Letters(sheet.ink, 4))
    _draw_flavour(sheet, (0.08, 0.85, 0.92, 0.925), flavour.second)
    _draw_foot(sheet, sheet.ink)


def _draw_banner(sheet: _Sheet) -> None:
    brand, flavour = sheet.product.line.brand, sheet.product.flavour
    upper = [sheet.cut(0, 0.2, 0, 0)[:2], sheet.cut(1, 0.1, 0, 0)[:2]]
    lower = [sheet.cut(1, 0.34, 0, 0)[:2], sheet.cut(0, 0.44, 0, 0)[:2]]
    sheet.pen.polygon([*upper, *lower], fill=brand.dark)
    rim = round(sheet.radius * 0.04)
    for edge in (upper, lower):
        sheet.pen.line([*edge[0], *edge[1]], fill=flavour.second, width=rim)
    sheet.write_logo((0.08, 0.19, 0.92, 0.35), brand.light)
    sheet.write(sheet.product.line.kind.name, (0.35, 0.455, 0.94, 0.54), Letters(sheet.ink, 5, slant=0.2))
    _draw_motifs(sheet, 0.42, 0.685, 0.5)
    _draw_flavour(sheet, (0.3, 0.84, 1.0, 0.92), flavour.second)
    _draw_foot(sheet, sheet.ink)


def _draw_card(sheet: _Sheet) -> None:
    brand, flavour = sheet.product.line.brand, sheet.product.flavour
    _draw_plate(sheet, (0.1, 0.3, 0.9, 0.9), brand.light, flavour.main)
    _draw_motifs(sheet, 0.5, 0.22, 0.5)
    sheet.write_logo((0.15, 0.42, 0.85, 0.56), brand.dark)
    sheet.pen.line(sheet.cut(0.2, 0.585, 0.8, 0.585), fill=flavour.main, width=round(sheet.radius * 0.02))
    sheet.write(sheet.product.line.kind.name, (0.16, 0.6, 0.84, 0.67), Letters(brand.dark, 2))
    sheet.write(flavour.name, (0.16, 0.69, 0.84, 0.78), Letters(mix_colours(flavour.main, (0, 0, 0), 0.2), 5))
    sheet.stamp((0.5, 0.84), 0.1, ink=brand.dark, paper=brand.light)
    _draw_foot(sheet, sheet.ink)


def _draw_column(sheet: _Sheet) -> None:
    brand, flavour = sheet.product.line.brand, sheet.product.flavour
    sheet.pen.rectangle(sheet.cut(0, 0, 0.3, 1), fill=brand.dark)
    sheet.pen.rectangle(sheet.cut(0.3, 0, 0.325, 1), fill=flavour.second)
    x1, y1, x2, y2 = (round(each) for each in sheet.cut(0.05, 0.06, 0.25, 0.86))
    strip = Image.new("RGB", (y2 - y1, x2 - x1), brand.dark)
    text = brand.name.upper() if brand.capitals else brand.name
    write_word(
        strip, text, (0, 0, *strip.size), Letters(brand.light, brand.weight, 1.2, brand.slant, align="right")
    )
    sheet.image.paste(strip.rotate(90, expand=True), (x1, y1))
    sheet.stamp((0.15, 0.92), 0.16, ink=flavour.second, paper=brand.dark)
    sheet.write(sheet.product.line.kind.name, (0.38, 0.07, 0.95, 0.16), Letters(sheet.ink, 5, align="left"))
    sheet.write(sheet.product.line.claim, (0.38, 0.18, 0.95, 0.22), Letters(sheet.ink, 1, align="left"))
    _draw_motifs(sheet, 0.66, 0.5, 0.56)
    _draw_flavour(sheet, (0.38, 0.76, 1.0, 0.85), flavour.second)
    sheet.write(sheet.product.line.kind.size, (0.6, 0.91, 0.94, 0.955), Letters(sheet.ink, 4, align="right"))


def _draw_poster(sheet: _Sheet) -> None:
    brand, flavour = sheet.product.line.brand, sheet.product.flavour
    _draw_motifs(sheet, 0.62, 0.74, 0.95)
    draw_motif(sheet.pen, flavour.motif, sheet.cut(0.16, 0.55, 0, 0)[:2], sheet.radius * 0.16, flavour.second)
    sheet.write(
        flavour.name,
        (0.07, 0.05, 0.93, 0.2),
        Letters(flavour.second if sheet.ground == flavour.main else flavour.main, 7, align="left"),
    )
    sheet.write(sheet.product.line.kind.name, (0.07, 0.22, 0.7, 0.29), Letters(sheet.ink, 2, align="left"))
    sheet.write_logo((0.07, 0.33, 0.93, 0.49), brand.light, outline=brand.dark)
    _draw_foot(sheet, sheet.ink)


_LAYOUTS: Final[dict[str, Callable[[_Sheet], None]]] = {
    "stacked": _draw_stacked, "medallion": _draw_medallion, "banner": _draw_banner,
    "card": _draw_card, "column": _draw_column, "poster": _draw_poster,
}  # fmt: skip
