"""How the photos are taken: a shop's tidy reference photos and a customer's cluttered query photos."""

from typing import Final

import numpy as np

from demo.studio.backdrops import FLOORS, WALLS, pick_backdrop
from demo.studio.camera import Camera, Lens
from demo.studio.clutter import Thing, pick_package, pick_thing
from demo.studio.lighting import Lighting
from demo.studio.pixels import Size
from demo.studio.products import Product
from demo.studio.scenes import Backdrop, Scene, measure_parts, place_thing, render_scene
from demo.studio.shapes import build_package

_PORTRAIT: Final = (480, 640)
_LANDSCAPE: Final = (640, 480)
_FLAT_SHAPES: Final = {"box", "pouch", "bag"}
_REFERENCE_TURNS: Final = (0.0, 28.0, -30.0, 8.0)
_REFERENCE_RISES: Final = (9.0, 16.0, 12.0, 34.0)


def shoot_reference(product: Product, view: int, rng: np.random.Generator) -> bytes:
    """One of four views on a studio sweep or a bare table, as JPEG."""
    thing = place_thing(build_package(product), yaw=_REFERENCE_TURNS[view % 4] + rng.uniform(-5, 5))
    rise = _REFERENCE_RISES[view % 4] + rng.uniform(-3, 4)
    camera = _aim_camera(rng, thing, _PORTRAIT, azimuth=0.0, elevation=rise, share=rng.uniform(0.62, 0.76))
    lens = Lens(
        exposure=rng.uniform(0.98, 1.14),
        balance=_tint(rng, 0.02),
        blur=rng.uniform(0.4, 0.65),
        vignette=0.1,
        noise=rng.uniform(0.003, 0.008),
        quality=int(rng.integers(86, 93)),
    )
    scene = Scene(
        (thing,), _choose_plain_backdrop(rng, thing), camera, _light_scene(rng, 0.0, soft=True), lens
    )
    return render_scene(scene, rng)


def shoot_query(product: Product, rng: np.random.Generator) -> bytes:
    """The product among other things, hand-held, as JPEG: on a table, in a row on a shelf, or lying flat."""
    parts = build_package(product)
    mood = rng.random()
    if mood < 0.2 and product.line.shape in _FLAT_SHAPES:  # noqa: PLR2004
        scene = _arrange_flat_lay(rng, place_thing(parts, yaw=rng.uniform(-35, 35), lying=True))
    elif mood < 0.4:  # noqa: PLR2004
        scene = _arrange_shelf(rng, place_thing(parts, yaw=rng.uniform(-14, 14)))
    else:
        scene = _arrange_table(rng, place_thing(parts, yaw=rng.uniform(-16, 16)))
    return render_scene(scene, rng)


def _choose_plain_backdrop(rng: np.random.Generator, thing: Thing) -> Backdrop:
    ground = pick_backdrop(rng, ("plaster", "marble", "linen", "wood", "concrete"))
    behind = _find_reach(thing) + rng.uniform(14, 30)
    wall = None if rng.random() < 0.5 else pick_backdrop(rng, ("plaster",))  # noqa: PLR2004
    if wall is None:
        ground = pick_backdrop(rng, ("plaster", "plaster", "concrete", "marble"))
    return Backdrop(ground, wall, float(behind), 2.5, float(rng.uniform(-20, 20)))


def _choose_busy_backdrop(rng: np.random.Generator, distance: float) -> Backdrop:
    turn = float(rng.uniform(-50, 50))
    blur = float(rng.uniform(1.5, 5))
    return Backdrop(pick_backdrop(rng, FLOORS), pick_backdrop(rng, WALLS), distance, blur, turn)


def _arrange_table(rng: np.random.Generator, main: Thing) -> Scene:
    azimuth = float(rng.uniform(-32, 32))
    things = [main, *_scatter_things(rng, main, azimuth, int(rng.integers(3, 6)))]
    if rng.random() < 0.3:  # noqa: PLR2004
        things.append(_cover_corner(rng, main, azimuth))
    size = _PORTRAIT if rng.random() < 0.6 else _LANDSCAPE  # noqa: PLR2004
    share = rng.uniform(0.52, 0.7) if size == _PORTRAIT else rng.uniform(0.64, 0.82)
    camera = _aim_camera(
        rng, main, size, azimuth=azimuth, elevation=rng.uniform(8, 34), share=share, stray=0.12
    )
    backdrop = _choose_busy_backdrop(rng, _find_reach(main) + float(rng.uniform(28, 60)))
    return Scene(tuple(things), backdrop, camera, _light_scene(rng, azimuth, soft=False), _hold_phone(rng))


def _arrange_shelf(rng: np.random.Generator, main: Thing) -> Scene:
    """A row of packages side by side, the product among them."""
    azimuth = float(rng.uniform(-18, 18))
    things = [main]
    for side in (-1, 1):
        edge = _find_half_width(main)
        for _ in range(2):
            package = pick_package(rng)
            half = _find_half_width(place_thing(package))
            middle = edge + half + rng.uniform(0.3, 1.6)
            things.append(
                place_thing(package, yaw=rng.uniform(-10, 10), x=side * middle, z=rng.uniform(-2, 0.5))
            )
            edge = middle + half
    camera = _aim_camera(
        rng,
        main,
        _PORTRAIT,
        azimuth=azimuth,
        elevation=rng.uniform(2, 15),
        share=rng.uniform(0.56, 0.72),
        stray=0.08,
    )
    ground = pick_backdrop(rng, ("plaster", "wood", "concrete"))
    backdrop = Backdrop(
        ground, pick_backdrop(rng, ("shelf", "plaster", "wood")), 16 + _find_reach(main), 3.0, 0.0
    )
    return Scene(tuple(things), backdrop, camera, _light_scene(rng, azimuth, soft=False), _hold_phone(rng))


