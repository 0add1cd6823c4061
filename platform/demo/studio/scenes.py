"""A photographed scene: products and clutter on a table or in a studio, lit and seen by a camera."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from demo.studio.camera import Camera, Lens, develop_picture, encode_jpeg
from demo.studio.lighting import Lighting
from demo.studio.pixels import Floats, Picture, blur_floats, decode_gamma, fill_hull, warp_picture
from demo.studio.rasteriser import Part, draw_parts

_CM_PER_TEXEL: Final = 0.13
_SHADOW_SCALE: Final = 4  # shadows are soft, so they are drawn this much smaller
_STEPS_OF_SHADE: Final = (
    (0.06, 5.0, 0.5),
    (0.55, 3.0, 0.42),
    (1.0, 9.0, 0.38),
)  # share of the height, blur px, darkness


@dataclass(frozen=True)
class Backdrop:
    """Ground and wall textures; without a wall it is a studio sweep of the ground's mean colour."""

    ground: Picture
    wall: Picture | None
    wall_distance: float  # cm behind the product
    wall_blur: float  # px
    turn: float  # degrees the ground's texture is turned


@dataclass(frozen=True)
class Scene:
    """All that is needed for one photo; drawing it twice gives the same bytes."""

    things: tuple[tuple[Part, ...], ...]
    backdrop: Backdrop
    camera: Camera
    lighting: Lighting
    lens: Lens


def render_scene(scene: Scene, rng: np.random.Generator) -> bytes:
    """The scene as JPEG; `rng` gives the sensor's noise."""
    canvas = _draw_backdrop(scene)
    _draw_shadows(canvas, scene)
    for thing in _sort_from_far(scene.things, scene.camera):
        draw_parts(canvas, thing, scene.camera, scene.lighting)
    return encode_jpeg(develop_picture(canvas, scene.lens, rng), scene.lens.quality)


def place_thing(
    parts: Iterable[Part], *, yaw: float = 0.0, lying: bool = False, x: float = 0.0, z: float = 0.0
) -> tuple[Part, ...]:
    """The parts turned by `yaw` degrees, laid on their back if `lying`, and stood on the ground at (x, z)."""
    turn = _turn_about_up(yaw)
    if lying:
        turn = turn @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    turned = [replace(part, mesh=part.mesh.move(turn, (0, 0, 0))) for part in parts]
    low, high = measure_parts(turned)
    middle = (low + high) / 2 if lying else np.zeros(3)
    shift = (x - float(middle[0]), -float(low[1]), z - float(middle[2]))
    return tuple(replace(part, mesh=part.mesh.move(np.eye(3), shift)) for part in turned)


def measure_parts(parts: Iterable[Part]) -> tuple[Floats, Floats]:
    """The lower and upper corner (3,) of the box around the parts, in cm."""
    points = np.concatenate([part.mesh.points for part in parts])
    return points.min(0), points.max(0)


def _turn_about_up(degrees: float) -> npt.NDArray[np.float64]:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _sort_from_far(things: tuple[tuple[Part, ...], ...], camera: Camera) -> list[tuple[Part, ...]]:
    def find_distance(thing: tuple[Part, ...]) -> float:
        low, high = measure_parts(thing)
        middle = (low + high) / 2
        return float(np.hypot(middle[0] - camera.position[0], middle[2] - camera.position[2]))

    return sorted(things, key=find_distance, reverse=True)


def _draw_backdrop(scene: Scene) -> Floats:
    backdrop, camera, lighting = scene.backdrop, scene.camera, scene.lighting
    up = lighting.light_normals(np.array([[0, 1, 0]], dtype=np.float32))[0]
    if backdrop.wall is None:
        return _draw_sweep(scene, up)
    ground = decode_gamma(_warp_ground(backdrop, camera)) * up
    facing = _turn_about_up(camera.azimuth)[:, 2].astype(np.float32)
    light = lighting.light_normals(facing[None, :])[0] * np.float32(0.85)
    wall = decode_gamma(_warp_wall(backdrop.wall, backdrop, camera)) * light
    mask = _find_wall(backdrop, camera)[..., None]
    return np.asarray(blur_floats(wall, backdrop.wall_blur) * mask + ground * (1 - mask), dtype=np.float32)


def _draw_sweep(scene: Scene, light: Floats) -> Floats:
    """A paper roll: no edge between ground and wall, brighter around the product."""
    width, height = scene.camera.size
    colour = decode_gamma(scene.backdrop.ground.reshape(-1, 3).mean(0).astype(np.uint8))
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    glow = 0.72 + 0.3 * np.exp(-((x - 0.5) ** 2 + (y - 0.45) ** 2) * 4)
    fold = 1 + 0.1 / (1 + np.exp(-(y - 0.62) * 14))
    return np.asarray((glow * fold)[..., None] * colour * light, dtype=np.float32)


