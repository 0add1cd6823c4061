"""A small software rasteriser: textured triangles, perspective-correct, painted from far to near."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from demo.studio.camera import Camera
from demo.studio.lighting import Lighting, Material, shade_surface
from demo.studio.meshes import Mesh
from demo.studio.pixels import Floats, Ints, Picture, decode_gamma, sample_picture, shrink_picture

_SMALLEST_AREA: Final = 0.05  # px^2; thinner slivers have no stable plane and cover nothing
_SUBPIXEL_BITS: Final = 4


@dataclass(frozen=True)
class Part:
    """A mesh with what is printed on it (H, W, 3) and what it is made of.

    Parts of a higher `layer` lie over those of a lower one: a label on its jar, where depth cannot tell.
    """

    mesh: Mesh
    texture: Picture
    material: Material
    layer: int = 0


@dataclass(frozen=True)
class _Faces:
    corners: Floats  # (T, 3, 2) pixels
    planes: Floats  # (T, 3, 6): u/w, v/w, normal/w, 1/w as a*x + b*y + c
    owners: Ints  # (T,) index of the part


def draw_parts(canvas: Floats, parts: tuple[Part, ...], camera: Camera, lighting: Lighting) -> None:
    """Paint the parts over `canvas` (H, W, 3), linear light, in place."""
    faces = _project_faces(parts, camera)
    if not len(faces.owners):
        return
    cover = _paint_faces(faces, canvas.shape[:2])
    rows, columns = np.nonzero(cover >= 0)
    which = cover[rows, columns]
    values = _interpolate(faces.planes[which], rows, columns)
    owners = faces.owners[which]
    opacity = _soften_rim(cover)[rows, columns]
    for index, part in enumerate(parts):
        chosen = np.flatnonzero(owners == index)
        if chosen.size:
            colours = _shade_part(part, values[chosen], camera, lighting)
            share = opacity[chosen, None]
            behind = canvas[rows[chosen], columns[chosen]]
            canvas[rows[chosen], columns[chosen]] = behind + share * (colours - behind)


def _soften_rim(cover: Ints) -> Floats:
    """(H, W) opacity: half on a straight rim, since OpenCV fills pixels that a polygon merely touches."""
    mask = (cover >= 0).astype(np.float32)
    mean = np.asarray(cv2.blur(mask, (3, 3)), dtype=np.float32)
    return np.asarray(np.clip((mean - 1 / 3) * 1.5, 0, 1), dtype=np.float32)


def _project_faces(parts: tuple[Part, ...], camera: Camera) -> _Faces:
    """Visible triangles of all parts, farthest first."""
    corners, values, depths, owners, layers = [], [], [], [], []
    for index, part in enumerate(parts):
        mesh = part.mesh
        pixels, depth = camera.project(mesh.points)
        corners.append(pixels[mesh.triangles])
        depths.append(depth[mesh.triangles])
        values.append(np.concatenate([mesh.uv, mesh.normals, np.ones((len(pixels), 1))], 1)[mesh.triangles])
        owners.append(np.full(len(mesh.triangles), index))
        layers.append(np.full(len(mesh.triangles), part.layer))
    corner, depth, value, owner = (np.concatenate(each) for each in (corners, depths, values, owners))
    turn = _find_signed_area(corner)
    kept = np.flatnonzero((turn < -_SMALLEST_AREA) & (depth.min(1) > 1.0))
    kept = kept[np.lexsort((-depth[kept].mean(1), np.concatenate(layers)[kept]))]
    homogeneous = np.concatenate([corner[kept], np.ones((len(kept), 3, 1))], 2).astype(np.float64)
    planes = np.linalg.solve(homogeneous, value[kept] / depth[kept][..., None])
    return _Faces(corner[kept].astype(np.float32), planes.astype(np.float32), owner[kept].astype(np.int32))


def _find_signed_area(corners: Floats) -> Floats:
    first = corners[:, 1] - corners[:, 0]
    second = corners[:, 2] - corners[:, 0]
    return np.asarray((first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2, dtype=np.float32)


def _paint_faces(faces: _Faces, shape: tuple[int, ...]) -> Ints:
    """(H, W) index of the face seen at each pixel, -1 where none is."""
    cover = np.full(shape, -1, dtype=np.int32)
    fixed = np.round(faces.corners * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    for index, corner in enumerate(fixed):
        cv2.fillConvexPoly(cover, corner, index, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
    return cover


def _interpolate(planes: Floats, rows: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]) -> Floats:
    """(N, 5): u, v and the normal at each pixel."""
    x = columns.astype(np.float32)[:, None]
    y = rows.astype(np.float32)[:, None]
    values = planes[:, 0] * x + planes[:, 1] * y + planes[:, 2]
    return np.asarray(values[:, :5] / values[:, 5:6], dtype=np.float32)


def _shade_part(part: Part, values: Floats, camera: Camera, lighting: Lighting) -> Floats:
    height, width = part.texture.shape[:2]
    factor = np.sqrt(len(values) / (0.45 * height * width))
    texture = shrink_picture(part.texture, factor) if factor < 0.7 else part.texture  # noqa: PLR2004
    height, width = texture.shape[:2]
    u, v = np.clip(values[:, :2], 0, 1).T
    print_ = sample_picture(texture, u * (width - 1), v * (height - 1))
    towards = camera.look_back_from(part.mesh.points.mean(0))
    return shade_surface(
        decode_gamma(print_),
        values[:, 2:],
        (u, v),
        towards=towards,
        material=part.material,
        lighting=lighting,
    )
