"""The camera: where it stands, how it projects, and what its lens and sensor do to the light."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from demo.studio.pixels import Floats, Picture, Size, blur_floats, encode_gamma


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. Lengths in centimetres, angles in degrees, y up, the product faces +z.

    It looks at `target` from `distance` away, `azimuth` to the right of the front, `elevation` above.
    """

    target: tuple[float, float, float]
    distance: float
    azimuth: float
    elevation: float
    roll: float
    focal: float  # pixels
    size: Size  # width, height in pixels

    @property
    def position(self) -> npt.NDArray[np.float64]:
        """Where the camera stands, (3,)."""
        azimuth, elevation = np.radians([self.azimuth, self.elevation])
        way = [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)]
        return np.asarray(self.target) + self.distance * np.asarray(way)

    @property
    def axes(self) -> npt.NDArray[np.float64]:
        """Rows: right, down and forward in the world, (3, 3)."""
        forward = np.asarray(self.target) - self.position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        cos, sin = np.cos(np.radians(self.roll)), np.sin(np.radians(self.roll))
        return np.stack([cos * right + sin * down, cos * down - sin * right, forward])

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """The projection of homogeneous world points to homogeneous pixels, (3, 4)."""
        width, height = self.size
        inner = np.array([[self.focal, 0, width / 2], [0, self.focal, height / 2], [0, 0, 1]])
        axes = self.axes
        return np.asarray(inner @ np.concatenate([axes, -(axes @ self.position)[:, None]], 1))

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """World points (N, 3) to pixels (N, 2) and depths (N,) in centimetres."""
        seen = np.concatenate([points, np.ones((len(points), 1))], 1) @ self.matrix.T
        depth = np.maximum(seen[:, 2], 1e-3)
        return (seen[:, :2] / depth[:, None]).astype(np.float32), seen[:, 2].astype(np.float32)

    def look_back_from(self, point: Floats) -> Floats:
        """The unit vector (3,) from a point to the camera."""
        way = self.position - point
        return np.asarray(way / np.linalg.norm(way), dtype=np.float32)

    def map_plane(
        self,
        origin: tuple[float, float, float],
        across: tuple[float, float, float],
        down: tuple[float, float, float],
    ) -> npt.NDArray[np.float64]:
        """The homography (3, 3) from texture pixels to picture pixels, for a texture laid out in the world.

        `across` and `down` are the steps in centimetres that one texture pixel takes.
        """
        frame = np.zeros((4, 3))
        frame[:3] = np.stack([across, down, origin], 1)
        frame[3, 2] = 1.0
        return np.asarray(self.matrix @ frame)


@dataclass(frozen=True)
class Lens:
    """What lens and sensor add: blur and shake in pixels, noise as a share of full scale, JPEG quality."""

    exposure: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.6
    shake: float = 0.0
    shake_angle: float = 0.0
    vignette: float = 0.15
    noise: float = 0.008
    quality: int = 88


def develop_picture(light: Floats, lens: Lens, rng: np.random.Generator) -> Picture:
    """Linear light (H, W, 3) to the picture (H, W, 3) a phone would save, before JPEG."""
    balance = np.asarray(lens.balance, dtype=np.float32) * np.float32(lens.exposure)
    light = blur_floats(light * balance, lens.blur)
    if lens.shake >= 1:
        light = _shake_picture(light, lens)
    light *= _make_vignette(light.shape[:2], lens.vignette)[..., None]
    light = _roll_off(light)
    picture = encode_gamma(light).astype(np.float32)
    picture += _take_noise(light.shape[:2], rng) * np.float32(255 * lens.noise)
    return np.clip(picture, 0, 255).astype(np.uint8)


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """The picture (H, W, 3) RGB as JPEG."""
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return bytes(data.tobytes())


def _roll_off(light: Floats) -> Floats:
    """Bright parts are compressed as a phone does, so that highlights keep some print."""
    knee = np.float32(0.75)
    over = np.maximum(light - knee, 0)
    return np.asarray(np.minimum(light, knee) + over / (1 + over / (1 - knee)), dtype=np.float32)


@lru_cache(maxsize=1)
def _make_noise_table() -> Floats:
    return np.random.default_rng(11).standard_normal((1024, 1024, 3), dtype=np.float32)


def _take_noise(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """A random cut (H, W, 3) of one large table: drawing fresh numbers would take longer than the picture."""
    table = _make_noise_table()
    top, left = (int(rng.integers(table.shape[axis] - shape[axis])) for axis in (0, 1))
    return table[top : top + shape[0], left : left + shape[1]]


def _shake_picture(light: Floats, lens: Lens) -> Floats:
    length = int(lens.shake) * 2 + 1
    kernel = np.zeros((length, length), dtype=np.float32)
    reach = np.array([np.cos(lens.shake_angle), np.sin(lens.shake_angle)]) * lens.shake
    start, end = (np.round(length // 2 + sign * reach).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, start, end, 1.0)
    return np.asarray(cv2.filter2D(light, -1, kernel / kernel.sum()), dtype=np.float32)


def _make_vignette(shape: tuple[int, ...], strength: float) -> Floats:
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    return np.asarray(1 - strength * (x[None, :] ** 2 + y[:, None] ** 2) / 2, dtype=np.float32)
