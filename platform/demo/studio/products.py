"""Made-up packaged products: who makes them, what they taste of, how their package is laid out.

Everything is drawn from a seed. Brand names are strung together from syllables; no real brand is meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from demo.studio.pixels import Colour

_STARTS: Final = tuple(
    "Tor Vel Mar Bru Zel Ond Kip Lu Pra Hes Dro Fen Gal Sto Wim Yar Ne Cal Ubi Qua".split()  # noqa: SIM905 - shorter
)
_MIDDLES: Final = ["a", "i", "o", "ve", "mi", "ro", "nu", "la", "do", "be", "ra", "li", "tu"]
_ENDS: Final = tuple(
    "nka vik mble ster dora lup quell ssen bury phi ndle rrow zzo wick lth prin".split()  # noqa: SIM905 - shorter
)


@dataclass(frozen=True)
class Flavour:
    """A variety: its name, main and second colour, and the motif printed on the front."""

    name: str
    main: Colour
    second: Colour
    motif: str


@dataclass(frozen=True)
class Kind:
    """What is in the package, how it is packed and which flavours it may have."""

    name: str
    category: str
    shapes: tuple[str, ...]
    flavours: str  # the group of flavours
    size: str


@dataclass(frozen=True)
class Brand:
    """The look that all products of one line share."""

    name: str
    dark: Colour
    light: Colour
    emblem: str
    stretch: float  # letters' width against their natural width
    slant: float
    weight: int  # stroke added, in hundredths of the letter height
    capitals: bool


@dataclass(frozen=True)
class Line:
    """Products that differ by flavour only: the look-alikes."""

    brand: Brand
    kind: Kind
    shape: str
    layout: str
    ground: str
    claim: str
    height: float  # cm
    flavour_paints_ground: bool


@dataclass(frozen=True)
class Product:
    """One product that can be bought. `sku` is also its folder's name."""

    sku: str
    title: str
    category: str
    line: Line
    flavour: Flavour
    number: str  # EAN-13 of the in-shop range 20 to 29, which no producer owns


def _flavour(name: str, main: str, second: str, motif: str) -> Flavour:
    return Flavour(name, _read_hex(main), _read_hex(second), motif)


def _read_hex(text: str) -> Colour:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


FLAVOURS: Final = {
    "sweet": (
        _flavour("Strawberry", "d42f4e", "f7b6c0", "berry"),
        _flavour("Lemon", "e8bd1e", "fff2b0", "citrus"),
        _flavour("Blueberry", "3b4aa3", "b9c4f0", "berry"),
        _flavour("Hazelnut", "8a5a2b", "e8c796", "nut"),
        _flavour("Dark Cocoa", "4a2a1c", "d9a066", "bean"),
        _flavour("Vanilla", "d8b25a", "fff3cf", "flower"),
        _flavour("Orange", "e57a17", "ffd9a0", "citrus"),
        _flavour("Apple", "6fa32b", "e2f0b8", "apple"),
        _flavour("Honey", "dc9a12", "ffe39a", "comb"),
        _flavour("Cherry", "9c1436", "f2a3b0", "berry"),
    ),
    "fruit": (
        _flavour("Red Orange", "d9531e", "ffd0a8", "citrus"),
        _flavour("Strawberry", "d42f4e", "f7b6c0", "berry"),
        _flavour("Lemon", "e8bd1e", "fff2b0", "citrus"),
        _flavour("Green Apple", "6fa32b", "e2f0b8", "apple"),
        _flavour("Plum", "6b2a6e", "e3c0ea", "apple"),
        _flavour("Apricot", "ee9a3a", "ffe6c4", "apple"),
    ),
    "roast": (
        _flavour("Dark Roast", "3c2218", "d3a77c", "bean"),
        _flavour("Hazelnut", "8a5a2b", "e8c796", "nut"),
        _flavour("Vanilla", "d8b25a", "fff3cf", "flower"),
        _flavour("Morning", "c8452e", "ffd9c2", "star"),
        _flavour("Highland", "2f6f6a", "c5e8e0", "leaf"),
    ),
    "savoury": (
        _flavour("Sea Salt", "2c7fb0", "cfeaf7", "wave"),
        _flavour("Paprika", "c2381c", "ffc38a", "flame"),
        _flavour("Rosemary", "4c7a3a", "d6e8b4", "leaf"),
        _flavour("Tomato", "cf2b1f", "ffb9a0", "apple"),
        _flavour("Mushroom", "7d6a58", "e6dac9", "nut"),
        _flavour("Wholegrain", "b07a2e", "f4dfae", "grain"),
        _flavour("Black Pepper", "3a3a3d", "c9c9cc", "bean"),
        _flavour("Garden Herb", "2f8f5b", "c4ecd2", "leaf"),
    ),
    "drink": (
        _flavour("Classic", "b3202a", "ffd6d0", "star"),
        _flavour("Lime", "5aa81f", "dcf5b0", "citrus"),
        _flavour("Peach", "ef8f5a", "ffe0cc", "apple"),
        _flavour("Mint", "1f9c7d", "c6f2e4", "leaf"),
        _flavour("Ginger", "c98a1b", "f8e2a8", "flame"),
        _flavour("Berry Mix", "7a2a86", "e7bdf0", "berry"),
        _flavour("Barista", "5b3b2a", "e4cbb0", "bean"),
        _flavour("Spring", "2a86c8", "cdeafd", "drop"),
    ),
    "care": (
        _flavour("Lavender", "7560b8", "ded4f7", "flower"),
        _flavour("Ocean", "1b76b8", "bfe6fa", "wave"),
        _flavour("Aloe", "4aa564", "d4f4d6", "leaf"),
        _flavour("Citrus Fresh", "eaa714", "fff0b8", "citrus"),
        _flavour("Pure", "4f8fa8", "e4f2f5", "drop"),
        _flavour("Rose", "cf4f86", "fbd3e3", "flower"),
    ),
}