def _warp_ground(backdrop: Backdrop, camera: Camera) -> Picture:
    turn = _turn_about_up(backdrop.turn) * _CM_PER_TEXEL
    corner = -turn @ np.array([1.0, 0, 1]) * backdrop.ground.shape[0] / 2
    plane = camera.map_plane(_as_triple(corner), _as_triple(turn[:, 0]), _as_triple(turn[:, 2]))
    near = warp_picture(backdrop.ground, plane, camera.size)
    share = _find_farness(plane, camera)
    if share.max() <= 0:
        return near
    far = _warp_coarsely(_soften(backdrop.ground), plane, camera)
    return np.asarray(cv2.blendLinear(near, far, 1 - share, share), dtype=np.uint8)


def _find_farness(plane: npt.NDArray[np.float64], camera: Camera) -> Floats:
    """(H, W): 0 where the ground is as near as the product, 1 where fine patterns would shimmer."""
    width, height = camera.size
    to_texture = np.linalg.inv(plane)[2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    nearness = to_texture[0] * x + to_texture[1] * y + to_texture[2]
    depth = 1 / np.maximum(nearness, 1e-6)
    return np.asarray(np.clip((depth / camera.distance - 1.15) * 1.5, 0, 1), dtype=np.float32)


def _soften(ground: Picture) -> Picture:
    return np.asarray(cv2.blur(ground, (45, 45), borderType=cv2.BORDER_REFLECT), dtype=np.uint8)


def _warp_wall(wall: Picture, backdrop: Backdrop, camera: Camera) -> Picture:
    step = _CM_PER_TEXEL * 1.4
    turn = _turn_about_up(camera.azimuth)
    side = wall.shape[0] * step
    corner = turn @ np.array([-side / 2, side * 0.7, -backdrop.wall_distance])
    steps = (_as_triple(corner), _as_triple(turn[:, 0] * step), (0.0, -step, 0.0))
    return _warp_coarsely(wall, camera.map_plane(*steps), camera)


def _warp_coarsely(texture: Picture, plane: npt.NDArray[np.float64], camera: Camera) -> Picture:
    """Warped at half size and enlarged: for what is out of focus anyway, at a quarter of the time."""
    width, height = camera.size
    small = warp_picture(texture, np.diag([0.5, 0.5, 1.0]) @ plane, (width // 2, height // 2))
    return np.asarray(cv2.resize(small, camera.size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _find_wall(backdrop: Backdrop, camera: Camera) -> Floats:
    """(H, W): 1 where the wall is seen, 0 where the ground is."""
    local = np.array(
        [[x, y, -backdrop.wall_distance] for x, y in ((-400, 0), (400, 0), (400, 500), (-400, 500))]
    )
    pixels, depth = camera.project((local @ _turn_about_up(camera.azimuth).T).astype(np.float32))
    mask = np.zeros(camera.size[::-1], dtype=np.float32)
    if depth.min() > 1:
        fill_hull(mask, pixels, 1.0)
    return blur_floats(mask, 1.0 + backdrop.wall_blur * 0.5)


def _draw_shadows(canvas: Floats, scene: Scene) -> None:
    """Darken the ground where things keep light away: sharper by their foot, softer further off."""
    camera = scene.camera
    width, height = (side // _SHADOW_SCALE for side in camera.size)
    softness = camera.focal / camera.distance / 14 / _SHADOW_SCALE
    total = np.zeros((height, width), dtype=np.float32)
    for share, blur, darkness in _STEPS_OF_SHADE:
        mask = np.zeros_like(total)
        for thing in scene.things:
            _cast_shadow(mask, thing, scene, share)
        total += darkness * blur_floats(mask, max(blur * softness, 0.5))
    shade = cv2.resize(np.clip(total, 0, 0.88), camera.size, interpolation=cv2.INTER_LINEAR)
    canvas *= (1 - shade)[..., None]


def _cast_shadow(mask: Floats, thing: tuple[Part, ...], scene: Scene, share: float) -> None:
    """Fill the shadow on the ground of a thing's lower `share`."""
    x, y, z = scene.lighting.direction
    points = np.concatenate([part.mesh.points for part in thing])
    height = np.minimum(points[:, 1], share * points[:, 1].max())
    reach = height / max(y, 0.2)
    ground = np.stack([points[:, 0] - x * reach, np.zeros_like(height), points[:, 2] - z * reach], 1)
    pixels, _ = scene.camera.project(ground.astype(np.float32))
    fill_hull(mask, pixels / _SHADOW_SCALE, 1.0)


def _as_triple(vector: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(each) for each in vector)
    return x, y, z
