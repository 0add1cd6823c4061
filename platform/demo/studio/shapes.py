"""Packages in three dimensions: boxes, cartons, bottles, cans, tins, jars, flasks, pouches and bags.

A package stands on y = 0, centred on the y axis, its front faces +z. Lengths are centimetres.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np

from demo.studio.emblems import mix_colours
from demo.studio.labels import choose_colours, draw_front, draw_side, draw_top, draw_wrap
from demo.studio.lighting import CARD, FILM, GLASS, PAPER, PLASTIC, STEEL, TINPLATE, Material
from demo.studio.meshes import Mesh, make_disc, make_pillow, make_quad, make_revolution, make_triangle
from demo.studio.pixels import Colour, Floats, Picture, Reals, Size
from demo.studio.products import Product
from demo.studio.rasteriser import Part

_LABEL_HEIGHT: Final = 440  # pixels of a front; about what a product fills in a 640 px photo
_WHITE: Final = (236, 236, 232)


@lru_cache(maxsize=256)
def build_package(product: Product) -> tuple[Part, ...]:
    """All parts of the product's package."""
    return _BUILDERS[product.line.shape](product)


def make_plain(colour: Colour) -> Picture:
    """A texture of one colour."""
    return np.tile(np.asarray(colour, dtype=np.uint8), (4, 4, 1))


def make_boxed_parts(
    width: float, height: float, depth: float, faces: dict[str, Picture], material: Material
) -> list[Part]:
    """The five visible faces of a box; `faces` has front, back, left, right and top."""
    x, z = width / 2, depth / 2
    front = [[-x, height, z], [x, height, z], [x, 0, z], [-x, 0, z]]
    back = [[x, height, -z], [-x, height, -z], [-x, 0, -z], [x, 0, -z]]
    right = [[x, height, z], [x, height, -z], [x, 0, -z], [x, 0, z]]
    left = [[-x, height, -z], [-x, height, z], [-x, 0, z], [-x, 0, -z]]
    top = [[-x, height, -z], [x, height, -z], [x, height, z], [-x, height, z]]
    corners = {"front": front, "back": back, "right": right, "left": left, "top": top}
    return [Part(make_quad(corners[name]), texture, material) for name, texture in faces.items()]


def _measure(width: float, height: float) -> Size:
    """Pixels of a printed face of width and height in centimetres."""
    scale = _LABEL_HEIGHT / max(height, 12.0)
    return max(24, round(width * scale)), max(24, round(height * scale))


def _vary(product: Product, low: float, high: float) -> float:
    """A number between low and high that belongs to the product's line."""
    return float(low + (high - low) * (sum(product.line.brand.name.encode()) % 97) / 96)


def _print_faces(product: Product, width: float, height: float, depth: float) -> dict[str, Picture]:
    width_px = _measure(width, height)[0]
    front = draw_front(product, _measure(width, height))
    side = draw_side(product, _measure(depth, height))
    return {
        "front": front,
        "back": front,
        "left": side,
        "right": side,
        "top": draw_top(product, (width_px, round(width_px * depth / width))),
    }


def _build_box(product: Product) -> tuple[Part, ...]:
    height = product.line.height
    width, depth = height * _vary(product, 0.58, 0.78), height * _vary(product, 0.2, 0.34)
    return tuple(make_boxed_parts(width, height, depth, _print_faces(product, width, height, depth), CARD))


def _build_carton(product: Product) -> tuple[Part, ...]:
    """A gabled drink carton with a screw cap."""
    side = product.line.height * _vary(product, 0.33, 0.4)
    body, x = product.line.height * 0.8, side / 2
    faces = _print_faces(product, side, body, side)
    ground, accent = choose_colours(product)
    top = faces.pop("top")
    ridge, fin = product.line.height * 0.93, product.line.height
    front = [[-x, ridge, 0], [x, ridge, 0], [x, body, x], [-x, body, x]]
    rear = [[x, ridge, 0], [-x, ridge, 0], [-x, body, -x], [x, body, -x]]
    crest = [[-x, fin, 0.15], [x, fin, 0.15], [x, ridge, 0.15], [-x, ridge, 0.15]]
    crest_rear = [[x, fin, -0.15], [-x, fin, -0.15], [-x, ridge, -0.15], [x, ridge, -0.15]]
    ends = ([[x, ridge, 0], [x, body, -x], [x, body, x]], [[-x, ridge, 0], [-x, body, x], [-x, body, -x]])
    plain = make_plain(ground)
    cap = _make_cap(1.5, 1.3, accent)
    lean = np.array([[1, 0, 0], [0, 0.78, 0.63], [0, -0.63, 0.78]]).T
    parts = make_boxed_parts(side, body, side, faces, CARD)
    parts += [Part(make_quad(front), top, CARD), Part(make_quad(rear), plain, CARD)]
    parts += [Part(make_triangle(end), plain, CARD) for end in ends]
    parts += [Part(make_quad(corners), plain, CARD) for corners in (crest, crest_rear)]
    place = (0.0, (ridge + body) / 2 + 0.1, x * 0.5)
    parts += [replace(part, mesh=part.mesh.move(lean, place)) for part in cap]
    return tuple(parts)