def _arrange_flat_lay(rng: np.random.Generator, main: Thing) -> Scene:
    """Seen from above, lying on a table with things around."""
    things = [main, *_scatter_things(rng, main, 0.0, 4, everywhere=True)]
    camera = _aim_camera(
        rng,
        main,
        _PORTRAIT,
        azimuth=rng.uniform(-12, 12),
        elevation=rng.uniform(55, 76),
        share=rng.uniform(0.54, 0.7),
        stray=0.06,
    )
    backdrop = _choose_busy_backdrop(rng, 150.0)
    return Scene(tuple(things), backdrop, camera, _light_scene(rng, 0.0, soft=False), _hold_phone(rng))


def _scatter_things(
    rng: np.random.Generator, main: Thing, azimuth: float, count: int, *, everywhere: bool = False
) -> list[Thing]:
    """Up to `count` things that touch neither the product nor each other, beside and behind it."""
    taken = [(0.0, 0.0, _find_reach(main))]
    things: list[Thing] = []
    for _ in range(count * 4):
        thing = pick_thing(rng)
        reach = _find_reach(thing)
        spread = 180.0 if everywhere else 115.0
        angle = np.radians(azimuth + 180 + rng.uniform(-spread, spread))
        away = taken[0][2] + reach + rng.uniform(0.5, 13)
        x, z = float(np.sin(angle) * away), float(np.cos(angle) * away)
        if all(np.hypot(x - a, z - b) > reach + other for a, b, other in taken):
            taken.append((x, z, reach))
            things.append(place_thing(thing, yaw=rng.uniform(-40, 40), x=x, z=z))
        if len(things) == count:
            break
    return things


def _cover_corner(rng: np.random.Generator, main: Thing, azimuth: float) -> Thing:
    """Something low in front of one lower corner of the product."""
    thing = pick_thing(rng)
    while _find_height(thing) > 0.42 * _find_height(main) and _find_height(thing) > 9:  # noqa: PLR2004
        thing = pick_thing(rng)
    reach = _find_reach(thing)
    aside = float(rng.choice([-1, 1])) * (_find_half_width(main) + reach * 0.45)
    ahead = _find_reach(main) + reach + 0.5
    sin, cos = np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))
    return place_thing(
        thing, yaw=rng.uniform(-40, 40), x=aside * cos + ahead * sin, z=ahead * cos - aside * sin
    )


def _aim_camera(
    rng: np.random.Generator,
    thing: Thing,
    size: Size,
    *,
    azimuth: float,
    elevation: float,
    share: float,
    stray: float = 0.02,
) -> Camera:
    """A camera that sees the thing `share` of the picture high (or wide), a little off the middle."""
    low, high = measure_parts(thing)
    extent = high - low
    tilt = np.radians(elevation)
    tall = extent[1] * np.cos(tilt) + extent[2] * np.sin(tilt)
    focal = float(rng.uniform(1.15, 1.5)) * max(size)
    distance = focal * max(tall / (share * size[1]), extent[0] / (share * 1.08 * size[0])) + extent[2] / 2
    off = rng.uniform(-stray, stray, 2) * extent.max()
    target = (float(off[0]), float((low[1] + high[1]) / 2 + off[1]), 0.0)
    roll = float(rng.normal(0, 18 * stray))
    return Camera(target, float(distance), float(azimuth), float(elevation), roll, focal, size)


def _light_scene(rng: np.random.Generator, azimuth: float, *, soft: bool) -> Lighting:
    side = float(rng.choice([-1, 1])) * rng.uniform(18, 52)
    around, above = np.radians(azimuth + side), np.radians(rng.uniform(30, 54))
    direction = (
        float(np.sin(around) * np.cos(above)),
        float(np.sin(above)),
        float(np.cos(around) * np.cos(above)),
    )
    key, sky = (0.85, 0.55) if soft else (float(rng.uniform(0.75, 1.15)), float(rng.uniform(0.3, 0.5)))
    warm = 0.02 if soft else float(rng.uniform(-0.04, 0.16))
    return Lighting(
        direction,
        key=(key * (1 + warm), key, key * (1 - warm)),
        sky=(sky * (1 - warm / 2), sky, sky * (1 + warm / 2)),
        bounce=(sky * 0.62, sky * 0.58, sky * 0.54),
    )


def _hold_phone(rng: np.random.Generator) -> Lens:
    return Lens(
        exposure=float(rng.uniform(0.82, 1.25)),
        balance=_tint(rng, 0.06),
        blur=float(rng.uniform(0.5, 1.15)),
        shake=float(rng.uniform(1, 2.6)) if rng.random() < 0.25 else 0.0,  # noqa: PLR2004
        shake_angle=float(rng.uniform(0, np.pi)),
        vignette=float(rng.uniform(0.1, 0.35)),
        noise=float(rng.uniform(0.006, 0.022)),
        quality=int(rng.integers(72, 90)),
    )


def _tint(rng: np.random.Generator, spread: float) -> tuple[float, float, float]:
    red, blue = rng.uniform(1 - spread, 1 + spread, 2)
    return float(red), 1.0, float(blue)


def _find_reach(thing: Thing) -> float:
    low, high = measure_parts(thing)
    half = (high - low) / 2
    return float(np.hypot(half[0], half[2]))


def _find_half_width(thing: Thing) -> float:
    low, high = measure_parts(thing)
    return float(high[0] - low[0]) / 2


def _find_height(thing: Thing) -> float:
    low, high = measure_parts(thing)
    return float(high[1] - low[1])