KINDS: Final = (
    Kind("Muesli", "Breakfast", ("box", "pouch"), "sweet", "450 g"),
    Kind("Crispbread", "Bakery", ("box",), "savoury", "250 g"),
    Kind("Biscuits", "Snacks", ("box", "bag"), "sweet", "180 g"),
    Kind("Leaf Tea", "Hot drinks", ("box", "tin"), "drink", "40 g"),
    Kind("Coffee", "Hot drinks", ("pouch", "tin"), "roast", "250 g"),
    Kind("Pasta", "Pantry", ("box", "bag"), "savoury", "500 g"),
    Kind("Crisps", "Snacks", ("bag",), "savoury", "150 g"),
    Kind("Nut Mix", "Snacks", ("pouch",), "sweet", "200 g"),
    Kind("Oat Drink", "Dairy", ("carton", "bottle"), "sweet", "1 L"),
    Kind("Juice", "Soft drinks", ("carton", "bottle"), "fruit", "750 ml"),
    Kind("Lemonade", "Soft drinks", ("can", "bottle"), "drink", "330 ml"),
    Kind("Iced Tea", "Soft drinks", ("can", "bottle"), "drink", "330 ml"),
    Kind("Soup", "Pantry", ("tin", "pouch"), "savoury", "400 g"),
    Kind("Beans", "Pantry", ("tin", "jar"), "savoury", "400 g"),
    Kind("Pasta Sauce", "Pantry", ("jar",), "savoury", "340 g"),
    Kind("Fruit Spread", "Breakfast", ("jar",), "fruit", "300 g"),
    Kind("Shampoo", "Care", ("flask",), "care", "300 ml"),
    Kind("Dish Soap", "Household", ("flask",), "care", "500 ml"),
    Kind("Washing Powder", "Household", ("box", "pouch"), "care", "1.2 kg"),
    Kind("Energy Drink", "Soft drinks", ("can",), "drink", "250 ml"),
)

