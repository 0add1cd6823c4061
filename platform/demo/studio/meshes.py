"""Triangle meshes: quads, surfaces of revolution and pillows, with normals and texture positions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from demo.studio.pixels import Floats, Ints


@dataclass(frozen=True)
class Mesh:
    """Points (P, 3) in cm, unit normals (P, 3), uv (P, 2) in 0..1 with v down, triangles (T, 3).

    Triangles turn anti-clockwise when seen from outside.
    """

    points: Floats
    normals: Floats
    uv: Floats
    triangles: Ints

    def move(self, turn: npt.NDArray[np.float64], shift: tuple[float, float, float]) -> "Mesh":
        """The mesh turned by a rotation (3, 3) and then shifted."""
        points = (self.points @ turn.T + np.asarray(shift)).astype(np.float32)
        return Mesh(points, (self.normals @ turn.T).astype(np.float32), self.uv, self.triangles)


def make_quad(corners: npt.ArrayLike) -> Mesh:
    """A flat quad from (4, 3) corners: upper left, upper right, lower right, lower left seen from outside."""
    points = np.asarray(corners, dtype=np.float32)
    normal = np.cross(points[0] - points[1], points[2] - points[1])
    normals = np.tile(normal / np.linalg.norm(normal), (4, 1)).astype(np.float32)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float32)
    return Mesh(points, normals, uv, np.array([[0, 2, 1], [0, 3, 2]], dtype=np.int32))


def make_triangle(corners: npt.ArrayLike) -> Mesh:
    """A flat triangle from (3, 3) corners: top, lower right, lower left seen from outside."""
    points = np.asarray(corners, dtype=np.float32)
    normal = np.cross(points[0] - points[1], points[2] - points[1])
    normals = np.tile(normal / np.linalg.norm(normal), (3, 1)).astype(np.float32)
    uv = np.array([[0.5, 0], [1, 1], [0, 1]], dtype=np.float32)
    return Mesh(points, normals, uv, np.array([[0, 2, 1]], dtype=np.int32))


def make_revolution(profile: npt.ArrayLike, *, squash: float = 1.0, steps: int = 40) -> Mesh:
    """A surface of revolution about y. `profile` (K, 2) lists (radius, height) from top to bottom.

    u = 0.5 faces +z; v runs along the profile's length. `squash` flattens it front to back.
    """
    line = np.asarray(profile, dtype=np.float64)
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    angles = np.linspace(-np.pi, np.pi, steps + 1)
    sin, cos = np.sin(angles), np.cos(angles) * squash
    points = np.stack([line[:, :1] * sin, np.repeat(line[:, 1:], steps + 1, 1), line[:, :1] * cos], 2).astype(
        np.float32
    )
    slope = np.gradient(line, axis=0)
    out, up = -slope[:, 1:], slope[:, :1]
    normals = np.stack([out * sin * squash, np.repeat(up, steps + 1, 1), out * cos / squash], 2)
    u = np.tile(np.linspace(0, 1, steps + 1), (len(line), 1))
    v = np.repeat((lengths / lengths[-1])[:, None], steps + 1, 1)
    return _make_grid(points, normals, np.stack([u, v], 2))


def make_disc(radius: float, height: float, *, squash: float = 1.0, steps: int = 32) -> Mesh:
    """A flat lid that faces up; the texture lies on it as seen from above with the front below."""
    angles = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    ring = np.stack([np.sin(angles), np.cos(angles)], 1)
    flat = np.concatenate([[[0, 0]], ring])
    points = np.stack([flat[:, 0] * radius, np.full(steps + 1, height), flat[:, 1] * radius * squash], 1)
    normals = np.tile([0.0, 1.0, 0.0], (steps + 1, 1))
    following = np.arange(1, steps + 1)
    triangles = np.stack([np.zeros(steps, int), following, following % steps + 1], 1)
    first, second, third = (each.astype(np.float32) for each in (points, normals, 0.5 + flat / 2))
    return Mesh(first, second, third, triangles.astype(np.int32))


def make_pillow(surface: Floats, uv: Floats) -> Mesh:
    """A mesh from a grid of points (R, C, 3), rows from top to bottom, columns left to right from outside."""
    down, across = np.gradient(surface.astype(np.float64), axis=(0, 1))
    return _make_grid(surface, np.cross(down, across), uv)


def _make_grid(points: Floats, normals: npt.NDArray[np.float64], uv: npt.NDArray[np.floating]) -> Mesh:
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    first, second = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    third, fourth = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([first, third, second], 1), np.stack([first, fourth, third], 1)])
    lengths = np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    return Mesh(
        points.reshape(-1, 3).astype(np.float32),
        (normals / lengths).reshape(-1, 3).astype(np.float32),
        uv.reshape(-1, 2).astype(np.float32),
        triangles.astype(np.int32),
    )