def _make_cap(radius: float, height: float, colour: Colour, base: float = 0.0) -> list[Part]:
    """A ribbed screw cap that stands on `base`."""
    ribs = np.tile(np.asarray(colour, dtype=np.float32), (8, 128, 1))
    ribs *= (0.86 + 0.14 * (np.arange(128) % 4 < 2))[None, :, None]  # noqa: PLR2004
    side = make_revolution(
        [(radius * 0.96, base + height), (radius, base + height * 0.8), (radius, base)], steps=28
    )
    lid = make_disc(radius * 0.96, base + height, steps=28)
    return [
        Part(side, ribs.astype(np.uint8), PLASTIC, layer=2),
        Part(lid, make_plain(colour), PLASTIC, layer=2),
    ]


def _wrap_label(
    product: Product, radius: float, top: float, bottom: float, material: Material, *, squash: float = 1.0
) -> Part:
    mesh = make_revolution([(radius, top), (radius, bottom)], squash=squash, steps=48)
    around = 2 * np.pi * radius * (1 + squash) / 2
    return Part(mesh, draw_wrap(product, _measure(around, top - bottom)), material, layer=1)


def _draw_lid() -> Picture:
    """The end of a can: rings and a pull tab."""
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    reach = np.hypot(x, y)
    rings = 178 + 26 * np.sin(reach * 30) * (reach > 0.55) + 12 * y  # noqa: PLR2004
    tab = (np.abs(x) < 0.16) & (np.abs(y - 0.12) < 0.34)  # noqa: PLR2004
    hole = np.hypot(x, y - 0.3) < 0.09  # noqa: PLR2004
    rings = np.where(tab, 214, rings)
    return np.repeat(np.where(hole, 96, rings)[..., None], 3, 2).astype(np.uint8)


def _build_can(product: Product) -> tuple[Part, ...]:
    """A drink can, printed on the metal, with drawn-in ends."""
    height = product.line.height
    radius = height * _vary(product, 0.19, 0.26)
    neck, foot = height * 0.9, height * 0.045
    steel = make_plain((196, 198, 202))
    shoulder = make_revolution(
        [
            (radius * 0.84, height),
            (radius * 0.84, height * 0.985),
            (radius * 0.88, height * 0.965),
            (radius, neck),
        ]
    )
    base = make_revolution([(radius, foot), (radius * 0.86, 0)])
    lid = make_disc(radius * 0.8, height * 0.985)
    return (
        _wrap_label(product, radius, neck, foot, TINPLATE),
        Part(shoulder, steel, STEEL), Part(base, steel, STEEL), Part(lid, _draw_lid(), STEEL),
    )  # fmt: skip


def _build_tin(product: Product) -> tuple[Part, ...]:
    """A food tin with a paper label between two beads."""
    height = product.line.height
    radius = height * _vary(product, 0.31, 0.37)
    steel = make_plain((188, 190, 194))
    rims = [
        make_revolution(
            [
                (radius * 1.02, top),
                (radius * 1.035, top - 0.25),
                (radius * 0.985, top - 0.5),
                (radius, top - 0.8),
            ]
        )
        for top in (height, 0.8)
    ]
    lid = make_disc(radius, height - 0.2)
    label = _wrap_label(product, radius * 1.003, height - 0.7, 0.7, PAPER)
    return (label, *(Part(rim, steel, STEEL) for rim in rims), Part(lid, _draw_lid(), STEEL))


def _build_jar(product: Product) -> tuple[Part, ...]:
    """A glass jar of something, with a label around and a lid."""
    height = product.line.height
    radius = height * _vary(product, 0.3, 0.36)
    body = height * 0.8
    curve = [
        (radius * 0.82, body),
        (radius * 0.9, body * 0.96),
        (radius * 0.99, body * 0.86),
        (radius, body * 0.8),
        (radius, body * 0.06),
        (radius * 0.93, 0),
    ]
    filling = mix_colours(product.flavour.main, (40, 16, 8), 0.35)
    label = _wrap_label(product, radius * 1.006, body * 0.78, body * 0.12, PAPER)
    cap = _make_cap(radius * 0.9, height * 0.17, product.line.brand.dark, body)
    return (Part(make_revolution(curve), make_plain(filling), GLASS), label, *cap)


