"""Things that stand about in a query photo: packages that no gallery knows, fruit, mugs and books."""

from functools import lru_cache
from typing import Final

import numpy as np

from demo.studio.lighting import CARD, GLASS, PLASTIC
from demo.studio.meshes import make_disc, make_revolution
from demo.studio.pixels import Picture, make_noise
from demo.studio.products import Product, invent_products
from demo.studio.rasteriser import Part
from demo.studio.shapes import build_package, make_boxed_parts, make_plain

Thing = tuple[Part, ...]
_SEED: Final = 990_001
_PACKAGES: Final = 20
_PLAIN: Final = 12


def pick_thing(rng: np.random.Generator) -> Thing:
    """A package four times in seven, something plain otherwise."""
    if rng.random() < 4 / 7:
        return pick_package(rng)
    return _make_plain_thing(int(rng.integers(_PLAIN)))


def pick_package(rng: np.random.Generator) -> Thing:
    """A package of a maker who is in no gallery."""
    products = _invent_distractors()
    return build_package(products[int(rng.integers(len(products)))])


@lru_cache(maxsize=1)
def _invent_distractors() -> list[Product]:
    return invent_products(_SEED, counts=(1,) * _PACKAGES)


@lru_cache(maxsize=_PLAIN)
def _make_plain_thing(number: int) -> Thing:
    rng = np.random.default_rng([_SEED, number])
    makers = (_make_fruit, _make_mug, _make_book)
    return makers[number % len(makers)](rng)


def _mottle(rng: np.random.Generator, colour: tuple[int, ...]) -> Picture:
    noise = make_noise(rng, (96, 96), (5, 5))[..., None]
    return np.asarray(np.clip(np.asarray(colour) * (1 + 0.25 * noise), 0, 255), dtype=np.uint8)


def _make_fruit(rng: np.random.Generator) -> Thing:
    colours = ((206, 52, 40), (236, 150, 34), (120, 168, 52), (228, 206, 70))
    radius = float(rng.uniform(3.2, 4.6))
    angles = np.linspace(0.05, np.pi, 16)
    flat = float(rng.uniform(0.82, 1.0))
    profile = np.stack([np.sin(angles) * radius, radius * flat * (1 + np.cos(angles))], 1)
    colour = colours[int(rng.integers(len(colours)))]
    return (Part(make_revolution(profile, steps=28), _mottle(rng, colour), PLASTIC),)


def _make_mug(rng: np.random.Generator) -> Thing:
    colours = ((238, 236, 230), (52, 84, 120), (180, 70, 58), (70, 74, 70))
    colour = colours[int(rng.integers(len(colours)))]
    radius, height = float(rng.uniform(3.8, 4.6)), float(rng.uniform(8.5, 10.5))
    body = make_revolution([(radius, height), (radius, height * 0.12), (radius * 0.86, 0)], steps=36)
    inside = make_disc(radius * 0.94, height - 1.2, steps=28)
    rim = make_revolution(
        [(radius * 0.94, height - 1.2), (radius * 0.96, height), (radius, height)], steps=36
    )
    drink = make_plain((66, 40, 26))
    return (
        Part(rim, make_plain(colour), GLASS),
        Part(body, make_plain(colour), GLASS),
        Part(inside, drink, GLASS),
    )


def _make_book(rng: np.random.Generator) -> Thing:
    cover = make_plain((int(rng.integers(40, 200)), int(rng.integers(40, 160)), int(rng.integers(40, 180))))
    pages = np.tile(rng.integers(196, 240, (1, 60, 1)).astype(np.uint8), (40, 1, 3))
    faces = {"front": pages.transpose(1, 0, 2), "back": cover, "left": cover, "right": pages, "top": cover}
    return tuple(make_boxed_parts(float(rng.uniform(13, 18)), float(rng.uniform(2, 4.5)), 20, faces, CARD))