LAYOUTS: Final = ("stacked", "medallion", "banner", "card", "column", "poster")
GROUNDS: Final = ("plain", "split", "stripes", "rays", "dots", "hills", "chevrons", "checks", "fade")
_EMBLEMS: Final = ("shield", "sun", "crown", "ring", "leaf", "star", "diamond", "none")
_CLAIMS: Final = (
    "Since yesterday", "Made with care", "No fuss inside", "Slowly made", "Small batch",
    "For every day", "Simply good", "From the valley", "A little better", "Family recipe",
)  # fmt: skip
_DARKS: Final = tuple(
    "14213d 2b1b3d 0b3d2e 5c1a1b 22223b 3d2c1e 123c5a 1f1f1f 4a1942 0f4c5c 6b2d0c 283618".split()  # noqa: SIM905
)
_LIGHTS: Final = ["fffaf0", "fdf0d5", "f1faee", "ffffff", "f7ede2", "fefae0", "eef4ed", "f8edeb"]
_HEIGHTS: Final = {
    "box": (17, 26), "carton": (19, 24), "bottle": (20, 25), "flask": (17, 22), "jar": (11, 14),
    "can": (11.5, 16), "tin": (10, 12.5), "pouch": (18, 25), "bag": (21, 27),
}  # fmt: skip


def invent_lines(rng: np.random.Generator) -> Iterator[Line]:
    """Lines of products without end. The first 180 differ in shape, layout or ground, and in their brand."""
    names: set[str] = set()
    turns = [rng.permutation(len(each)) for each in (KINDS, LAYOUTS, GROUNDS)]
    number = 0
    while True:
        kind = KINDS[turns[0][number % len(KINDS)]]
        shape = kind.shapes[(number // len(KINDS)) % len(kind.shapes)]
        low, high = _HEIGHTS[shape]
        yield Line(
            brand=_invent_brand(rng, names),
            kind=kind,
            shape=shape,
            layout=LAYOUTS[turns[1][(number + number // len(LAYOUTS)) % len(LAYOUTS)]],
            ground=GROUNDS[turns[2][number % len(GROUNDS)]],
            claim=_pick(rng, _CLAIMS),
            height=round(float(rng.uniform(low, high)), 1),
            flavour_paints_ground=bool(rng.random() < 0.6),  # noqa: PLR2004
        )
        number += 1


def pick_flavours(rng: np.random.Generator, line: Line, count: int) -> list[Product]:
    """`count` products of one line, each with another flavour."""
    group = FLAVOURS[line.kind.flavours]
    chosen = rng.choice(len(group), size=count, replace=False)
    return [_make_product(rng, line, group[index]) for index in chosen]


def invent_products(seed: int, *, counts: tuple[int, ...]) -> list[Product]:
    """Products of len(counts) lines; counts[i] is how many flavours line i has."""
    rng = np.random.default_rng(seed)
    lines = invent_lines(rng)
    return [
        product
        for count, line in zip(counts, lines, strict=False)
        for product in pick_flavours(rng, line, count)
    ]


def _make_product(rng: np.random.Generator, line: Line, flavour: Flavour) -> Product:
    title = f"{line.brand.name} {line.kind.name} {flavour.name}"
    digits = f"2{rng.integers(10**11):011d}"
    return Product(
        title.lower().replace(" ", "-"), title, line.kind.category, line, flavour, append_check_digit(digits)
    )


def append_check_digit(digits: str) -> str:
    """The 13 digits of an EAN-13 from its first 12 (GS1 General Specifications, section 7.9)."""
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return digits + str(-total % 10)


def _invent_brand(rng: np.random.Generator, taken: set[str]) -> Brand:
    name = _invent_name(rng)
    while name in taken:
        name = _invent_name(rng)
    taken.add(name)
    return Brand(
        name=name,
        dark=_read_hex(_pick(rng, _DARKS)),
        light=_read_hex(_pick(rng, _LIGHTS)),
        emblem=_pick(rng, _EMBLEMS),
        stretch=float(rng.uniform(0.72, 1.25)),
        slant=float(rng.choice([0.0, 0.0, 0.18, 0.28])),
        weight=int(rng.integers(1, 5)),
        capitals=bool(rng.random() < 0.45),  # noqa: PLR2004
    )


def _invent_name(rng: np.random.Generator) -> str:
    return _pick(rng, _STARTS) + _pick(rng, _MIDDLES) + _pick(rng, _ENDS)


def _pick(rng: np.random.Generator, choices: tuple[str, ...] | list[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
