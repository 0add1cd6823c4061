"""Light and what surfaces do with it: soft key light, sky and bounce, and reflections of a window."""

from dataclasses import dataclass

import numpy as np

from demo.studio.pixels import Floats, make_noise


@dataclass(frozen=True)
class Material:
    """How a surface answers light. Shares are 0..1.

    `gloss` is how much of the window it mirrors, `sharpness` how tight that reflection is, `metal`
    how much of its colour is reflection only, `crinkle` how uneven foil or film is.
    """

    gloss: float = 0.12
    sharpness: float = 12.0
    metal: float = 0.0
    crinkle: float = 0.0


CARD = Material(gloss=0.10, sharpness=8.0)
PAPER = Material(gloss=0.05, sharpness=6.0)
PLASTIC = Material(gloss=0.45, sharpness=40.0)
GLASS = Material(gloss=0.7, sharpness=70.0)
STEEL = Material(gloss=0.7, sharpness=18.0, metal=0.75)
TINPLATE = Material(gloss=0.5, sharpness=26.0, metal=0.15)
FILM = Material(gloss=0.42, sharpness=16.0, crinkle=0.24)


@dataclass(frozen=True)
class Lighting:
    """One soft key light, ambient light from above, light bounced by the ground; linear RGB."""

    direction: tuple[float, float, float]  # unit vector from the scene to the key light
    key: tuple[float, float, float]
    sky: tuple[float, float, float]
    bounce: tuple[float, float, float]

    def light_normals(self, normals: Floats) -> Floats:
        """Irradiance (N, 3) at surfaces with unit normals (N, 3)."""
        facing = np.clip(normals @ np.asarray(self.direction, dtype=np.float32), 0, 1)[:, None]
        up = (0.5 + 0.5 * normals[:, 1])[:, None]
        key, sky, bounce = (np.asarray(each, dtype=np.float32) for each in (self.key, self.sky, self.bounce))
        return np.asarray(facing * key + up * sky + (1 - up) * bounce, dtype=np.float32)

    def reflect_window(self, mirrored: Floats, sharpness: float) -> Floats:
        """Brightness (N,) along mirrored rays (N, 3): a tall window by the key light, a faint one across."""
        key = np.asarray(self.direction, dtype=np.float32)
        across = np.cross(key, [0.0, 1.0, 0.0]).astype(np.float32)
        across /= np.linalg.norm(across)
        tall = np.exp(-sharpness * (mirrored @ across - 0.05) ** 2)
        tall *= np.clip(mirrored @ np.array([key[0], 0.25, key[2]], np.float32), 0, 1) ** 0.5
        other = np.array([-key[0], 0.35, abs(key[2]) * 0.4], dtype=np.float32)
        faint = np.exp(sharpness * 0.6 * (mirrored @ (other / np.linalg.norm(other)) - 1))
        return np.asarray(tall * 0.9 + faint * 0.35 + 0.12 * (0.5 + 0.5 * mirrored[:, 1]), dtype=np.float32)


def shade_surface(
    albedo: Floats,
    normals: Floats,
    uv: tuple[Floats, Floats],
    *,
    towards: Floats,
    material: Material,
    lighting: Lighting,
) -> Floats:
    """Light (N, 3) that leaves a surface of colour `albedo` (N, 3) towards the camera."""
    if material.crinkle:
        normals = normals + material.crinkle * _find_crinkles(uv)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    facing = np.clip(normals @ towards, 0, 1)
    mirrored = 2 * facing[:, None] * normals - towards
    fresnel = 0.5 + 0.5 * (1 - facing) ** 3
    shine = (material.gloss * fresnel * lighting.reflect_window(mirrored, material.sharpness))[:, None]
    diffuse = albedo * lighting.light_normals(normals)
    tint = (1 - material.metal) + material.metal * albedo * 2.2
    body = diffuse * (1 - 0.6 * material.metal)
    return np.asarray(body + shine * tint * np.asarray(lighting.key, dtype=np.float32), dtype=np.float32)


_CRINKLE_SIZE = 256


def _make_crinkles() -> Floats:
    """Slopes (256, 256, 3) of crumpled film. Folded noise, since film breaks along lines."""
    rng = np.random.default_rng(7)
    folds = np.abs(make_noise(rng, (_CRINKLE_SIZE, _CRINKLE_SIZE), (4, 6), 3)) * 14
    down, across = np.gradient(folds)
    return np.stack([across, down, np.zeros_like(down)], 2).astype(np.float32)


_CRINKLES = _make_crinkles()


def _find_crinkles(uv: tuple[Floats, Floats]) -> Floats:
    columns, rows = ((axis * (_CRINKLE_SIZE - 1)).astype(np.int32) for axis in uv)
    return np.asarray(_CRINKLES[rows, columns], dtype=np.float32)