def _build_bottle(product: Product) -> tuple[Part, ...]:
    """A bottle with sloping shoulders, its label around the belly."""
    height = product.line.height
    radius = height * _vary(product, 0.15, 0.18)
    reach = np.linspace(0, 1, 12)
    belly, neck = height * 0.66, height * 0.92
    ease = reach**2 * (3 - 2 * reach)
    shoulder = [
        (radius * (0.38 + 0.62 * e), neck - (neck - belly) * r) for e, r in zip(ease, reach, strict=True)
    ]
    curve = [(radius * 0.38, height * 0.95), *shoulder, (radius, height * 0.04), (radius * 0.9, 0)]
    dairy = product.line.kind.name == "Oat Drink"
    liquid = _WHITE if dairy else mix_colours(product.flavour.main, product.flavour.second, 0.25)
    label = _wrap_label(product, radius * 1.008, belly * 0.94, height * 0.1, PLASTIC)
    cap = _make_cap(radius * 0.43, height * 0.07, product.line.brand.dark, height * 0.93)
    return (Part(make_revolution(curve), make_plain(liquid), PLASTIC if dairy else GLASS), label, *cap)


def _build_flask(product: Product) -> tuple[Part, ...]:
    """A flattened plastic bottle for soap, printed all over its middle."""
    height = product.line.height
    radius, squash = height * _vary(product, 0.2, 0.25), 0.55
    reach = np.linspace(0, 1, 10)
    upper = [(radius * (0.35 + 0.65 * np.sin(r * np.pi / 2)), height * (0.86 - 0.16 * r)) for r in reach]
    curve = [*upper, (radius, height * 0.05), (radius * 0.92, 0)]
    body = mix_colours(choose_colours(product)[0], (255, 255, 255), 0.08)
    label = _wrap_label(product, radius * 1.006, height * 0.69, height * 0.07, PLASTIC, squash=squash)
    cap = _make_cap(radius * 0.36, height * 0.15, product.line.brand.light, height * 0.85)
    return (Part(make_revolution(curve, squash=squash), make_plain(body), PLASTIC), label, *cap)


def _inflate(width: float, height: float, bulge: Reals, narrowing: Reals) -> tuple[Floats, Floats]:
    """A grid of points (R, C, 3) and uv (R, C, 2) of a front that bulges by `bulge` (R, C) cm."""
    rows, columns = bulge.shape
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    points = np.stack([(u - 0.5) * width * narrowing[:, None], (1 - v) * height, bulge], 2)
    return points.astype(np.float32), np.stack([u, v], 2).astype(np.float32)


def _build_pillowed(
    product: Product, width: float, bulge: Reals, narrowing: Reals, material: Material
) -> tuple[Part, ...]:
    height = product.line.height
    points, uv = _inflate(width, height, bulge, narrowing)
    size = _measure(width, height)
    turned = points[:, ::-1] * np.array([1, 1, -1], dtype=np.float32)
    sides: tuple[tuple[Mesh, Picture], ...] = (
        (make_pillow(points, uv), draw_front(product, size)),
        (make_pillow(turned, uv), draw_side(product, size)),
    )
    return tuple(Part(mesh, texture, material) for mesh, texture in sides)


def _build_pouch(product: Product) -> tuple[Part, ...]:
    """A pouch that stands on its gusset: thick below, flat at the sealed top."""
    width = product.line.height * _vary(product, 0.6, 0.72)
    u, v = np.meshgrid(np.linspace(-1, 1, 17), np.linspace(0, 1, 20))
    bulge = width * 0.27 * (1 - np.abs(u) ** 2.6) * np.clip((v - 0.1) / 0.9, 0, 1) ** 0.8 + 0.05
    narrowing = 1 - 0.05 * np.sin(np.linspace(0, 1, 20) * np.pi)
    return _build_pillowed(product, width, bulge, narrowing, FILM)


def _build_bag(product: Product) -> tuple[Part, ...]:
    """A pillow bag full of air with crimped ends."""
    width = product.line.height * _vary(product, 0.64, 0.76)
    u, v = np.meshgrid(np.linspace(-1, 1, 17), np.linspace(-1, 1, 22))
    full = np.clip((1 - np.abs(v)) / 0.9, 0, 1) ** 0.55
    bulge = width * 0.24 * np.clip(1 - np.abs(u) ** 2.4, 0, 1) ** 0.8 * full + 0.05
    narrowing = 1 - 0.09 * np.clip(full[:, 0], 0, 1)
    return _build_pillowed(product, width, bulge, narrowing, FILM)


_BUILDERS: Final[dict[str, Callable[[Product], tuple[Part, ...]]]] = {
    "box": _build_box, "carton": _build_carton, "can": _build_can, "tin": _build_tin, "jar": _build_jar,
    "bottle": _build_bottle, "flask": _build_flask, "pouch": _build_pouch, "bag": _build_bag,
}  # fmt: skip
